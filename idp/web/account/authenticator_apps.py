"""List, add, set up again, rename and remove one's authenticator apps."""

from dataclasses import dataclass, replace
from datetime import datetime

from flask import Blueprint, Response

from idp import clock
from idp.errors import Message, say
from idp.identity.credentials import authenticator_apps
from idp.identity.users import lookup
from idp.identity.users.status import Kept
from idp.signin.requirements import Needs
from idp.signin.state import ADD_APP, ENROL
from idp.store.totp import Totp
from idp.web import csrf, forms, pages, reauthentication, request_context, unsaved, ways_back
from idp.web.account.current_user import Me, changing, me
from idp.web.account.outcome import done, outcome

PLACE = "/account/authenticator-apps"
TITLE = say("Authenticator apps")


@dataclass(frozen=True)
class App:
    """Hold one authenticator app of the list. ``name``: the person's own, or empty: then its number names it."""

    id: str
    number: int
    name: str
    added_at: datetime
    last_used_at: datetime | None
    typed: str | None = None
    """The entered name that is not saved yet."""


@dataclass(frozen=True)
class AuthenticatorAppsPage:
    """Hold the list; ``is_full``: no more can be added. ``reasons``: why the last factor stays, if this app is it (S7)."""

    username: str
    organisation_name: str
    apps: tuple[App, ...]
    is_full: bool
    reasons: tuple[Message, ...] = ()
    done: Message | None = None


@dataclass(frozen=True)
class RemoveAuthenticatorAppPage:
    """Hold the dialog: if ``asks_password``, the field. ``is_last``: without the app only the password is left."""

    username: str
    organisation_name: str
    app: App
    is_last: bool
    asks_password: bool
    errors: tuple[Message, ...] = ()


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    at = f"{PLACE}/<totp_id>"
    blueprint.add_url_rule(PLACE, "authenticator_apps", show)
    blueprint.add_url_rule(f"{PLACE}/add", "add_authenticator_app", add, methods=["POST"])
    blueprint.add_url_rule(f"{at}/set-up", "set_up_authenticator_app", set_up_again, methods=["POST"])
    blueprint.add_url_rule(f"{at}/rename", "rename_authenticator_app", rename, methods=["POST"])
    blueprint.add_url_rule(f"{at}/remove", "ask_to_remove_authenticator_app", ask_to_remove)
    blueprint.add_url_rule(f"{at}/remove", "remove_authenticator_app", remove, methods=["POST"])


def show() -> Response:
    """List the apps."""
    present = me(Needs(return_to=PLACE))
    apps = tuple(app_of(row) for row in authenticator_apps.apps_of(present.user))
    page = AuthenticatorAppsPage(
        present.user.username,
        present.organisation.name,
        apps,
        is_full=len(apps) >= authenticator_apps.MOST,
        reasons=_reasons(present, apps),
        done=outcome(present),
    )
    return pages.render("account/authenticator_apps.html", page)


def add() -> Response:
    """Add one. The sign-in asks for the person's highest proof, and then shows the secret."""
    csrf.require()
    if authenticator_apps.free_number(me(Needs(return_to=PLACE)).user):
        me(replace(_changing(PLACE), tasks=(ADD_APP,)))
    return pages.see_other(PLACE)  # there are too many: the page says so


def set_up_again(totp_id: str) -> Response:
    """Set up one app again, for a new phone. The others stay."""
    csrf.require()
    authenticator_apps.app_of(me(Needs(return_to=PLACE)).user, totp_id)
    me(replace(_changing(PLACE), tasks=(ENROL,), app=totp_id))
    return pages.see_other(PLACE)


def rename(totp_id: str) -> Response:
    """Rename one. People find the app to remove by its name, so it needs the same proof as removing."""
    csrf.require()
    present = me(_changing(PLACE))
    authenticator_apps.rename(present.user, totp_id, forms.fields().get("name", ""), present.origin)
    return done(present, PLACE, say("The name of the authenticator app is saved."))


def ask_to_remove(totp_id: str) -> Response:
    """Tell what removing means, or why a compulsory app stays (S7)."""
    present = me(_changing(f"{PLACE}/{totp_id}/remove"))
    return pages.render("account/remove_authenticator_app.html", _dialog(present, totp_id))


def remove(totp_id: str) -> Response:
    """Remove it, after the password was entered once more."""
    csrf.require()
    present = me(_changing(f"{PLACE}/{totp_id}/remove"))
    dialog = _dialog(present, totp_id)
    wrong = reauthentication.check_password(present.user)
    if wrong is not None:
        return pages.render("account/remove_authenticator_app.html", replace(dialog, errors=(wrong,)), 422)
    settings, kept = request_context.settings(), Kept(present.settled.session_id)
    authenticator_apps.remove(settings, present.organisation, present.user, totp_id, present.origin, kept)
    return pages.see_other(f"{PLACE}?done=app-removed")


def app_of(row: Totp) -> App:
    """Return an authenticator app as lists show it."""
    typed = unsaved.name_for(f"{PLACE}/{row.id}/rename")
    return App(row.id, row.number, row.name, row.active_since, row.last_used_at, typed)


def _reasons(present: Me, apps: tuple[App, ...]) -> tuple[Message, ...]:
    settings, at = request_context.settings(), present.organisation
    if len(apps) != 1 or not authenticator_apps.is_last_factor(present.user, apps[0].id):
        return ()
    person = lookup.person_of(settings, at, present.user)
    rules = lookup.rules_of(settings, at, person, clock.now())
    return tuple(reason.message for reason in rules.compulsory_because) if rules.must_own else ()


def _changing(place: str) -> Needs:
    return replace(changing(), return_to=place, purpose=TITLE.key, cancel_to=ways_back.came_from(PLACE))


def _dialog(present: Me, totp_id: str) -> RemoveAuthenticatorAppPage:
    settings, at, user = request_context.settings(), present.organisation, present.user
    row = authenticator_apps.require_removable(settings, at, user, totp_id)
    is_last = authenticator_apps.is_last_factor(user, totp_id)
    asks_password = reauthentication.must_ask_password()
    return RemoveAuthenticatorAppPage(user.username, at.name, app_of(row), is_last, asks_password)
