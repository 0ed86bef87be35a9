"""List, add, rename and remove one's passkeys and security keys."""

from dataclasses import dataclass, replace
from datetime import datetime

from flask import Blueprint, Response

from idp.errors import Message, say
from idp.identity.credentials import passkeys
from idp.identity.credentials.authenticator_names import maker_of
from idp.identity.users.status import Kept
from idp.signin.requirements import Needs
from idp.signin.state import ADD_PASSKEY
from idp.store.passkeys import Passkey
from idp.web import csrf, forms, pages, reauthentication, request_context, unsaved, ways_back
from idp.web.account.current_user import Me, changing, me
from idp.web.account.outcome import done, outcome

PLACE = "/account/passkeys"
TITLE = say("Passkeys and security keys")


@dataclass(frozen=True)
class Key:
    """Hold one passkey of the list. ``name``: the person's own, or empty. ``maker``: empty if unknown.

    ``is_synced``: it can be copied, as by a password manager. ``is_hardware``: its maker attests that it cannot.
    """

    id: str
    name: str
    maker: str
    is_synced: bool
    is_hardware: bool
    added_at: datetime
    last_used_at: datetime | None
    typed: str | None = None
    """The entered name that is not saved yet."""


@dataclass(frozen=True)
class PasskeysPage:
    """Hold the list, oldest first; ``is_full``: no more can be added. ``accepted``: for the script, JSON."""

    username: str
    organisation_name: str
    keys: tuple[Key, ...]
    is_full: bool
    accepted: str
    done: Message | None = None


@dataclass(frozen=True)
class RemovePasskeyPage:
    """Hold the dialog: if ``asks_password``, the field. ``is_last``: without the passkey only the password is left."""

    username: str
    organisation_name: str
    key: Key
    is_last: bool
    asks_password: bool
    errors: tuple[Message, ...] = ()


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule(PLACE, "passkeys", show)
    blueprint.add_url_rule(f"{PLACE}/add", "add_passkey", add, methods=["POST"])
    blueprint.add_url_rule(f"{PLACE}/<passkey_id>/rename", "rename_passkey", rename, methods=["POST"])
    blueprint.add_url_rule(f"{PLACE}/<passkey_id>/remove", "ask_to_remove_passkey", ask_to_remove)
    blueprint.add_url_rule(f"{PLACE}/<passkey_id>/remove", "remove_passkey", remove, methods=["POST"])


def show() -> Response:
    """List the passkeys."""
    present = me(Needs(return_to=PLACE))
    keys = tuple(key_of(row) for row in passkeys.passkeys_of(present.user))
    accepted = passkeys.accepted(request_context.settings(), present.user)
    is_full, message = len(keys) >= passkeys.MOST, outcome(present)
    page = PasskeysPage(present.user.username, present.organisation.name, keys, is_full, accepted, message)
    return pages.render("account/passkeys.html", page)


def add() -> Response:
    """Add one. The sign-in asks for the person's highest proof, and then for the passkey."""
    csrf.require()
    me(replace(_changing(PLACE), highest=False, tasks=(ADD_PASSKEY,)))
    return pages.see_other(PLACE)


def rename(passkey_id: str) -> Response:
    """Rename one. People find the passkey to remove by its name, so it needs the same proof as removing."""
    csrf.require()
    present = me(_changing(PLACE))
    passkeys.rename(present.user, passkey_id, forms.fields().get("name", ""), present.origin)
    return done(present, PLACE, say("The name of the passkey is saved."))


def ask_to_remove(passkey_id: str) -> Response:
    """Tell what removing means, or why a compulsory passkey stays (S7)."""
    present = me(_changing(f"{PLACE}/{passkey_id}/remove"))
    return pages.render("account/remove_passkey.html", _dialog(present, passkey_id))


def remove(passkey_id: str) -> Response:
    """Remove it, after the password was entered once more."""
    csrf.require()
    present = me(_changing(f"{PLACE}/{passkey_id}/remove"))
    dialog = _dialog(present, passkey_id)
    wrong = reauthentication.check_password(present.user)
    if wrong is not None:
        return pages.render("account/remove_passkey.html", replace(dialog, errors=(wrong,)), 422)
    settings, kept = request_context.settings(), Kept(present.settled.session_id)
    passkeys.remove(settings, present.organisation, present.user, passkey_id, present.origin, kept)
    return pages.see_other(f"{PLACE}?done=passkey-removed")


def _changing(place: str) -> Needs:
    return replace(changing(), return_to=place, purpose=TITLE.key, cancel_to=ways_back.came_from(PLACE))


def _dialog(present: Me, passkey_id: str) -> RemovePasskeyPage:
    row = passkeys.require_removable(request_context.settings(), present.organisation, present.user, passkey_id)
    is_last = passkeys.is_last_factor(present.user, passkey_id)
    asks_password = reauthentication.must_ask_password()
    return RemovePasskeyPage(present.user.username, present.organisation.name, key_of(row), is_last, asks_password)


def key_of(row: Passkey) -> Key:
    """Return a passkey as lists show it."""
    return Key(
        row.id, row.name, maker_of(row.aaguid), row.backup_eligible, row.hardware, row.created_at, row.last_used_at,
        typed=unsaved.name_for(f"{PLACE}/{row.id}/rename"),
    )  # fmt: skip
