"""What is thrown away when it no longer matters: rows that expired, each kind after the time its readers need it."""

from collections.abc import Callable

from idp import clock
from idp.config import Settings
from idp.db import transaction
from idp.store import attempts, grants, limits, links, logins, outbox

KEEP_DAYS = 30
"""Ended logins, grants and mails stay this long, for whoever asks what happened."""


def sweep(settings: Settings) -> int:
    """Delete rows that expired; how many. Each table in a transaction of its own, so that nobody waits for long."""
    now, before = clock.now(), clock.ago(days=KEEP_DAYS)
    failures_before = clock.ago(days=max(KEEP_DAYS, settings.limits.longest_wait_seconds / 86_400))
    sweeps: tuple[Callable[[], int], ...] = (
        lambda: attempts.sweep_attempts(clock.ago(days=1)),  # until then a stale page begins anew from it (S60)
        lambda: grants.sweep_codes(clock.ago(days=1)),
        lambda: grants.wipe_successors(clock.ago(minutes=2)),
        lambda: grants.sweep_grants(before),
        lambda: logins.sweep_logins(before),
        lambda: outbox.sweep_mails(before),
        lambda: outbox.wipe_expired(now),
        lambda: links.sweep_links(before),
        lambda: limits.sweep_limits(failures_before, now),
    )
    return sum(_sweep_one(table) for table in sweeps)


def _sweep_one(table: Callable[[], int]) -> int:
    with transaction():
        return table()
