"""Keep a process's signing keys fresh from a thread of their own, so that no request waits for the database to get them."""

import threading

import structlog
from flask import Flask

from idp.keys import RELOAD_AFTER, KeyRing

log = structlog.get_logger("keys")


class KeyRefresh:
    """A thread that reads the published keys again and again. While the database is away the last ones stay."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._stop = threading.Event()

    @property
    def _ring(self) -> KeyRing:
        ring: KeyRing = self._app.extensions["sleutel.oauth"].provider.keys
        return ring

    def start(self) -> None:
        """Begin."""
        self._ring.serve_from_memory()
        threading.Thread(target=self._run, name="keys", daemon=True).start()

    def stop(self) -> None:
        """End, without waiting for a read under way."""
        self._stop.set()

    def _run(self) -> None:
        while True:
            try:
                with self._app.app_context():
                    self._ring.refresh()
            except Exception as error:  # noqa: BLE001 — whatever is wrong now, the next round may find it right
                log.error("keys_not_refreshed", reason=type(error).__name__)
            if self._stop.wait(RELOAD_AFTER.total_seconds() / 2):
                return
