"""Delete expired rows, each kind after the time for which it is needed. The worker runs this.

It also moves values of old sealing keys to the current one (``sealing``).
"""

from collections.abc import Callable, Iterator

from idp import clock, sealing
from idp.config import Settings
from idp.db import transaction
from idp.identity.credentials import totp
from idp.store import (
    attempts,
    browsers,
    email_links,
    grants,
    outbox,
    owner_recoveries,
    rate_limits,
    remembered_devices,
    sessions,
    stash,
)
from idp.store import totp as store_totp

KEEP_DAYS = 30
"""Ended sessions, grants, trust in devices, links and mails are kept this long, for questions about what happened."""
BATCH = 1000
"""Rows deleted in one transaction."""
ATTEMPT_DAYS = 7
"""The address of a sign-in leads back to the app while the sign-in is kept: over a weekend and more (S60)."""
STALE_DAYS = 1
"""Codes are kept this long after their end, so that a second use is noticed."""
STEPS_DAYS = 1
"""A hint uses a step of up to fourteen hours ahead (S58), whose code would be right at that time. So the step counts, not
the time of its use. If the clock jumps back by less than this, no used code works again.
"""

Sweep = Callable[[int], int]
"""Delete at most so many rows. Returns their number."""


def sweep(settings: Settings) -> int:
    """Delete expired rows, in short transactions. Returns their number."""
    with transaction():
        grants.wipe_successors(clock.ago(minutes=2))
    with transaction():
        outbox.wipe_expired(clock.now())
    sealing.reseal(settings)
    return sum(_sweep_whole(some) for some in _all(settings))


def _sweep_whole(some: Sweep) -> int:
    """Delete batch after batch, as long as they are full."""
    swept = 0
    while (last := _sweep_batch(some)) == BATCH:
        swept += last
    return swept + last


def _sweep_batch(some: Sweep) -> int:
    with transaction():
        return some(BATCH)


def _all(settings: Settings) -> Iterator[Sweep]:
    now, before, stale = clock.now(), clock.ago(days=KEEP_DAYS), clock.ago(days=STALE_DAYS)
    counted_before = clock.ago(days=max(KEEP_DAYS, settings.limits.longest_wait_seconds / 86_400))
    cookies_before = clock.ago(days=browsers.COOKIE_DAYS + 1)
    # A browser's last visit is noted at most once a day, and the sign-in begun then is kept for another day.
    strangers_before = clock.ago(days=STALE_DAYS + 1, minutes=settings.lifetimes.attempt_minutes)
    yield lambda most: attempts.sweep_attempts(clock.ago(days=ATTEMPT_DAYS), most)
    yield lambda most: stash.sweep_stash(now, most)
    yield lambda most: grants.sweep_codes(stale, most)
    yield lambda most: grants.sweep_grants(before, most)
    yield lambda most: sessions.sweep_sessions(before, most)
    yield lambda most: outbox.sweep_mails(before, most)
    yield lambda most: email_links.sweep_links(before, most)
    yield lambda most: owner_recoveries.sweep_recoveries(before, most)
    yield lambda most: remembered_devices.sweep_devices(before, most)
    yield lambda most: rate_limits.sweep_ip_failures(now, most)
    yield lambda most: rate_limits.sweep_auth_failures(counted_before, now, most)
    yield lambda most: store_totp.sweep_used_steps(totp.step_at(clock.ago(days=STEPS_DAYS)), most)
    yield lambda most: browsers.sweep_people(cookies_before, most)
    yield lambda most: browsers.sweep_browsers(cookies_before, strangers_before, most)
