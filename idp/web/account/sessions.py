"""List one's sessions, with a button to end each (OWASP ASVS 7.5.2)."""

from dataclasses import dataclass
from functools import partial

from flask import Blueprint, Response

from idp.errors import Message, say
from idp.identity.sessions import listing
from idp.identity.sessions.listing import OpenSession
from idp.signin.requirements import Needs
from idp.store import sessions as store
from idp.web import csrf, pages, request_context
from idp.web.account.current_user import me
from idp.web.account.outcome import done, outcome
from idp.web.pagination import List, Pages, page_of

PLACE = "/account/sessions"


@dataclass(frozen=True)
class SessionsPage:
    """Hold a page of the open sessions, newest first. ``current``: the id of this browser's own."""

    username: str
    organisation_name: str
    current: str
    sessions: tuple[OpenSession, ...]
    pages: Pages
    done: Message | None = None


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule(PLACE, "sessions", show)
    blueprint.add_url_rule(f"{PLACE}/<login_id>/end", "end_session", end, methods=["POST"])


def show() -> Response:
    """List the sessions."""
    present = me(Needs(return_to=PLACE))
    shown, beside = page_of(
        List("account.sessions", {}),
        partial(store.place_of, present.organisation.id),
        partial(listing.of_person, present.user),
        lambda row: row.id,
    )
    named, current = (present.user.username, present.organisation.name), present.settled.session_id
    return pages.render("account/sessions.html", SessionsPage(*named, current, tuple(shown), beside, outcome(present)))


def end(login_id: str) -> Response:
    """End one, with all that apps hold of it. Ending one's own signs out."""
    csrf.require()
    present = me(Needs(return_to=PLACE))
    ended = listing.end_own(present.user, login_id, present.origin)
    if login_id != present.settled.session_id:
        return done(present, PLACE, say("The session on “%(browser)s” has ended.", browser=ended.label))
    request_context.cookies().session = ""
    return pages.see_other("/?done=signed-out")
