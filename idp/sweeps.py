"""Delete expired rows, each kind after the time for which it is needed. The worker runs this.

It also moves values of old sealing keys to the current one (``sealing``).
"""

import threading
from collections.abc import Iterator

from idp import clock, sealing
from idp.batches import Batch, in_batches
from idp.config import Settings
from idp.identity.credentials import totp
from idp.identity.jobs import loop
from idp.identity.people_import import codes
from idp.identity.sessions import logout_notices as notices
from idp.identity.users import ending
from idp.store import (
    attempts,
    browsers,
    client_registrations,
    email_links,
    grant_sweeps,
    jobs,
    logout_notices,
    names,
    outbox,
    owner_recoveries,
    polled_requests,
    pushed_requests,
    rate_limits,
    remembered_devices,
    removals,
    sessions,
    spent_ids,
    stash,
    users,
)
from idp.store import totp as store_totp

KEEP_DAYS = 30
"""Ended sessions, grants, trust in devices, links and mails are kept this long, for questions about what happened."""
ATTEMPT_DAYS = 7
"""The address of a sign-in leads back to the app while the sign-in is kept: over a weekend and more (S60)."""
STALE_DAYS = 1
"""Codes are kept this long after their end, so that a second use is noticed."""
NOTICE_DAYS = 7
"""Refused notices of ended sessions are kept this long, to be shown."""
STEPS_DAYS = 1
"""A hint uses a step of up to fourteen hours ahead (S58), whose code would be right at that time. So the step counts, not
the time of its use. If the clock jumps back by less than this, no used code works again.
"""


def sweep(settings: Settings, stop: threading.Event | None = None) -> int:
    """Delete expired rows, in short transactions, until ``stop`` is set. Returns their number."""
    for wipe in _wipes():
        in_batches(wipe, stop)
    sealing.reseal(settings, stop)
    ending.end_due(stop)
    notices.note_ended()  # before the sessions of organisations that were removed are deleted
    return sum(in_batches(some, stop) for some in _all(settings))


def _wipes() -> Iterator[Batch]:
    """Yield the sweeps that change rows and keep them."""
    now, used_before = clock.now(), clock.ago(minutes=2)
    yield lambda most: grant_sweeps.wipe_successors(used_before, most)
    yield lambda most: outbox.wipe_expired(now, most)
    yield codes.wipe_expired
    yield users.sweep_words
    yield names.sweep_names


def _all(settings: Settings) -> Iterator[Batch]:
    now, before, stale = clock.now(), clock.ago(days=KEEP_DAYS), clock.ago(days=STALE_DAYS)
    counted_before = clock.ago(days=max(KEEP_DAYS, settings.limits.longest_wait_seconds / 86_400))
    cookies_before = clock.ago(days=browsers.COOKIE_DAYS + 1)
    # A browser's last visit is noted at most once a day, and the sign-in begun then is kept for another day.
    strangers_before = clock.ago(days=STALE_DAYS + 1, minutes=settings.lifetimes.attempt_minutes)
    yield removals.sweep_removed
    yield lambda most: attempts.sweep_attempts(clock.ago(days=ATTEMPT_DAYS), most)
    yield lambda most: stash.sweep_stash(now, most)
    yield lambda most: spent_ids.sweep_spent_ids(now, most)
    yield lambda most: client_registrations.sweep_tokens(before, most)
    yield lambda most: grant_sweeps.sweep_codes(stale, most)
    yield lambda most: pushed_requests.sweep_requests(now, most)
    yield lambda most: polled_requests.sweep_requests(stale, most)
    yield lambda most: grant_sweeps.sweep_grants(before, most)
    yield lambda most: sessions.sweep_sessions(before, most)
    yield lambda most: logout_notices.sweep_notices(clock.ago(days=NOTICE_DAYS), most)
    yield lambda most: outbox.sweep_mails(before, most)
    yield lambda most: jobs.sweep_jobs(clock.ago(days=loop.KEEP_DAYS), most)
    yield lambda most: email_links.sweep_links(before, most)
    yield lambda most: owner_recoveries.sweep_recoveries(before, most)
    yield lambda most: remembered_devices.sweep_devices(before, most)
    yield lambda most: rate_limits.sweep_ip_failures(now, most)
    yield lambda most: rate_limits.sweep_auth_failures(counted_before, now, most)
    yield lambda most: store_totp.sweep_used_steps(totp.step_at(clock.ago(days=STEPS_DAYS)), most)
    yield lambda most: browsers.sweep_people(cookies_before, most)
    yield lambda most: browsers.sweep_browsers(cookies_before, strangers_before, most)
