"""Credentials that are brought along (S2's users moved from another system), made ready first, stored afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from idp import clock, crypto
from idp.audit import Event, Origin, record_about
from idp.config import Settings
from idp.db import outside_transaction, transaction
from idp.errors import Invalid, Message, say, say_many
from idp.identity.credentials import passwords, recovery_codes, totp
from idp.identity.credentials.passwords import NewPassword
from idp.identity.hashing import hashing_outside_transaction
from idp.identity.organisations.settings import settings_of
from idp.identity.user_fields import PersonDraft
from idp.identity.users import email_address
from idp.store import attempts, users
from idp.store.organisations import Organisation
from idp.store.users import User


@dataclass(frozen=True)
class Ready:
    """Hold the hashed and stretched credentials of a draft; empty ones are not in it."""

    password_hash: str = ""
    totp_secret: str = ""
    recovery_salt: bytes = b""
    recovery_digests: tuple[bytes, ...] = ()

    def password_columns(self, now: datetime) -> dict[str, Any]:
        """Return the columns of a user's row that the password sets."""
        if not self.password_hash:
            return {}
        plain = {"password_expires_at": None, "must_change_password": False}
        return {"password_hash": self.password_hash, "password_changed_at": now, **plain}


def check(settings: Settings, draft: PersonDraft) -> None:
    """Raise ``Invalid`` for a credential that could never work. Quick: for the dry run, and before anything is written."""
    if draft.password and draft.password_hash:
        raise Invalid("password_hash", say("Enter a password or its hash, not both."))
    if len(passwords.normal(draft.password)) > passwords.MAX_LENGTH:
        raise Invalid(
            "password",
            say_many(
                "Choose a password of at most %(num)s character.",
                "Choose a password of at most %(num)s characters.",
                passwords.MAX_LENGTH,
            ),
        )
    if draft.password_hash and not (len(draft.password_hash) <= 255 and settings.hasher.readable(draft.password_hash)):
        raise Invalid("password_hash", say("This is not an argon2id hash ($argon2id$…)."))
    if draft.totp_secret:
        totp.normal_secret(draft.totp_secret)
    _check_codes(draft.recovery_codes)


@outside_transaction
def unacceptable(settings: Settings, organisation: Organisation, draft: PersonDraft, *, has_factor: bool) -> Message | None:
    """Return why a password of a user who is yet to be created is refused, by the rules of every page; else None.

    May ask the leak service.

    May ask the leak service.

    May ask the leak service: no transaction open.
    """
    person = User(username=draft.get("username"), name=draft.get("name"), email=draft.get("email"))
    terms = settings_of(settings, organisation)
    return passwords.unacceptable(settings, terms, person, organisation.name, draft.password, has_factor)


def _check_codes(codes: Sequence[str]) -> None:
    plain = [recovery_codes.CODE.read(code) for code in codes]
    if "" in plain:
        raise Invalid("recovery_codes", say("A recovery code has two groups of seven letters and digits, no l, o, 0 or 1."))
    if len(set(plain)) < len(plain):
        raise Invalid("recovery_codes", say("The same recovery code is listed twice."))


@outside_transaction
def ready(settings: Settings, draft: PersonDraft) -> Ready:
    """Hash and stretch. Slow: takes slots of the hasher, so call it outside any transaction. Raises ``Invalid``."""
    check(settings, draft)
    hashed, digests, salt = draft.password_hash, [], recovery_codes.new_salt()
    if draft.password:
        with hashing_outside_transaction(settings):
            hashed = passwords.hash_of(settings, draft.password)
    for code in draft.recovery_codes:
        with hashing_outside_transaction(settings):
            digests += recovery_codes.stretch_all(settings, [code], salt)
    secret = totp.normal_secret(draft.totp_secret) if draft.totp_secret else ""
    return Ready(hashed, secret, salt, tuple(digests))


def store(settings: Settings, user: User, prepared: Ready, now: datetime) -> list[str]:
    """Store the factors of a user, within the caller's transaction. Returns which were stored."""
    stored = []
    if prepared.totp_secret:
        secret = prepared.totp_secret
        totp.activate(settings, user, totp.NewApp(crypto.new_id(), secret), now)
        stored.append("totp")
    if prepared.recovery_digests:
        recovery_codes.put(user.organisation_id, user.id, prepared.recovery_salt, prepared.recovery_digests, now)
        stored.append("recovery_codes")
    return stored


def put(settings: Settings, user: User, prepared: Ready, origin: Origin) -> list[str]:
    """Give a user who exists the credentials of a file (``--set-credentials``). Returns which were set.

    What a change of them ends, ends (S40): a password other sessions, a new factor trust in devices. Mails tell of it (S53).
    """
    now = clock.now()
    with transaction():
        user = users.lock_user(user.organisation_id, user.id) or user
        stored = store(settings, user, prepared, now)
        if stored:
            attempts.drop_attempts_of(user.organisation_id, user.id)
            users.change_user(user.organisation_id, user.id, factor_changed_at=now)
            record_about(origin, Event.FACTOR_SET_UP_AGAIN, user, kinds=sorted(stored))
            template = "factor_set_up_again" if "totp" in stored else "recovery_codes_made"
            email_address.tell_of_factor(settings, user, template)
        if prepared.password_hash:
            passwords.put(settings, user, NewPassword(prepared.password_hash), origin)
            stored.append("password")
    return stored
