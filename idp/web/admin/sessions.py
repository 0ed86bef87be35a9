"""Who is signed in now, and ending one of those sessions."""

from dataclasses import dataclass, replace

from flask import Blueprint, Response, url_for

from idp.errors import Refusal, say
from idp.identity import authority, sessions
from idp.identity.people import compared
from idp.identity.sessions import OpenSession
from idp.web import browser, pages
from idp.web.admin import access, dialog, lists
from idp.web.admin.access import Frame, Section
from idp.web.admin.acts import TELLS
from idp.web.admin.dialog import Question
from idp.web.admin.lists import PAGE, Pages

HERE = "sessions"


@dataclass(frozen=True)
class OpenSessionsPage:
    """A page of sessions, newest first; ``username`` is what was looked for. ``own``: the id of this browser's.

    ``reach``: the ids of those people whose sessions the reader may end.
    """

    frame: Frame
    username: str
    own: str
    rows: tuple[OpenSession, ...]
    reach: frozenset[str]
    pages: Pages


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes and its entry of the menu."""
    access.section(Section(HERE, say("Sessions"), "admin.sessions", retailers_only=False))
    blueprint.add_url_rule("/<store_url>/sessions", "sessions", show)
    blueprint.add_url_rule("/<store_url>/sessions/<login_id>/end", "end_session", end, methods=["GET", "POST"])


def show(store_url: str) -> Response:
    """The list, of everybody or of one person."""
    admin, typed = access.administrator(store_url, or_installation=True), lists.asked("username")
    rows = sessions.of_organisation(admin.organisation.id, username=compared(typed), skip=lists.skipped(), limit=PAGE + 1)
    beside = lists.pages_of(rows, "admin.sessions", store_url=store_url, username=typed)
    shown, at = rows[:PAGE], admin.organisation
    reach = frozenset(one for one in {row.user_id for row in shown} if sessions.may_end(at, one, admin.origin))
    page = OpenSessionsPage(admin.frame(HERE), typed, admin.me.settled.login_id, shown, reach, beside)
    return pages.render("admin/sessions.html", page)


def end(store_url: str, login_id: str) -> Response:
    """Ask, then end one."""
    admin = access.administrator(store_url, fresh=True, or_installation=True)
    login, user = sessions.find(admin.organisation.id, login_id)
    authority.require_self_or_over(admin.organisation, user, admin.origin)
    back = url_for("admin.sessions", store_url=store_url)
    question = _question(user.username, login.label, back, is_own=user.id == admin.me.user.id)
    asked = dialog.unconfirmed(admin, HERE, question)
    if asked is not None:
        return asked
    try:
        sessions.end_of(browser.settings(), admin.organisation, login_id, admin.origin)
    except Refusal as refusal:
        return dialog.refused(admin, HERE, question, refusal)
    return access.done(back, "done")


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
