"""Show the owner of the organisation, and the open offer of ownership. Offers are made in ``user_actions``."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from flask import Blueprint, Response, abort, url_for

from idp.errors import say
from idp.identity.owner import owner_of
from idp.identity.ownership import transfer
from idp.web import pages, request_context
from idp.web.admin import guard
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin, Frame
from idp.web.admin.person import Person

HERE = "settings"


@dataclass(frozen=True)
class Offer:
    """Hold an open offer to the person with this ``username``."""

    username: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class OwnershipPage:
    """Hold the owner and the offer, or None. ``is_owner``: the reader is the owner; ``may_withdraw``: the offer."""

    frame: Frame
    owner: Person | None
    offer: Offer | None
    is_owner: bool
    may_withdraw: bool


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
    return OwnershipPage(
        frame=admin.frame(HERE),
        owner=Person.of(owner, admin.organisation.zone) if owner else None,
        offer=Offer(waiting.new_owner.username, waiting.since, waiting.until) if waiting else None,
        is_owner=owner is not None and owner.id == admin.me.user.id,
        may_withdraw=transfer.may_withdraw(admin.organisation, admin.origin),
    )


def _question(page: OwnershipPage, back: str) -> Question:
    """Return the question. Answers 404 if there is no offer that the reader may withdraw."""
    offer = page.offer if page.may_withdraw else None
    if offer is None:
        abort(404)
    words = say("%(username)s can no longer accept the offer. You both get an e-mail about it.", username=offer.username)
    return Question(say("Withdraw the offer?"), (words,), say("Withdraw the offer"), back, asks_password=False)
