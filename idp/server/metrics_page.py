"""Answer Prometheus at ``[metrics] listen``, in a process of its own: the server's own address never shows these figures."""

import signal
from collections.abc import Iterator

from flask import Flask
from prometheus_client import Metric, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from idp import clock, metrics
from idp.config import Settings
from idp.db import setup_db
from idp.server_sections import split_address
from idp.store import outbox

STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}


class Outbox(Collector):
    """The mails that wait, read from the database when Prometheus asks. While the database is away they are left out."""

    def __init__(self, settings: Settings) -> None:
        self._app = Flask("idp")
        setup_db(self._app, settings)

    def collect(self) -> Iterator[Metric]:
        """Return depth and age."""
        try:
            with self._app.app_context():
                count, oldest = outbox.waiting() or (0, None)
        except SQLAlchemyError:
            return
        age = max(0.0, (clock.now() - oldest).total_seconds()) if oldest else 0.0
        yield GaugeMetricFamily("sleutel_outbox_mails", "Mails that wait.", count)
        yield GaugeMetricFamily("sleutel_outbox_age_seconds", "Age of the oldest mail that waits.", age)


def serve(settings: Settings) -> None:
    """Answer until SIGTERM or SIGINT."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)  # before threads start, so that the signal waits for us
    registry = metrics.collected()
    registry.register(Outbox(settings))
    host, port = split_address(settings.metrics.listen)
    start_http_server(port, host, registry)
    signal.sigwait(STOP_SIGNALS)
