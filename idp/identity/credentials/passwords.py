"""Passwords: how they are compared, which are taken (S33, OWASP ASVS 6.2, NIST SP 800-63B-4 §3.1.1), what a change ends.

Hashing is slow: a caller of ``verify`` or ``hash_of`` holds a slot of the hasher and has no transaction open.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from idp import clock, normal_forms
from idp.audit import Event, Origin, record_about
from idp.config import Settings
from idp.db import outside_transaction, transaction
from idp.errors import Busy, Message, say, say_many
from idp.identity import email_links
from idp.identity.credentials import leaked_passwords
from idp.identity.hashing import hashing_outside_transaction
from idp.identity.organisations.settings import OrganisationSettings
from idp.identity.short_codes import Shape
from idp.identity.users.status import NOTHING, Kept, end_everything
from idp.mail.messages import notify, notify_person
from idp.store import user_passwords, users
from idp.store.users import User

MAX_LENGTH = 256
"""In code points, after normalising."""
ONE_TIME = Shape(letters=16, group=4)
"""A mailed one-time password: 80 random bits that can be typed from a screen."""
LEAST_REST = 4
"""Letters and digits that a password must have beside names that everybody knows."""
MOST_BLOCKED = 5
"""How many blocked passwords are kept. Each one costs a hash whenever a password is chosen."""
LEAKED = say("This password is on lists of leaked passwords. Choose another one.")


def normal(password: str) -> str:
    """Return the NFKC form. Case and inner or outer spaces count (close to RFC 8265, without its refusals).

    Hashes brought from elsewhere may be of the text as it was typed there, see ``verify``.
    """
    return unicodedata.normalize("NFKC", password)


@outside_transaction
def verify(settings: Settings, user: User | None, password: str) -> bool:
    """Check if ``password`` is the user's. Slow, and as slow without such a user, password or right to sign in.

    An expired one-time password (S49) is wrong, and so is any password of a disabled user.
    """
    typed = normal(password[: MAX_LENGTH * 4])
    is_usable = user is not None and bool(user.password_hash) and user.disabled_at is None and not _has_run_out(user)
    stored = str(user.password_hash) if user is not None and is_usable else settings.hasher.decoy
    is_right = matches(settings, stored, password, as_one_time=is_one_time(user))
    return is_right and is_usable and len(password) <= MAX_LENGTH * 4 and len(typed) <= MAX_LENGTH


def matches(settings: Settings, stored: str, password: str, *, as_one_time: bool = False) -> bool:
    """Check if ``password`` made the hash ``stored``, in any form that is compared. Slow: hold a slot of the hasher.

    Imported hashes may be of the raw text. A mailed one-time password may be pasted with blanks or without its hyphens.
    Which forms are tried depends on the entered text alone, so the time tells nothing about the account.
    """
    raw = password[: MAX_LENGTH * 4]
    normal_form = normal(raw)
    one_time = _one_time_form(normal_form)
    if settings.hasher.verify(stored, normal_form):
        return True
    is_raw = raw != normal_form and settings.hasher.verify(stored, raw)
    is_one_time_form = one_time not in ("", normal_form) and settings.hasher.verify(stored, one_time)
    return is_raw or (is_one_time_form and as_one_time)


def _one_time_form(typed: str) -> str:
    """Return a mailed one-time password as it was generated; empty where this cannot be one."""
    plain = normal_forms.typed_code(typed) if len(typed) <= 100 else ""
    is_one = len(plain) == ONE_TIME.letters and plain.isascii() and plain.isalnum()
    return ONE_TIME.shown(plain) if is_one else ""


def is_one_time(user: User | None) -> bool:
    """Check if the user's present password is a mailed one-time password, used or not."""
    return user is not None and user.password_expires_at is not None


def _has_run_out(user: User) -> bool:
    return user.password_expires_at is not None and user.password_expires_at <= clock.now()


@outside_transaction
def rehash_if_outdated(settings: Settings, user: User, password: str) -> None:
    """Rehash a just-verified password if the cost settings changed, or if its hash is of the text as it was entered.

    An imported hash of a text with another normal form only matches the same keyboard. Skipped if the hasher is busy. It
    takes a slot itself, so the caller holds none.
    """
    old = user.password_hash
    if not old or (normal(password) == password and not settings.hasher.is_outdated(old)):
        return
    try:
        with hashing_outside_transaction(settings):
            if not settings.hasher.is_outdated(old) and settings.hasher.verify(old, normal(password)):
                return
            fresh = hash_of(settings, password)
    except Busy:
        return  # the next sign-in does it
    with transaction():
        user_passwords.replace_password_hash(user.organisation_id, user.id, old, fresh)


def fingerprint(user: User) -> tuple[object, ...]:
    """Return a fingerprint that changes with the password, but not when the same one is hashed again."""
    return user.password_changed_at, user.password_expires_at, user.password_hash is None, user.disabled_at


def is_unchanged(user: User, before: tuple[object, ...]) -> bool:
    """Check that a right password was not changed while it was looked up: the user's ``fingerprint`` is as ``before``.

    Called within the transaction of what rests on it. A concurrent change ends what rests on the old password, and waits.
    """
    present = users.lock_user(user.organisation_id, user.id)
    return present is not None and fingerprint(present) == before


def spend_one_time(user: User, now: datetime) -> bool:
    """Spend a one-time password that was right. Returns True once (S49), and always for an ordinary password."""
    if user.password_expires_at is None or user.password_hash is None:
        return True
    present = users.user(user.organisation_id, user.id) or user  # it may just have been hashed again
    return user_passwords.burn_one_time_password(user.organisation_id, user.id, present.password_hash or "", now)


def least_length(settings: Settings, organisation_settings: OrganisationSettings, has_factor: bool) -> int:
    """Return the shortest length allowed. It is shorter for users who also show a second factor."""
    needed = organisation_settings.password_min_length
    return min(needed, settings.passwords.min_length_with_factor) if has_factor else needed


@outside_transaction
def unacceptable(
    settings: Settings,
    organisation_settings: OrganisationSettings,
    user: User,
    organisation_name: str,
    password: str,
    has_factor: bool,
) -> Message | None:
    """Return why a password is refused, None if it is not. May ask the leak service."""
    problem = against_rules(settings, organisation_settings, user, organisation_name, password, has_factor)
    return problem or (LEAKED if leaked_passwords.look_up(settings, password).hit else None)


def against_rules(
    settings: Settings,
    organisation_settings: OrganisationSettings,
    user: User,
    organisation_name: str,
    password: str,
    has_factor: bool,
) -> Message | None:
    """Return the rule that a password breaks, None if there is none.

    Length counts, and names that everybody knows. Kinds of characters do not.
    """
    chosen = normal(password)
    least = least_length(settings, organisation_settings, has_factor)
    if len(chosen) < least:
        return say_many(
            "Choose a password of at least %(num)s character.", "Choose a password of at least %(num)s characters.", least
        )
    if len(chosen) > MAX_LENGTH:
        return say_many(
            "Choose a password of at most %(num)s character.", "Choose a password of at most %(num)s characters.", MAX_LENGTH
        )
    if _is_made_of_names(chosen, context_words(settings, user, organisation_name)):
        return say("Choose a password that does not contain your name, your username or the name of your shop.")
    return None


def context_words(settings: Settings, user: User, organisation_name: str) -> set[str]:
    """Return the words that are easy to guess here (OWASP ASVS 6.2.11): product, organisation, user."""
    address = (user.email or "").partition("@")[0]
    whole = [settings.name, "sleutel", organisation_name, user.username, user.name, address]
    parts = [part for text in whole for part in re.split(r"[\W_]+", text)]
    return {word for word in (_letters(text) for text in (*whole, *parts)) if len(word) >= 3}


def _letters(text: str) -> str:
    return "".join(character for character in normal(text).casefold() if character.isalnum())


def _is_made_of_names(password: str, words: set[str]) -> bool:
    rest = _letters(password)
    if not rest:
        return False
    before = len(rest)
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, "")
    return len(rest) < before and len(rest) < LEAST_REST


@outside_transaction
def hash_of(settings: Settings, password: str) -> str:
    """Return what is stored of a password. Slow."""
    return settings.hasher.hash(normal(password))


@dataclass(frozen=True)
class NewPassword:
    """The hash of a password that was accepted. ``must_change``: its user chooses another one at the next sign-in."""

    hash: str
    by_mail: bool = False
    must_change: bool = False


def put(settings: Settings, user: User, new: NewPassword, origin: Origin, keep: Kept = NOTHING) -> None:
    """Give a user a password, in one transaction with all that ends by it (S40, S51). The second factor is not touched."""
    now, is_first = clock.now(), user.password_hash is None and user.last_login_at is None
    with transaction():
        users.change_user(
            user.organisation_id,
            user.id,
            password_hash=new.hash,
            password_changed_at=now,
            password_expires_at=None,
            must_change_password=new.must_change,
            leaked_notice_at=None,
            leaked_found_at=None,
        )
        end_everything(user, "password_changed", origin, keep)
        email_links.void(user, *email_links.PASSWORD_PURPOSES)
        record_about(origin, Event.PASSWORD_CHANGED, user, by_mail=new.by_mail)
        if is_first:
            notify_person(settings, user, "password_changed")  # a first password is no change to the owner
        else:
            notify(settings, user.organisation_id, user.id, "password_changed")


def close(user: User, why: str, origin: Origin) -> None:
    """Disable a user's password until a new one is chosen by a mailed link, and end what rests on it.

    An intruder may know the old one, so it is not accepted again.
    """
    with transaction():
        closed = {"password_hash": None, "password_expires_at": None, "leaked_found_at": None}
        users.change_user(user.organisation_id, user.id, **closed, barred_hashes=barred_hashes(user))
        end_everything(user, why, origin)
        email_links.void(user, *email_links.PASSWORD_PURPOSES)


def barred_hashes(user: User) -> list[str]:
    """Return what is blocked once the present password is blocked, too: those blocked before stay so."""
    present = [user.password_hash] if user.password_hash else []
    return [*(one for one in user.barred_hashes if one not in present), *present][-MOST_BLOCKED:]
