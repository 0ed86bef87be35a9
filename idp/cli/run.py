"""``idp run``: the server. A main process holds the socket and sends mail; worker processes answer requests."""

import gc
import importlib
import multiprocessing
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask import Flask
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from idp import keys
from idp.cli import migrate
from idp.cli.command import Command, config_file, opened
from idp.config import ConfigError, Settings
from idp.config import read as read_settings
from idp.db import db, setup_db
from idp.mail import deliver

BLOCKING_THREADS = 4
"""In each worker process: while one waits for a password hash or the breach service, the others answer."""
STOP_SECONDS = 10
"""Requests under way may finish within this when the server is stopped."""
HEADER_MILLISECONDS = 10_000
"""A connection that has not sent its headers by then is closed: slow requests hold nothing for long."""


@click.command(cls=Command)
@click.option("--no-migrate", is_flag=True, help="Do not bring the database up to date first.")
@click.option("--no-mail", is_flag=True, help="Send no mail here: an `idp worker` does.")
def run(no_migrate: bool, no_mail: bool) -> None:
    """Start the server, and keep on until stopped (Ctrl-C or SIGTERM lets requests under way finish).

    It brings the database up to date, makes the signing keys at the first start, and sends mail.

    For example:
      idp run --config sleutel.toml
      IDP_CONFIG=sleutel.toml IDP_SERVER__WORKERS=4 idp run --no-migrate
    """
    file = config_file()
    settings = read_settings(file)
    _check_port(settings)
    if not no_migrate and migrate.upgrade(settings):
        click.echo("The database was brought up to date.")
    with opened(settings):
        keys.ensure(settings)
    os.environ["IDP_CONFIG"] = str(file.resolve())  # worker processes read it anew
    click.echo(f"Sleutel listens on http://{settings.server.bind} for {settings.issuer} (stop with Ctrl-C)")
    serve(settings, with_mail=not no_mail)


def _check_port(settings: Settings) -> None:
    """Refuse early, in one line, where the address is taken or is not ours."""
    host, port = settings.server.address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            said = f"[server] bind: {settings.server.bind}: {error.strerror}; stop what listens there, or choose another"
            raise ConfigError(said) from error


def serve(settings: Settings, *, with_mail: bool) -> None:
    """Listen until a signal comes."""
    _load_once()
    host, port = settings.server.address
    server: Any = Granian(
        "idp.app:from_environment",
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=settings.server.workers or os.cpu_count() or 1,
        blocking_threads=BLOCKING_THREADS,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS),
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        log_level=LogLevels.warning,
        process_name=None,
    )
    if not with_mail:
        server.serve()
        return
    stop, between = threading.Event(), threading.Lock()
    os.register_at_fork(before=between.acquire, after_in_parent=between.release, after_in_child=between.release)
    mail = threading.Thread(target=_send_mail, args=(settings, stop, between), name="mail", daemon=True)
    server.on_startup(mail.start)
    try:
        server.serve()
    finally:
        stop.set()
        mail.join(timeout=STOP_SECONDS)


def _load_once() -> None:
    """Load the application before worker processes are forked: they share its memory and answer at once.

    macOS starts new interpreters instead: its libraries do not survive a fork.
    """
    multiprocessing.set_start_method("fork" if sys.platform == "linux" else "spawn", force=True)
    importlib.import_module("idp.app")
    gc.collect()
    gc.freeze()  # what is shared stays shared: the collector does not write to it


def _send_mail(settings: Settings, stop: threading.Event, between: threading.Lock) -> None:
    """Deliver and sweep in rounds. No worker is forked within a round, and ``between`` rounds nothing is open or locked.

    A forked lock would never be released in the child, a forked SQLite connection may spoil the file.
    """
    app = Flask("idp")
    with between:
        setup_db(app, settings)

    @contextmanager
    def _round() -> Iterator[None]:
        with between, app.app_context():
            try:
                yield
            finally:
                db.session.remove()
                db.engine.dispose()

    deliver.run_forever(settings, _round, stop)
