"""Carry out jobs of every kind: one loop, with the lease on a job and the end of a round.

Each step is one transaction, with the claim on that step: a worker that was killed, or a second one, does no step twice.
"""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import Enum

from idp import clock
from idp.config import Settings
from idp.db import transaction
from idp.store import jobs as store
from idp.store import organisations
from idp.store.jobs import Job
from idp.store.organisations import Organisation

KEEP_DAYS = 7
LEASE = timedelta(minutes=1)
ROUND_SECONDS = 2.0
"""How long one round of the worker may take for a job: other jobs and waiting mails come next."""


class Step(Enum):
    """What became of a step: done, nothing left to do, or another worker has it."""

    DONE = "done"
    OVER = "over"
    LOST = "lost"


Carrier = Callable[[int], Step]
"""Carries out the step at a position, from 1."""
Kinds = Mapping[str, Callable[[Settings, Organisation, Job], Carrier]]
"""What makes the carrier of a job, once in each round, by the kind of the job."""


def work(settings: Settings, kinds: Kinds, stop: threading.Event | None = None) -> int:
    """Carry out steps of the due job that has waited longest, for ``ROUND_SECONDS``. Returns how many."""
    now = clock.now()
    job = store.due_job(now)
    if job is None:
        return 0
    organisation = organisations.organisation(job.organisation_id)
    if organisation is None:  # it was removed: its job must not hold up those of others
        end(job, job.state, "cancelled")
        return 0
    with transaction():
        if not store.lease(job.organisation_id, job.id, now, now + LEASE):
            return 0
    return _round(settings, kinds, organisation, job, stop)


def _round(settings: Settings, kinds: Kinds, organisation: Organisation, job: Job, stop: threading.Event | None) -> int:
    position, ends, step = job.done, time.monotonic() + ROUND_SECONDS, Step.DONE
    carry = kinds[job.kind](settings, organisation, job)
    while not (stop and stop.is_set()):
        step = carry(position + 1)
        if step is not Step.DONE:
            break
        position += 1
        if time.monotonic() >= ends:
            break
    if step is not Step.LOST:
        now = clock.now()
        after = {"state": "done", "ended_at": now, "leased_until": None} if step is Step.OVER else {"leased_until": now}
        with transaction():
            store.move(job.organisation_id, job.id, "running", job.digest, **after)
    return position - job.done


def end(job: Job, was: str, state: str) -> bool:
    """End a job that is still in the state ``was``, and forget its lines. Returns False if it is in another state."""
    with transaction():
        over = {"state": state, "ended_at": clock.now(), "leased_until": None}
        if not store.move(job.organisation_id, job.id, was, job.digest, **over):
            return False
        store.forget_lines(job.organisation_id, job.id)
    return True
