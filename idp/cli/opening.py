"""Open what a command works on: the configuration that ``--config`` names, and its database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask import Flask

from idp import config, schema
from idp.cli.command import CONFIG
from idp.config import ConfigError, Settings
from idp.db import close, db, setup_db
from idp.logs import setup_logs
from idp.readiness import UNFINISHED
from idp.store import epoch


def config_file() -> Path:
    """Return the configuration file that was named; raises ``ConfigError``."""
    return config.locate(click.get_current_context().meta.get(CONFIG))


def settings() -> Settings:
    """Return the configuration that was named, and log from now on as it says. Raises ``ConfigError``."""
    found = config.read(config_file())
    setup_logs(found)
    return found


@contextmanager
def opened(chosen: Settings | None = None, *, only_look: bool = False) -> Iterator[Settings]:
    """Open the database of the configuration. An empty database gets its tables, unless ``only_look``.

    Raises ``ConfigError`` for a backup whose restore is not finished, unless ``only_look``.
    """
    found = chosen or settings()
    setup_logs(found)
    app = Flask("idp")
    setup_db(app, found)
    if not only_look and schema.is_empty(app):
        schema.upgrade(app)
        click.echo("The database was new: its tables were created.", err=True)
    with app.app_context():
        try:
            if not only_look and epoch.epoch() is None:
                raise ConfigError(UNFINISHED)
            yield found
        finally:
            close()
            db.engine.dispose()
