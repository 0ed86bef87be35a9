"""Remove a lost or stolen authenticator app of another person (S47). It needs the right to remove their second factor."""

from dataclasses import replace
from functools import partial

from flask import Blueprint, Response

from idp.errors import say
from idp.identity import permissions
from idp.identity.credentials import authenticator_apps
from idp.store.totp import Totp
from idp.store.users import User
from idp.web import request_context
from idp.web.admin import guard
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin
from idp.web.admin.user_actions import TELLS
from idp.web.admin.user_pages import HERE, address_of, person_at


def mount(blueprint: Blueprint) -> None:
    """Add this file's route."""
    place = "/<store_url>/people/<user_id>/authenticator-apps/<totp_id>/remove"
    blueprint.add_url_rule(place, "remove_authenticator_app", remove, methods=["GET", "POST"])


def remove(store_url: str, user_id: str, totp_id: str) -> Response:
    """Ask, then remove it."""
    admin = guard.administrator(store_url, fresh=True)
    user = person_at(admin, user_id)
    permissions.require_another(user, admin.origin)
    question = _question(admin, user, authenticator_apps.app_of(user, totp_id))
    return confirm_then(admin, HERE, question, partial(_remove, admin, user, totp_id))


def _remove(admin: Admin, user: User, totp_id: str) -> Response:
    authenticator_apps.remove(request_context.settings(), admin.organisation, user, totp_id, admin.origin)
    told = say("An authenticator app of %(username)s is removed.", username=user.username)
    return guard.told(admin, address_of(admin, user.id), told)


def _question(admin: Admin, user: User, app: Totp) -> Question:
    named = {"username": user.username}
    heading = say("Remove the authenticator app %(name)s of %(username)s?", name=app.name or app.number, **named)
    ends = say(
        "Codes of this app can no longer be used to sign in. Open sessions and remembered devices of %(username)s end.",
        **named,
    )
    last = say(
        "This app is the last second factor, so recovery codes end too. Where a second factor is required, "
        "it must be set up again."
    )
    return Question(
        heading if app.name or app.number > 1 else say("Remove the authenticator app of %(username)s?", **named),
        (ends, *((last,) if authenticator_apps.is_last_factor(user, app.id) else ()), replace(TELLS, values=named)),
        say("Remove the app"),
        address_of(admin, user.id),
    )
