"""Check if this installation can serve: database, migrations, signing keys, and secrets that open what is stored."""

from datetime import datetime, timedelta

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from idp import clock, engines, keys, outage, schema, sealing
from idp.config import Settings
from idp.db import db
from idp.oauth.provider import Provider
from idp.store import epoch
from idp.store.sealed import ATTEMPTS, NEEDS

LOOK_AGAIN = timedelta(minutes=10)
"""A value that opened still opens, unless another host writes with other secrets; the check scans some tables."""

BEGUN_AGAIN = frozenset((ATTEMPTS.name, NEEDS.name))
"""A sign-in in progress that does not open starts again (S60). It is kept for days, but must not stop the service."""

UNFINISHED = "database: it is a backup whose restore is not finished; run `idp restore FILE --replace`"


class Readiness:
    """Hold the checks of one process. They read the database each time; only the costly one is cached while it passes."""

    def __init__(self, app: Flask, provider: Provider) -> None:
        self._app, self._provider = app, provider
        self._opened_at: datetime | None = None
        self._opened_with: tuple[str, ...] = ()

    def why_not(self) -> str:
        """Return why this installation cannot serve, as one line with its remedy; empty if it can."""
        try:
            return (
                self._schema() or self._epoch() or self._writes() or self._secrets(self._provider.settings) or self._keys()
            )
        except SQLAlchemyError as error:
            if not outage.is_outage(error):
                raise
            return f"database: cannot be used now ({outage.reason_of(error)}); check [database] url, or ask `idp doctor`"

    def _schema(self) -> str:
        return "" if schema.is_current(self._app) else "database: its tables do not match this version; run `idp migrate`"

    def _epoch(self) -> str:
        with self._app.app_context():
            return "" if epoch.epoch() else UNFINISHED

    def _writes(self) -> str:
        with self._app.app_context():
            why_not = engines.why_read_only(db.engine)
        return f"database: {why_not}" if why_not else ""

    def _keys(self) -> str:
        with self._app.app_context():
            if self._provider.keys.is_ready():
                return ""
            wanted = ", ".join(keys.ALGORITHMS)
        return f"keys: no active signing key that opens for each of {wanted}; check `secrets`, or ask `idp doctor`"

    def _secrets(self, settings: Settings) -> str:
        now = clock.now()
        is_known = self._opened_at is not None and abs(now - self._opened_at) < LOOK_AGAIN
        if is_known and self._opened_with == settings.secrets:
            return ""
        with self._app.app_context():
            found = [locked for locked in sealing.locked(settings) if locked.kind not in BEGUN_AGAIN]
        if found:
            reasons = "; ".join(f"{one.kind}: {one.reason}" for one in found)
            return f"secrets: they do not open what is stored ({reasons}); put the key that sealed it back, at the end"
        self._opened_at, self._opened_with = now, settings.secrets
        return ""
