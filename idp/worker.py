"""Run the worker: everything that is due outside a request, beside the server or in a process of its own."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

from idp import clock, outage
from idp.backup import epoch
from idp.config import Settings
from idp.identity.credentials import password_reset
from idp.identity.ownership import owner_recovery
from idp.mail.deliver import deliver_due, log
from idp.sweeps import sweep

POLL_SECONDS = 2.0


SWEEP_EVERY = timedelta(minutes=5)


def run_forever(
    settings: Settings, app_context: Callable[[], AbstractContextManager[object]], stop: threading.Event
) -> None:
    """Work, deliver and sweep until ``stop`` is set.

    ``app_context`` opens what ``db`` needs. A failure is logged, and the worker continues.
    """
    next_sweep = clock.now()
    while not stop.is_set():
        try:
            with app_context():
                work_once(settings, stop)
                if clock.now() >= next_sweep:
                    next_sweep = clock.now() + SWEEP_EVERY
                    sweep(settings, stop)
        except Exception as error:  # noqa: BLE001 — the next round tries again
            _note_failed_round(error)
        stop.wait(POLL_SECONDS)


def _note_failed_round(error: Exception) -> None:
    if outage.is_outage(error):
        log.error("worker_waits_for_database", reason=outage.reason_of(error))
    else:
        log.error("worker_failed", exc_info=error)


def work_once(settings: Settings, stop: threading.Event | None = None) -> int:
    """Run one round: answer reset requests, carry out due recoveries, tell of a restore, send waiting mails.

    Returns how many mails left.
    """
    _outlive(password_reset.answer_requests, settings)
    _outlive(owner_recovery.finish_due, settings)
    _outlive(epoch.tell_some, settings)
    return deliver_due(settings, stop)


def _outlive(chore: Callable[[Settings], object], settings: Settings) -> None:
    """Run ``act`` and log its failure: one request or recovery that fails must not keep all mail from leaving."""
    try:
        chore(settings)
    except Exception as error:
        if outage.is_outage(error):
            raise  # nothing else in this round would reach the database either
        log.exception("chore_failed", chore=chore.__name__)
