"""Run the worker: everything that is due outside a request, beside the server or in a process of its own."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

from idp import clock, outage
from idp.backup import epoch
from idp.config import Settings
from idp.identity.credentials import password_reset
from idp.identity.exports import writing as exports
from idp.identity.jobs import loop
from idp.identity.ownership import owner_recovery
from idp.identity.people_import import jobs as people_imports
from idp.identity.sessions import logout_notices
from idp.mail.deliver import deliver_due, log
from idp.oauth import app_icons, backchannel_authentication, backchannel_logout, dynamic_registration
from idp.oauth.provider import Provider
from idp.store import polled_requests
from idp.sweeps import sweep

POLL_SECONDS = 2.0
SWEEP_EVERY = timedelta(minutes=5)
THREADS = 8
"""Apps that are told of ended sessions at the same time."""
JOBS: loop.Kinds = {people_imports.KIND: people_imports.carry, **exports.KINDS}
"""The kinds of jobs, by their names in the database."""
AppContext = Callable[[], AbstractContextManager[object]]


def run_forever(settings: Settings, app_context: AppContext, stop: threading.Event) -> None:
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
                    dynamic_registration.remove_unused()
                    app_icons.fetch_due(settings)
        except Exception as error:  # noqa: BLE001 — the next round tries again
            _note_failed_round(error)
        stop.wait(POLL_SECONDS)


def _note_failed_round(error: Exception) -> None:
    if outage.is_outage(error):
        log.error("worker_waits_for_database", reason=outage.reason_of(error))
    else:
        log.error("worker_failed", exc_info=error)


def work_once(settings: Settings, stop: threading.Event | None = None) -> int:
    """Run one round: answer reset requests, carry out due recoveries, tell of a restore, carry out jobs, send mails.

    Returns how many mails left.
    """
    _outlive(password_reset.answer_requests, settings)
    _outlive(owner_recovery.finish_due, settings)
    _outlive(epoch.tell_some, settings)
    _outlive(carry_out_jobs, settings, stop)
    return deliver_due(settings, stop)


def carry_out_jobs(settings: Settings, stop: threading.Event | None = None) -> int:
    """Run one round of the job that has waited longest. Returns how many steps it did: lines of an import, e.g."""
    return loop.work(settings, JOBS, stop)


class Couriers:
    """Tell apps of ended sessions and decisions, each in its own thread: no app makes another one, or the mail, wait."""

    def __init__(self, provider: Provider, app_context: AppContext, stop: threading.Event) -> None:
        self._provider, self._app_context, self._stop = provider, app_context, stop
        self._busy: dict[str, threading.Thread] = {}
        self._last: dict[str, float] = {}

    def run_forever(self) -> None:
        """Find ended sessions and start threads for their apps until told to stop."""
        while not self._stop.is_set():
            try:
                with self._app_context():
                    self.start()
            except Exception as error:  # noqa: BLE001 — the next round tries again
                _note_failed_round(error)
            self._stop.wait(POLL_SECONDS)

    def start(self) -> None:
        """Start a thread for each app that has something due, first those that have waited longest for their turn."""
        logout_notices.note_ended()
        self._busy = {client_id: thread for client_id, thread in self._busy.items() if thread.is_alive()}
        due = {*logout_notices.due_apps(), *polled_requests.apps_to_ping()}
        waiting = [client_id for client_id in due if client_id not in self._busy]
        for client_id in sorted(waiting, key=lambda one: self._last.get(one, 0.0))[: THREADS - len(self._busy)]:
            thread = threading.Thread(target=self._tell, args=(client_id,), name="logout", daemon=True)
            self._busy[client_id], self._last[client_id] = thread, time.monotonic()
            thread.start()

    def _tell(self, client_id: str) -> None:
        try:
            with self._app_context():
                backchannel_authentication.ping(self._provider, client_id, self._stop)
                backchannel_logout.tell(self._provider, client_id, self._stop)
        except Exception as error:  # noqa: BLE001 — the notice is due again when its lease has run out
            _note_failed_round(error)


def _outlive(chore: Callable[..., object], *given: object) -> None:
    """Run ``chore`` and log its failure: one request or recovery that fails must not keep all mail from leaving."""
    try:
        chore(*given)
    except Exception as error:
        if outage.is_outage(error):
            raise  # nothing else in this round would reach the database either
        log.exception("chore_failed", chore=chore.__name__)
