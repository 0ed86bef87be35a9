"""Show the front page at the issuer's root: the user, their apps, security, sign-out."""

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from idp import clock
from idp.branding import brand_of
from idp.errors import Message, say
from idp.identity import permissions
from idp.identity.ownership import owner_recovery
from idp.identity.sessions import sessions
from idp.signin.authenticate import known
from idp.signin.requirements import Needs
from idp.store import clients, polled_requests
from idp.store import sessions as session_rows
from idp.store.users import User
from idp.web import asking, csrf, language, pages, request_context
from idp.web.account.current_user import Me, SignInFirst, me, who
from idp.web.account.launch import address_of, launchable
from idp.web.account.outcome import done, outcome


@dataclass(frozen=True)
class App:
    """Hold an app that the person may open: its name and, if registered, its address and the id of its icon."""

    name: str
    address: str
    icon: str = ""


@dataclass(frozen=True)
class Asked:
    """Hold an approval that waits for this person: the app's name, what it says, and where to decide."""

    app: str
    message: str
    address: str


@dataclass(frozen=True)
class HomePage:
    """Hold the front page; ``username`` is empty without a session. ``name`` may be empty.

    ``has_console``: whether they administer an organisation; ``is_recovering``: a recovery of its owner is under way (S48).
    """

    username: str
    name: str
    organisation_name: str
    apps: tuple[App, ...]
    has_console: bool = False
    is_recovering: bool = False
    asked: tuple[Asked, ...] = ()
    done: Message | None = None


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/", "home", home)
    blueprint.add_url_rule("/sign-in", "sign_in", sign_in, methods=["POST"])
    blueprint.add_url_rule("/sign-out", "sign_out", sign_out, methods=["POST"])
    blueprint.add_url_rule("/account/owner-recovery/stop", "stop_recovery", stop_recovery, methods=["POST"])


def home() -> Response:
    """Show who is signed in and where to go, or a way to sign in."""
    present = who()
    if present is None:
        pages.wear(known(request_context.settings(), request_context.visit(), "", asking.read).brand)
        return pages.render("account/home.html", HomePage("", "", "", (), done=_signed_out()))
    pages.wear(brand_of(present.organisation))
    user, at = present.user, present.organisation
    rules = permissions.administers(at.id, user)
    is_recovering = rules and owner_recovery.under_way(at.id) is not None
    page = HomePage(user.username, user.name, at.name, _apps(present), rules, is_recovering, _asked(user), outcome(present))
    return pages.render("account/home.html", page)


def sign_in() -> Response:
    """Sign in without a relying app."""
    csrf.require()
    try:
        me(Needs(return_to="/", ui_locales=tuple(request.args.getlist(language.PICKED))))
    except SignInFirst as first:
        return first.response
    return pages.see_other("/")


def sign_out() -> Response:
    """End the session of this browser and its grants; trust in the device stays (S37)."""
    csrf.require()
    visit, spoken = request_context.visit(), language.in_address(language.chosen())  # before the session is over
    session = sessions.current(visit.session, clock.now()) if visit.session else None
    if session is not None:
        sessions.end(session, "signed_out", visit.origin(session.user_id))
    request_context.cookies().session = ""
    return pages.see_other(f"/?{urlencode({**spoken, 'done': 'signed-out'})}")


def stop_recovery() -> Response:
    """Stop the recovery of the owner, for administrators without a mailed link, and for the owner (S48)."""
    csrf.require()
    present = me(Needs(return_to="/"))
    owner_recovery.cancel(request_context.settings(), present.organisation, present.origin)
    return done(present, "/", say("The recovery of the owner's account is stopped."))


def _signed_out() -> Message | None:
    """Return the notice for a visitor without a session, if the address says that they just signed out."""
    return say("You are signed out.") if request.args.get("done") == "signed-out" else None


def _asked(user: User) -> tuple[Asked, ...]:
    rows = polled_requests.waiting_for(user.organisation_id, user.id, clock.now())
    names = clients.names({row.client_id for row in rows}) if rows else {}
    return tuple(
        Asked(names[row.client_id], str(row.parameters.get("binding_message", "")), f"/approve/{row.id}")
        for row in rows
        if row.client_id in names
    )


def _apps(present: Me) -> tuple[App, ...]:
    """Return all apps that the person may open, by name, and the others that this session opened: those without a link.

    An app that registered itself can change its address while the session lasts.
    """
    found = {one.client_id: App(one.name, address_of(one), one.icon) for one in launchable(present)}
    rows = session_rows.clients_of(present.organisation.id, present.settled.session_id)
    opened = clients.some(others) if (others := [row.client_id for row in rows if row.client_id not in found]) else ()
    found |= {row.client_id: App(row.name, "") for row in opened}
    return tuple(sorted(found.values(), key=lambda app: app.name.casefold()))
