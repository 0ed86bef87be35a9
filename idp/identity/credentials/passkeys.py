"""A person's passkeys and security keys: shown at sign-in, added, named, removed. The ceremonies are in ``webauthn``."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from idp import clock, crypto, factors
from idp.audit import Event, Origin, record_about
from idp.config import Settings
from idp.db import transaction
from idp.errors import Invalid, NotFound, say_many
from idp.identity import permissions, sensitive_changes
from idp.identity.assurance import Proof
from idp.identity.credentials import second_factor, webauthn
from idp.identity.credentials.authenticator_names import maker_of, normal_name
from idp.identity.credentials.webauthn import Answer, Ceremony, Descriptor, Made, Shown
from idp.identity.sensitive_changes import Access
from idp.identity.users import email_address, status
from idp.identity.users.status import NOTHING, Kept
from idp.mail.messages import notify
from idp.store import passkeys as store
from idp.store import user_states, users
from idp.store.organisations import Organisation
from idp.store.passkeys import Passkey
from idp.store.users import User

MOST = 20
"""Passkeys of one person: the options of a sign-in name them all."""


def handle_of(user: User) -> bytes:
    """Return the user handle that authenticators keep: the row's id, 130 random bits without meaning (§14.6.1)."""
    return user.id.encode()


def ask(settings: Settings, place: str, now: datetime, user: User | None = None) -> Ceremony:
    """Ask to show a passkey: one of ``user``'s, known by the password, or (nobody known) any, with user verification."""
    if user is None:
        return webauthn.ask(settings, place, now, must_verify=True)
    return webauthn.ask(settings, place, now, allow=_descriptors(user))


def make(settings: Settings, place: str, now: datetime, user: User) -> Ceremony:
    """Ask to make one that the user's authenticators do not hold already."""
    held = _descriptors(user)
    return webauthn.make(settings, place, now, handle=handle_of(user), username=user.username, exclude=held)


def accepted(settings: Settings, user: User) -> str:
    """Return the credentials that the user's authenticators may go on offering, for their browser (§5.1.10)."""
    return webauthn.accepted(settings, handle_of(user), _descriptors(user))


def _descriptors(user: User) -> list[Descriptor]:
    rows = store.passkeys_of(user.organisation_id, user.id)
    return [Descriptor(row.credential_id, row.transports) for row in rows]


def read_shown(text: str) -> tuple[Answer | None, Passkey | None]:
    """Read an answer that is not verified yet. Returns it with the passkey that it claims to be."""
    answer = webauthn.read(text, "clientDataJSON", "authenticatorData", "signature")
    return answer, store.passkey_with(answer.credential_id) if answer else None


def verify(
    settings: Settings, ceremony: Ceremony, answer: Answer, passkey: Passkey, now: datetime, *, alone: bool
) -> Shown | None:
    """Verify an answer of ``passkey`` (§7.2), except for its counter. ``alone``: it replaces the password too.

    Alone, it must name its user and verify them, and have done so before beside the password. Else the finder of a key
    without a PIN could set one on it and sign in (step 24, "uvInitialized").
    """
    handle = passkey.user_id.encode()
    if answer.user_handle != handle and (alone or answer.user_handle is not None):
        return None
    if alone and not passkey.user_verified_ever:
        return None
    shown = webauthn.verify_shown(settings, ceremony, answer, passkey.public_key, now, must_verify=alone)
    return shown if shown is not None and shown.backup_eligible == passkey.backup_eligible else None


def is_behind(passkey: Passkey, shown: Shown) -> bool:
    """Check if the counter did not grow: the key may have been copied (§6.1.1)."""
    return bool(shown.sign_count or passkey.sign_count) and shown.sign_count <= passkey.sign_count


def tell_of_copy(settings: Settings, user: User, passkey: Passkey) -> None:
    """Tell the person which key was refused because its counter did not grow, within the caller's transaction (§6.1.1)."""
    notify(settings, user.organisation_id, user.id, "passkey_behind", {"name": shown_name(passkey)})


def accept(passkey: Passkey, shown: Shown, now: datetime, *, alone: bool) -> bool:
    """Store what the credential told, within the caller's transaction. Returns False if another assertion was first."""
    verified = shown.user_verified and not alone
    return store.note_use(passkey, shown.sign_count, now, backed_up=shown.backed_up, user_verified=verified)


def proof_of(passkey: Passkey, shown: Shown, now: datetime) -> Proof:
    """Return the proof that showing a passkey makes."""
    return Proof(
        "passkey",
        at=now,
        credential=passkey.id,
        user_verified=shown.user_verified,
        hardware=passkey.hardware,
        copyable=passkey.backup_eligible,
    )


def read_made(settings: Settings, ceremony: Ceremony, text: str, now: datetime) -> Made | None:
    """Read and verify a new credential (§7.1). Returns None if anything about it is wrong."""
    answer = webauthn.read(text, "clientDataJSON", "attestationObject")
    return webauthn.verify_made(settings, ceremony, answer, now) if answer else None


def add(settings: Settings, user: User, made: Made, name: str, origin: Origin, now: datetime) -> bool:
    """Give a user this passkey. Returns False if any user has registered it already (§7.1 step 26).

    Raises ``Invalid`` if they have too many. An administrator's reset is answered by it (S47).
    """
    organisation_id, passkey_id = user.organisation_id, crypto.new_id()
    with transaction():
        if len(store.kinds_of(organisation_id, user.id)) >= MOST:
            raise Invalid(
                "passkey",
                say_many(
                    "You have %(num)s passkey. First remove one you don't use.",
                    "You have %(num)s passkeys. First remove one you don't use.",
                    MOST,
                ),
            )
        added = store.add_passkey(
            organisation_id=organisation_id, id=passkey_id, user_id=user.id, created_at=now, name=normal_name(name),
            credential_id=made.credential_id, public_key=made.public_key, sign_count=made.sign_count,
            user_verified_ever=made.user_verified, backup_eligible=made.backup_eligible, backed_up=made.backed_up,
            hardware=made.hardware, transports=list(made.transports), aaguid=made.aaguid,
        )  # fmt: skip
        if not added:
            return False
        users.change_user(organisation_id, user.id, must_set_up_since=None, has_factor=True, has_passkey=True)
        record_about(origin, Event.PASSKEY_ADDED, user, passkey=passkey_id)
        email_address.tell_of_factor(settings, user, "passkey_added", {"name": normal_name(name) or maker_of(made.aaguid)})
    return True


def shown_name(passkey: Passkey) -> str:
    """Return the user's own name for a passkey, else its maker's; empty if neither is known."""
    return passkey.name or maker_of(passkey.aaguid)


def passkeys_of(user: User) -> Sequence[Passkey]:
    """Return a user's passkeys, oldest first."""
    return store.passkeys_of(user.organisation_id, user.id)


def passkey_of(user: User, passkey_id: str) -> Passkey:
    """Return a passkey of the user. Raises ``NotFound`` for another user's."""
    found = store.passkey_of(user.organisation_id, user.id, passkey_id)
    if found is None:
        raise NotFound(detail="no such passkey of this user")
    return found


def rename(user: User, passkey_id: str, name: str, origin: Origin) -> None:
    """Rename a passkey of the user. Raises ``NotFound`` for another user's."""
    found = passkey_of(user, passkey_id)
    held = Access("passkey", user.role, found.name)
    sensitive_changes.require(held, replace(held, label=normal_name(name)))
    with transaction():
        if not store.rename_passkey(user.organisation_id, user.id, passkey_id, normal_name(name)):
            raise NotFound(detail="no such passkey of this user")
        record_about(origin, Event.PASSKEY_RENAMED, user, passkey=passkey_id)


def is_last_factor(user: User, passkey_id: str) -> bool:
    """Check if the user has no second factor without this passkey."""
    others = [row for row in passkeys_of(user) if row.id != passkey_id]
    return not others and not factors.owns_another(user.organisation_id, user.id, factors.PASSKEY)


def require_removable(settings: Settings, organisation: Organisation, user: User, passkey_id: str) -> Passkey:
    """Return the passkey. Raises ``NotFound`` for another user's, ``Forbidden`` if it is a compulsory last factor (S7)."""
    found = passkey_of(user, passkey_id)
    if is_last_factor(user, passkey_id):
        second_factor.require_voluntary(settings, organisation, user)
    return found


def remove(
    settings: Settings, organisation: Organisation, user: User, passkey_id: str, origin: Origin, keep: Kept = NOTHING
) -> None:
    """Remove a passkey. Other sessions and trust in devices end, because it may have been stolen (S40).

    With the last factor the recovery codes end too (S28). Users may remove their own (see ``require_removable``). An
    administrator who may remove a user's second factor may remove any: a compulsory one must then be set up again.
    """
    with transaction():
        user = (
            users.lock_user(user.organisation_id, user.id) or user
        )  # two at once must not each find that the other one stays
        found = _require_may_remove(settings, organisation, user, passkey_id, origin)
        sensitive_changes.require(Access("passkey", user.role), None)
        is_last, now = is_last_factor(user, passkey_id), clock.now()
        if not store.remove_passkeys(organisation.id, user.id, now, passkey_id=passkey_id):
            raise NotFound(detail="removed a moment ago")
        if is_last:
            factors.drop_replacing(organisation.id, user.id, now)
        user_states.renew_factors(organisation.id, user.id)
        status.end_everything(user, "passkey_removed", origin, keep)
        record_about(origin, Event.PASSKEY_REMOVED, user, passkey=passkey_id)
        values = {"name": shown_name(found), "is_last": is_last}
        email_address.tell_of_factor(settings, user, "passkey_removed", values)


def _require_may_remove(
    settings: Settings, organisation: Organisation, user: User, passkey_id: str, origin: Origin
) -> Passkey:
    permissions.require_self_or_over(organisation, user, origin)
    if origin.actor_id == user.id:
        return require_removable(settings, organisation, user, passkey_id)
    permissions.require_over_factor(organisation, user, origin)
    return passkey_of(user, passkey_id)
