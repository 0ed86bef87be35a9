"""``idp worker``: mail and housekeeping, where they shall not run within ``idp run``."""

import signal
import threading
from contextlib import AbstractContextManager
from types import FrameType

import click
from flask import Flask

from idp.cli.command import Command, settings
from idp.config import Settings
from idp.db import setup_db
from idp.mail import deliver


@click.command(cls=Command)
def worker() -> None:
    """Send the mails that wait and delete what expired, until stopped.

    `idp run` does this itself; run a worker beside `idp run --no-mail` to have it in a process of its own. Any number of
    workers may run: each mail is leased by one.
    """
    stop = threading.Event()

    def _end(_: int, __: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    found = settings()
    where = found.mail.host or found.path(found.mail.folder)
    click.echo(f"Sending mail by {where}. Stop with Ctrl-C.")
    work(found, stop)


def work(settings: Settings, stop: threading.Event) -> None:
    """Deliver and sweep until ``stop`` is set."""
    app = Flask("idp")
    setup_db(app, settings)

    def _context() -> AbstractContextManager[object]:
        return app.app_context()

    deliver.run_forever(settings, _context, stop)
