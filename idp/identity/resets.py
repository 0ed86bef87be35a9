"""Passwords that an administrator lets send (S49). Nothing here touches or passes the second factor (S50)."""

from datetime import timedelta

from idp import clock, crypto
from idp.audit import Event, Origin, record_by
from idp.config import Settings
from idp.db import release, transaction
from idp.errors import Invalid, say
from idp.identity import authority, logins, passwords
from idp.identity.recovery import ALPHABET
from idp.mail.messages import write_to_person
from idp.store import attempts, devices, users
from idp.store.organisations import Organisation
from idp.store.users import User


def new_one_time_password() -> str:
    """80 random bits that can be typed from a screen: four groups of four."""
    drawn = crypto.random_letters(16, ALPHABET)
    return "-".join(drawn[at : at + 4] for at in range(0, 16, 4))


def send_one_time_password(settings: Settings, organisation: Organisation, user: User, origin: Origin) -> None:
    """Replace a user's password by one that works once, until it expires, and mail it to that person alone (S49).

    Raises ``Invalid`` for ``email`` where they have no verified address: then nothing has changed. Slow: takes a slot of
    the hasher and must stand outside of any transaction.
    """
    authority.require_over(organisation, user, origin)
    password = new_one_time_password()
    release()
    with settings.hasher.slot():
        hashed = passwords.hash_of(settings, password)
    now = clock.now()
    expires_at = now + timedelta(hours=settings.lifetimes.one_time_password_hours)
    with transaction():
        users.change_user(
            organisation.id, user.id, password_hash=hashed, password_expires_at=expires_at, must_change_password=True
        )
        logins.end_all(organisation.id, user.id, "password_reset", origin)
        attempts.drop_attempts_of(organisation.id, user.id)
        devices.revoke_devices(organisation.id, user.id, now)
        record_by(origin, Event.PASSWORD_SENT, organisation_id=organisation.id, subject_id=user.id)
        values = {"password": password, "username": user.username}
        if not write_to_person(settings, organisation.id, user.id, "one_time_password", values, expires_at):
            raise Invalid("email", say("This person has no verified e-mail address, so nothing can be sent to them."))
