"""Count what happens, over all processes of the server, for Prometheus. Nothing is counted or imported before ``start``.

Labels name kinds of things, never people, clients or organisations, and each has few values: what counts is bounded.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool

from idp.on_use import OnUse
from idp.watchers import watchers

if TYPE_CHECKING:
    import prometheus_client as prometheus
    from prometheus_client import multiprocess
else:
    prometheus, multiprocess = OnUse("prometheus_client"), OnUse("prometheus_client.multiprocess")

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where the processes keep their counts. The library reads it when it is imported, so it is not imported before."""


class Instruments:
    """What is counted."""

    def __init__(self) -> None:
        own: Any = {"registry": prometheus.CollectorRegistry()}
        self.sign_ins = prometheus.Counter(
            "sleutel_sign_ins", "Sign-ins, and wrong proofs by their event in the audit log.", ("outcome", "acr"), **own
        )
        self.tokens = prometheus.Counter("sleutel_token_responses", "Token responses, by grant type.", ("grant",), **own)
        self.requests = prometheus.Histogram(
            "sleutel_request_seconds", "From a request to its answer.", ("endpoint", "status"), **own
        )
        self.hashes = prometheus.Histogram(
            "sleutel_hash_wait_seconds", "How long a password hash waited for its turn.", **own
        )
        live: Any = {"multiprocess_mode": "livesum", **own}
        self.waiting = prometheus.Gauge("sleutel_hashes_waiting", "Hashes that wait for their turn.", **live)
        self.connections = prometheus.Gauge("sleutel_database_connections_in_use", "Connections in use.", **live)
        self.statements = prometheus.Histogram(
            "sleutel_statement_seconds", "How long a statement of the database took.", ("kind",), **own
        )
        self.restarts = prometheus.Counter("sleutel_process_restarts", "Processes that ended early.", ("process",), **own)
        event.listen(Pool, "checkout", lambda *_: self.connections.inc())
        event.listen(Pool, "checkin", lambda *_: self.connections.dec())


_kept: list[Instruments] = []


def start(folder: str = "") -> None:
    """Count from now on, in this process and those that it starts. Without a folder only where one is named already."""
    if folder:
        os.environ[FOLDER] = folder
    if os.environ.get(FOLDER) and not _kept:
        _kept.append(Instruments())
        watchers.append(_Statements())


class _Statements:
    """Counts statements (``watchers.Watcher``)."""

    def before(self, engine: Engine, statement: str, table: str) -> None:
        """Do nothing: the end has the duration."""

    def after(self, engine: Engine, statement: str, table: str, seconds: float, rows: int) -> None:
        """Count it, and how long it took."""
        for kept in _kept:
            kept.statements.labels("read" if statement.startswith("SELECT") else "write").observe(seconds)


def count_sign_in(outcome: str, acr: str = "") -> None:
    """Count a sign-in that succeeded, or a wrong proof."""
    for kept in _kept:
        kept.sign_ins.labels(outcome, acr).inc()


def count_tokens(grant: str) -> None:
    """Count a token response."""
    for kept in _kept:
        kept.tokens.labels(grant).inc()


def count_request(endpoint: str, status: int, seconds: float) -> None:
    """Count a request. ``endpoint`` is one of the few names that the server gives, never an address that was asked for."""
    for kept in _kept:
        kept.requests.labels(endpoint, f"{status // 100}xx").observe(seconds)


def count_restart(name: str, process_id: int) -> None:
    """Count an early end of a process of the server, and forget what only a living process has."""
    for kept in _kept:
        kept.restarts.labels(name).inc()
        multiprocess.mark_process_dead(process_id)  # type: ignore[no-untyped-call] # the library gives it no types


@contextmanager
def hash_waits() -> Iterator[None]:
    """Measure how long a hash waits for its turn."""
    began = time.monotonic()
    for kept in _kept:
        kept.waiting.inc()
    try:
        yield
    finally:
        for kept in _kept:
            kept.waiting.dec()
            kept.hashes.observe(time.monotonic() - began)


def collected() -> "prometheus.CollectorRegistry":
    """Return a registry with what all processes counted."""
    registry = prometheus.CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # the library gives it no types
    return registry
