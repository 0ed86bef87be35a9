"""Remove a lost or stolen passkey of another person (S47). It needs the right to remove their second factor."""

from dataclasses import replace
from functools import partial

from flask import Blueprint, Response

from idp.errors import say
from idp.identity import permissions
from idp.identity.credentials import passkeys
from idp.store.passkeys import Passkey
from idp.store.users import User
from idp.web import request_context
from idp.web.admin import guard
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin
from idp.web.admin.user_actions import TELLS
from idp.web.admin.user_pages import HERE, address_of, person_at


def mount(blueprint: Blueprint) -> None:
    """Add this file's route."""
    place = "/<store_url>/people/<user_id>/passkeys/<passkey_id>/remove"
    blueprint.add_url_rule(place, "remove_passkey", remove, methods=["GET", "POST"])


def remove(store_url: str, user_id: str, passkey_id: str) -> Response:
    """Ask, then remove it."""
    admin = guard.administrator(store_url, fresh=True)
    user = person_at(admin, user_id)
    permissions.require_another(user, admin.origin)
    question = _question(admin, user, passkeys.passkey_of(user, passkey_id))
    return confirm_then(admin, HERE, question, partial(_remove, admin, user, passkey_id))


def _remove(admin: Admin, user: User, passkey_id: str) -> Response:
    passkeys.remove(request_context.settings(), admin.organisation, user, passkey_id, admin.origin)
    told = say("A passkey of %(username)s is removed.", username=user.username)
    return guard.told(admin, address_of(admin, user.id), told)


def _question(admin: Admin, user: User, passkey: Passkey) -> Question:
    named = {"username": user.username}
    name = passkeys.shown_name(passkey)
    heading = say("Remove the passkey %(name)s of %(username)s?", name=name, **named)
    ends = say(
        "The passkey can no longer be used to sign in. Open sessions and remembered devices of %(username)s end.", **named
    )
    last = say(
        "This passkey is the last second factor, so recovery codes end too. Where a second factor is required, "
        "it must be set up again."
    )
    return Question(
        heading if name else say("Remove this passkey of %(username)s?", **named),
        (ends, *((last,) if passkeys.is_last_factor(user, passkey.id) else ()), replace(TELLS, values=named)),
        say("Remove the passkey"),
        address_of(admin, user.id),
    )
