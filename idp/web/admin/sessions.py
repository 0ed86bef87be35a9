"""List the open sessions of an organisation, and end one."""

from dataclasses import dataclass, replace
from functools import partial

from flask import Blueprint, Response, url_for

from idp.errors import Message, say
from idp.identity import permissions
from idp.identity.sessions import listing
from idp.identity.sessions.listing import OpenSession
from idp.normal_forms import compared
from idp.store import sessions
from idp.web import forms, pages, request_context
from idp.web.admin import guard
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin, Frame
from idp.web.admin.user_actions import TELLS
from idp.web.pagination import List, Pages, page_of

HERE = "sessions"


@dataclass(frozen=True)
class OpenSessionsPage:
    """Hold a page of sessions, newest first; ``username`` is the search. ``own``: the id of this browser's.

    ``reach``: the ids of the people whose sessions the reader may end.
    """

    frame: Frame
    username: str
    own: str
    rows: tuple[OpenSession, ...]
    reach: frozenset[str]
    pages: Pages


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/<store_url>/sessions", "sessions", show)
    blueprint.add_url_rule("/<store_url>/sessions/<login_id>/end", "end_session", end, methods=["GET", "POST"])


def show(store_url: str) -> Response:
    """List the sessions of all users, or of one."""
    admin, typed = guard.administrator(store_url, or_installation=True), forms.asked("username")
    at = admin.organisation
    shown, beside = page_of(
        List("admin.sessions", {"store_url": store_url, "username": typed}),
        partial(sessions.place_of, at.id),
        partial(listing.of_organisation, at.id, username=compared(typed)),
        lambda row: row.id,
    )
    reach = frozenset(one for one in {row.user_id for row in shown} if listing.may_end(at, one, admin.origin))
    page = OpenSessionsPage(admin.frame(HERE), typed, admin.me.settled.session_id, tuple(shown), reach, beside)
    return pages.render("admin/sessions.html", page)


def end(store_url: str, login_id: str) -> Response:
    """Ask, then end one."""
    admin = guard.administrator(store_url, fresh=True, or_installation=True)
    session, user = listing.find(admin.organisation.id, login_id)
    permissions.require_self_or_over(admin.organisation, user, admin.origin)
    told = say("%(username)s is signed out of “%(browser)s”.", username=user.username, browser=session.label)
    question = _question(user.username, session.label, _all(admin), is_own=user.id == admin.me.user.id)
    return confirm_then(admin, HERE, question, partial(_end, admin, login_id, told))


def _end(admin: Admin, login_id: str, told: Message) -> Response:
    listing.end_of(request_context.settings(), admin.organisation, login_id, admin.origin)
    return guard.told(admin, _all(admin), told)


def _all(admin: Admin) -> str:
    return url_for("admin.sessions", store_url=admin.organisation.store_url)


def _question(username: str, label: str, back: str, *, is_own: bool) -> Question:
    tells = () if is_own else (replace(TELLS, values={"username": username}),)
    return Question(
        say("End this session of %(username)s?", username=username),
        (
            say("%(username)s is signed out of %(browser)s at once, and of every app that was opened there.",
                username=username, browser=label),
            say("Other sessions and remembered devices stay as they are."),
            *tells,
        ),
        say("End the session"),
        back,
    )  # fmt: skip
