"""``idp run``: start the server. A main process supervises others, which answer requests and send mail."""

import errno
import importlib
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import click
from flask import Flask

from idp import keys, metrics
from idp.app import create_app
from idp.cli import migrate, worker
from idp.cli.command import Command
from idp.cli.costs import costs
from idp.cli.opening import config_file, opened
from idp.config import ConfigError, Settings
from idp.config import read as read_settings
from idp.server import process
from idp.server.supervisor import Supervisor
from idp.server_sections import split_address


@click.command(cls=Command)
@click.option("--no-migrate", is_flag=True, help="Do not bring the database up to date first.")
@click.option("--no-mail", is_flag=True, help="Send no mail here; an `idp worker` does it.")
@click.option(
    "--check", is_flag=True, help="Start nothing and change nothing: say whether it could serve, and what is slow."
)
def run(no_migrate: bool, no_mail: bool, check: bool) -> None:
    """Run the server until it is stopped (Ctrl-C or SIGTERM lets requests under way finish).

    It brings the database up to date, makes the signing keys at the first start, and sends mail.

    For example:
      idp run --config sleutel.toml
      IDP_CONFIG=sleutel.toml IDP_SERVER__WORKERS=4 idp run --no-migrate
    """
    file = config_file()
    settings = read_settings(file)
    require_free_port(settings, may_be_in_use=check)
    if settings.metrics.listen:
        _check_port("[metrics] listen", settings.metrics.listen, may_be_in_use=check)
    if check:
        _check(settings)
        return
    if not no_migrate and migrate.upgrade(settings):
        click.echo("The database was brought up to date.")
    with opened(settings):
        keys.ensure(settings)
    app = _ready_app(settings)
    os.environ["IDP_CONFIG"] = str(file.resolve())  # processes that cannot be forked read it again
    click.echo(f"Sleutel listens on http://{settings.server.bind} for {settings.issuer} (stop with Ctrl-C)")
    serve(app, settings, with_mail=not no_mail)


def _check(settings: Settings) -> None:
    """Say whether the server could serve, and what a sign-in waits for."""
    with _ready_app(settings).app_context():
        for subject, words in costs(settings):
            click.echo(f"{subject}: {words}")
    click.echo("Ready to serve.")


def _ready_app(settings: Settings) -> Flask:
    """Return the application. Raises ``ConfigError`` where it could not serve."""
    app = create_app(settings)
    if why_not := app.extensions["sleutel"].readiness.why_not():
        raise ConfigError(why_not)
    return app


def require_free_port(settings: Settings, *, may_be_in_use: bool = False) -> None:
    """Raise ``ConfigError`` if a server listens at our address already."""
    _check_port("[server] bind", settings.server.bind, may_be_in_use=may_be_in_use)


def _check_port(key: str, address: str, *, may_be_in_use: bool) -> None:
    """Raise ``ConfigError`` early if the address is not on this machine, or is in use: by the server that runs now?"""
    host, port = split_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if may_be_in_use and error.errno == errno.EADDRINUSE:
                return
            reason = f"{key}: {address}: {error.strerror}; stop what listens there, or choose another"
            raise ConfigError(reason) from error


def serve(app: Flask, settings: Settings, *, with_mail: bool) -> None:
    """Wait for a signal."""
    with _counted(settings):
        _serve(app, settings, with_mail=with_mail)


def _serve(app: Flask, settings: Settings, *, with_mail: bool) -> None:
    process.prepare(app)
    roles = {f"server-{number + 1}": process.answer_requests for number in range(settings.server_processes)}
    if with_mail:
        roles["mail"] = partial(worker.work_until_stopped, settings)
    if settings.metrics.listen:
        roles["metrics"] = partial(_serve_metrics, settings)
    Supervisor(roles).run()


def _serve_metrics(settings: Settings) -> None:
    importlib.import_module("idp.server.metrics_page").serve(settings)


@contextmanager
def _counted(settings: Settings) -> Iterator[None]:
    """Count for Prometheus, where it listens, in files that go with the server."""
    if not settings.metrics.listen:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="sleutel-metrics-") as folder:
        metrics.start(folder)
        yield
