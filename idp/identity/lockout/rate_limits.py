"""Limit guesses (OWASP ASVS 6.3.1, NIST SP 800-63B-4 §3.2.2), in SQL: over workers, restarts and lanes.

A guess is counted before it is checked. Admitting and counting are one statement, so concurrent guesses cannot slip by.
Failures in a row are counted for each user, authenticator and lane. A browser on which the user signed in before has a lane
of its own, so that guesses made elsewhere do not lock the user out. At the limit for a lockout, over all lanes, the
authenticator is closed until it is unlocked (``lockout``). Names without a user are limited alike, in the same words.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from idp.config import Settings
from idp.db import outside_transaction, transaction
from idp.errors import Message, TooMany, say_many
from idp.identity.lockout import lockout
from idp.sections import Limits
from idp.store import browsers, rate_limits
from idp.store.users import User

SIGN_IN, KNOWN, CLIENT = "sign-in", "known-browser", "client"
DEVICE, USER_CODE, REGISTRATION = "device", "user-code", "registration"
DEVICE_REQUESTS = 500
"""Codes for devices of public clients at one address within the window: a shop's terminals show one all the time."""
MAILS, MAILS_KNOWN, MAILS_FOR = "mails", "mails-known", "mails-for"
NO_LIMIT = 2**31 - 1
EVERYONE = ""
"""The lane of all browsers on which the user has not signed in before."""


class Stopped(TooMany):
    """A lockout. It has the words of any other wait: they must not tell which accounts exist."""

    def saying(self, message: Message) -> "Stopped":
        """Return the same refusal in words for somebody who may know."""
        return Stopped(message, retry_after=self.retry_after, detail=self.detail)


@dataclass(frozen=True)
class Guess:
    """A guess before it is counted: whose authenticator it is at, and where it is made.

    ``user_id`` is empty if nobody is known by what was ``entered`` (in compared form). A MAC of that is throttled instead,
    because people enter passwords there.
    """

    authenticator: str
    organisation_id: str
    user_id: str
    browser_id: str
    address: str
    entered: str = ""

    @classmethod
    def at(cls, user: User | None, authenticator: str, *, browser_id: str, address: str, entered: str = "") -> "Guess":
        """Return a guess at an authenticator of ``user``."""
        organisation_id, user_id = (user.organisation_id, user.id) if user else ("", "")
        return cls(authenticator, organisation_id, user_id, browser_id, address, entered)


@dataclass(frozen=True)
class Admitted:
    """An admitted guess, already counted as a failure."""

    organisation_id: str
    user_key: str
    authenticator: str
    lane: str
    address: str
    count: int
    reached_stop: bool = False

    def succeeded(self) -> None:
        """Clear the lane and uncount the address, as the guess was right. Within the transaction of its effects."""
        # The address first, as in ``gate``: rows locked in two orders are a deadlock when two sign in at the same moment.
        if self.address:
            rate_limits.uncount_ip(SIGN_IN, self.address)
        if self.lane != EVERYONE:
            rate_limits.uncount_ip(KNOWN, self.lane)
        rate_limits.forget_lane(self.organisation_id, self.user_key, self.authenticator, self.lane, reopen=self.reached_stop)


@outside_transaction
def gate(settings: Settings, guess: Guess, now: datetime) -> Admitted:
    """Admit a guess and count it. Raises ``TooMany``: then nothing is counted, and nothing may be checked.

    Commits by itself, so no transaction may be open.

    A known browser of the user has a lane of its own and does not depend on the address, which a whole shop may share. It
    is limited as an address is, over all its users, and its failures count for the address too: nobody gains guesses by it.
    """
    bounds, organisation_id = settings.limits, guess.organisation_id
    with transaction():
        is_known = bool(guess.user_id) and browsers.is_known(guess.browser_id, organisation_id, guess.user_id)
        lane = guess.browser_id if is_known else EVERYONE
        place = _admit_place(settings, (SIGN_IN, KNOWN), bounds.address_failures, lane, guess.address, now)
        key = guess.user_id or _key_of_nobody(settings, organisation_id, guess.entered)
        count = _admit(bounds, organisation_id, key, guess.authenticator, lane, now)
        reached = count == bounds.hard_stop
        if reached and guess.user_id:
            lockout.announce(settings, organisation_id, guess.user_id, guess.authenticator, guess.address)
    return Admitted(organisation_id, key, guess.authenticator, lane, place, count, reached)


def _key_of_nobody(settings: Settings, organisation_id: str, typed: str) -> str:
    """Return the key of a name that nobody has. Counters that an old sealing key made move to the current one."""
    current, *old = settings.ring.lookups("guess", typed)
    if old:
        rate_limits.rekey_auth_failures(organisation_id, old, current)
    return current


def _admit_place(settings: Settings, purposes: tuple[str, str], limit: int, lane: str, address: str, now: datetime) -> str:
    """Count at an address, which refuses strangers, or at a known browser. Lock order: address, browser."""
    at_address, at_browser = purposes
    if lane == EVERYONE:
        return _admit_address(settings, at_address, limit, address, now)
    place = _admit_address(settings, at_address, NO_LIMIT, address, now)
    window = timedelta(minutes=settings.limits.address_window_minutes)
    if not rate_limits.admit_ip(at_browser, lane, limit, now, now + window):
        _refuse_address(at_browser, lane, now)
    return place


def _admit(bounds: Limits, organisation_id: str, key: str, authenticator: str, lane: str, now: datetime) -> int:
    """Count a guess. Returns the count over all lanes."""
    count = rate_limits.count_towards_stop(organisation_id, key, authenticator, bounds.hard_stop, now)
    if count is None:
        raise Stopped(_wait_words(bounds.longest_wait_seconds), retry_after=bounds.longest_wait_seconds, detail="hard stop")
    if not rate_limits.admit_guess(organisation_id, key, authenticator, lane, now, _waits(bounds, now)):
        row = rate_limits.auth_failures(organisation_id, key, authenticator, lane)
        seconds = int((row.blocked_until - now).total_seconds()) + 1 if row and row.blocked_until else 1
        raise TooMany(_wait_words(seconds), retry_after=seconds, detail=f"{authenticator} lane closed")
    return count


def _waits(bounds: Limits, now: datetime) -> list[tuple[int, datetime]]:
    """Return the counts at which a lane closes, each with its end. Waits double from the first to the longest."""
    waits, seconds, count = [], bounds.first_wait_seconds, bounds.free_failures + 1
    while seconds < bounds.longest_wait_seconds:
        waits.append((count, now + timedelta(seconds=seconds)))
        seconds, count = seconds * 2, count + 1
    return [*waits, (count, now + timedelta(seconds=bounds.longest_wait_seconds))]


def _wait_words(seconds: int) -> Message:
    if seconds <= 90:
        return say_many(
            "Too many attempts. Please try again in %(num)s second.",
            "Too many attempts. Please try again in %(num)s seconds.",
            seconds,
        )
    minutes = -(-seconds // 60)
    return say_many(
        "Too many attempts. Please try again in %(num)s minute.",
        "Too many attempts. Please try again in %(num)s minutes.",
        minutes,
    )


def place_of(address: str) -> str:
    """Return what is counted of an address: an IPv4 address, or an IPv6 subscriber's /64. Empty for none."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or ip_network((found, 64), strict=False))
    return str(found)


def _admit_address(settings: Settings, purpose: str, limit: int, address: str, now: datetime) -> str:
    place = place_of(address)
    window = timedelta(minutes=settings.limits.address_window_minutes)
    if place and not rate_limits.admit_ip(purpose, place, limit, now, now + window):
        _refuse_address(purpose, place, now)
    return place


def _refuse_address(purpose: str, place: str, now: datetime) -> None:
    row = rate_limits.ip_failures(purpose, place, now)
    seconds = int((row.window_ends - now).total_seconds()) + 1 if row else 1
    raise TooMany(_wait_words(seconds), retry_after=seconds, detail=f"address closed for {purpose}")


def admit_mail(settings: Settings, account: str, address: str, now: datetime, lane: str = EVERYONE) -> None:
    """Count a request for a mail with a link by a person who is not signed in. Raises ``TooMany``.

    ``account``: its name in one form. It is counted as a digest, whether there is such an account or not. ``lane``: the id
    of a browser that knows the account; then the address does not matter, as in ``gate``.
    """
    with transaction():
        _admit_place(settings, (MAILS, MAILS_KNOWN), settings.limits.mails_from_address, lane, address, now)
        admit_mail_for(settings, account, now)


def admit_mail_for(settings: Settings, account: str, now: datetime) -> None:
    """Count a mail with a link for the account of a signed-in person, without an address. Raises ``TooMany``."""
    with transaction():
        if not admits_mail_for(settings, account, now):
            _refuse_address(MAILS_FOR, _mail_key(settings, account), now)


def admits_mail_for(settings: Settings, account: str, now: datetime) -> bool:
    """Count a mail with a link for an account. Returns False if it had as many as allowed within the window."""
    bounds = settings.limits
    until = now + timedelta(minutes=bounds.address_window_minutes)
    return rate_limits.admit_ip(MAILS_FOR, _mail_key(settings, account), bounds.mails_for_account, now, until)


def _mail_key(settings: Settings, account: str) -> str:
    return settings.ring.lookups("mail", account)[0]


def count_client_failure(settings: Settings, address: str, now: datetime) -> None:
    """Count a wrong client secret from an address. Raises ``TooMany`` if its window was full already.

    A client secret has 256 bits and takes no time to check, so a failure is counted after it was wrong. A full window
    refuses no right secret, neither of this client nor of another one at the same address.
    """
    with transaction():
        _admit_address(settings, CLIENT, settings.limits.client_failures, address, now)


def count_device_request(settings: Settings, address: str, now: datetime) -> None:
    """Count a request for a device's code by a client that proves nothing. Raises ``TooMany``."""
    with transaction():
        _admit_address(settings, DEVICE, DEVICE_REQUESTS, address, now)


def count_registration(settings: Settings, address: str, now: datetime) -> None:
    """Count an app that registers itself without a token, or changes that registration. Raises ``TooMany``."""
    with transaction():
        _admit_address(settings, REGISTRATION, settings.limits.registrations_from_address, address, now)


def admit_user_code(settings: Settings, address: str, now: datetime) -> str:
    """Count a guess at a device's code before it is checked. Returns where it was counted. Raises ``TooMany``."""
    with transaction():
        return _admit_address(settings, USER_CODE, settings.limits.address_failures, address, now)


def forgive_user_code(place: str) -> None:
    """Uncount a guess that was right, within the transaction."""
    if place:
        rate_limits.uncount_ip(USER_CODE, place)
