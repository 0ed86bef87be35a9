"""``idp worker``: send mail and clean up, for installations that do not let ``idp run`` do so."""

import signal
import threading

import click
from flask import Flask

from idp import logs
from idp import worker as idp_worker
from idp.cli.command import Command
from idp.cli.opening import opened
from idp.config import Settings
from idp.db import setup_db
from idp.oauth.provider import make_provider

STOP_SECONDS = 5
"""Seconds for the present round to finish after a signal, even if a mail server hangs."""
STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}


@click.command(cls=Command)
def worker() -> None:
    """Send waiting mails and delete expired data, until stopped.

    `idp run` does this itself; run a worker beside `idp run --no-mail` to have it on another machine. Any number of
    workers may run: each mail is leased by one.
    """
    with opened() as found:
        where = found.mail.host or found.path(found.mail.folder)
    click.echo(f"Sending mail by {where}. Stop with Ctrl-C.")
    logs.take_from_libraries()
    work_until_stopped(found)


def work_until_stopped(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT, and end soon after it, whatever the mail server does.

    A conversation that is cut off is not noted: the mail's lease runs out, and it is sent again.
    """
    stop = threading.Event()
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)  # before the thread starts, so that the signal waits for us
    thread = threading.Thread(target=work, args=(settings, stop), name="work", daemon=True)
    thread.start()
    signal.sigwait(STOP_SIGNALS)
    stop.set()
    thread.join(STOP_SECONDS)


def work(settings: Settings, stop: threading.Event) -> None:
    """Deliver, tell apps and sweep until ``stop`` is set. Apps are told in threads of their own: mail waits for none."""
    app = Flask("idp")
    setup_db(app, settings)
    couriers = idp_worker.Couriers(make_provider(settings), app.app_context, stop)
    threading.Thread(target=couriers.run_forever, name="couriers", daemon=True).start()
    idp_worker.run_forever(settings, app.app_context, stop)
