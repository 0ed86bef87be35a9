"""Remove a lost or stolen passkey or authenticator app of another person (S47).

It needs the right to remove their second factor.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from flask import Blueprint, Response

from idp.audit import Origin
from idp.config import Settings
from idp.errors import Message, say
from idp.identity import permissions
from idp.identity.credentials import authenticator_apps, passkeys
from idp.store.organisations import Organisation
from idp.store.users import User
from idp.web import request_context
from idp.web.admin import guard
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin
from idp.web.admin.user_actions import TELLS
from idp.web.admin.user_pages import HERE, address_of, person_at


@dataclass(frozen=True)
class Kind:
    """Describe a kind of credential: how one is found by its id and removed, and the words.

    ``named``: the name that people gave it, empty for none. The words are about a username; ``heading`` also has the name.
    """

    named: Callable[[User, str], str | int]
    is_last_factor: Callable[[User, str], bool]
    remove: Callable[[Settings, Organisation, User, str, Origin], None]
    heading: Message
    plain_heading: Message
    ends: Message
    last: Message
    button: Message
    told: Message


def _name_of_app(user: User, totp_id: str) -> str | int:
    """Return the name of an app. The first app of a person, which mostly is the only one, needs no number."""
    app = authenticator_apps.app_of(user, totp_id)
    return app.name or (app.number if app.number > 1 else "")


KINDS: Mapping[str, Kind] = {
    "passkey": Kind(
        named=lambda user, passkey_id: passkeys.shown_name(passkeys.passkey_of(user, passkey_id)),
        is_last_factor=passkeys.is_last_factor,
        remove=passkeys.remove,
        heading=say("Remove the passkey %(name)s of %(username)s?"),
        plain_heading=say("Remove this passkey of %(username)s?"),
        ends=say("The passkey can no longer be used to sign in. Open sessions and remembered devices of %(username)s end."),
        last=say(
            "This passkey is the last second factor, so recovery codes end too. Where a second factor is required, "
            "it must be set up again."
        ),
        button=say("Remove the passkey"),
        told=say("A passkey of %(username)s is removed."),
    ),
    "authenticator_app": Kind(
        named=_name_of_app,
        is_last_factor=authenticator_apps.is_last_factor,
        remove=authenticator_apps.remove,
        heading=say("Remove the authenticator app %(name)s of %(username)s?"),
        plain_heading=say("Remove the authenticator app of %(username)s?"),
        ends=say(
            "Codes of this app can no longer be used to sign in. Open sessions and remembered devices of %(username)s end."
        ),
        last=say(
            "This app is the last second factor, so recovery codes end too. Where a second factor is required, "
            "it must be set up again."
        ),
        button=say("Remove the app"),
        told=say("An authenticator app of %(username)s is removed."),
    ),
}
"""By their names in endpoints."""


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    for name, kind in KINDS.items():
        place = f"/<store_url>/people/<user_id>/{name.replace('_', '-')}s/<credential_id>/remove"
        blueprint.add_url_rule(place, f"remove_{name}", partial(_ask, kind=kind), methods=["GET", "POST"])


def _ask(store_url: str, user_id: str, credential_id: str, *, kind: Kind) -> Response:
    admin = guard.administrator(store_url, fresh=True)
    user = person_at(admin, user_id)
    permissions.require_another(user, admin.origin)
    return confirm_then(
        admin, HERE, _question(admin, user, credential_id, kind), partial(_remove, admin, user, credential_id, kind)
    )


def _remove(admin: Admin, user: User, credential_id: str, kind: Kind) -> Response:
    kind.remove(request_context.settings(), admin.organisation, user, credential_id, admin.origin)
    return guard.told(admin, address_of(admin, user.id), kind.told.about(username=user.username))


def _question(admin: Admin, user: User, credential_id: str, kind: Kind) -> Question:
    name, about = kind.named(user, credential_id), {"username": user.username}
    last = (kind.last,) if kind.is_last_factor(user, credential_id) else ()
    return Question(
        kind.heading.about(name=name, **about) if name else kind.plain_heading.about(**about),
        (kind.ends.about(**about), *last, replace(TELLS, values=about)),
        kind.button,
        address_of(admin, user.id),
    )
