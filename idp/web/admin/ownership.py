"""Show the owner of the organisation, and the open offer of ownership. Offers are made in ``user_actions``."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from flask import Blueprint, Response, abort, url_for

from idp.errors import Message, say
from idp.identity.owner import owner_of
from idp.identity.ownership import transfer
from idp.identity.roles import ROLE_NAMES, Role
from idp.store import user_search
from idp.store.user_search import PeopleSought
from idp.store.users import User
from idp.web import forms, pages, request_context
from idp.web.admin import guard
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin, Frame
from idp.web.admin.person import Person

HERE = "settings"
CANDIDATES = 10
"""The most people that are shown; a longer search finds fewer."""


@dataclass(frozen=True)
class Offer:
    """Hold an open offer to the person with this ``username``."""

    username: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Candidate:
    """Hold a person that a search found. ``why_not``: the reason why they cannot be the owner, or None."""

    id: str
    username: str
    name: str
    role: Message
    why_not: Message | None


@dataclass(frozen=True)
class OwnershipPage:
    """Hold the owner and the offer, or None. ``is_owner``: the reader is the owner; ``may_withdraw``: the offer.

    ``act``: what the reader may do with one of the ``candidates``, found by ``q``: offer it, appoint, or nothing.
    """

    frame: Frame
    owner: Person | None
    offer: Offer | None
    is_owner: bool
    may_withdraw: bool
    act: str = ""
    q: str = ""
    candidates: tuple[Candidate, ...] = ()
    has_more: bool = False


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes; the settings lead here."""
    blueprint.add_url_rule("/<store_url>/ownership", "ownership", show)
    blueprint.add_url_rule("/<store_url>/ownership/withdraw", "withdraw_ownership", withdraw, methods=["GET", "POST"])


def show(store_url: str) -> Response:
    """Show the owner and any open offer or recovery."""
    admin = guard.administrator(store_url)
    return pages.render("admin/ownership.html", _page(admin))


def withdraw(store_url: str) -> Response:
    """Ask, then withdraw the offer."""
    admin = guard.administrator(store_url, fresh=True)
    page, back = _page(admin), url_for("admin.ownership", store_url=store_url)
    question, username = _question(page, back), page.offer.username if page.offer else ""
    return confirm_then(admin, HERE, question, partial(_withdraw, admin, back, username))


def _withdraw(admin: Admin, back: str, username: str) -> Response:
    transfer.withdraw(request_context.settings(), admin.organisation, admin.origin)
    return guard.told(admin, back, say("The offer to %(username)s is withdrawn.", username=username))


def _page(admin: Admin) -> OwnershipPage:
    owner = owner_of(admin.organisation)
    waiting = transfer.waiting(request_context.settings(), admin.organisation)
    q, act = forms.asked("q"), _act(admin, owner)
    found = _candidates(admin, q) if act else ()
    return OwnershipPage(
        frame=admin.frame(HERE),
        owner=Person.of(owner, admin.organisation.zone) if owner else None,
        offer=Offer(waiting.new_owner.username, waiting.since, waiting.until) if waiting else None,
        is_owner=owner is not None and owner.id == admin.me.user.id,
        may_withdraw=transfer.may_withdraw(admin.organisation, admin.origin),
        act=act,
        q=q,
        candidates=found[:CANDIDATES],
        has_more=len(found) > CANDIDATES,
    )


def _act(admin: Admin, owner: User | None) -> str:
    """Return the action of ``user_actions`` that the reader may choose a person for; empty for none."""
    if owner is None:
        return "appoint-owner" if admin.is_operator else ""
    return "offer-ownership" if owner.id == admin.me.user.id else ""


def _candidates(admin: Admin, q: str) -> tuple[Candidate, ...]:
    """Return the people that a search finds, the reader left out; without a search the administrators."""
    at = admin.organisation
    sought = PeopleSought(q) if q else PeopleSought(role=Role.ADMINISTRATOR)
    found = (row for row in user_search.search(at.id, sought, None, CANDIDATES + 2) if row.id != admin.me.user.id)
    return tuple(
        Candidate(row.id, row.username, row.name, ROLE_NAMES[row.role], transfer.why_unfit(at, row)) for row in found
    )


def _question(page: OwnershipPage, back: str) -> Question:
    """Return the question. Answers 404 if there is no offer that the reader may withdraw."""
    offer = page.offer if page.may_withdraw else None
    if offer is None:
        abort(404)
    words = say("%(username)s can no longer accept the offer. You both get an e-mail about it.", username=offer.username)
    return Question(say("Withdraw the offer?"), (words,), say("Withdraw the offer"), back, asks_password=False)
