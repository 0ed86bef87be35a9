"""``idp migrate``: bring the database's tables up to date."""

import click
from flask import Flask

from idp import schema
from idp.cli.command import Command
from idp.cli.opening import settings
from idp.config import Settings
from idp.db import close, db, setup_db


@click.command(cls=Command)
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 when a migration is due.")
def migrate(check: bool) -> None:
    """Bring the database's tables up to date, if they are not.

    `idp run` does this when it starts, unless --no-migrate is given. Make a backup before you install a new version.
    """
    found = settings()
    if check:
        if not is_current(found):
            raise click.ClickException("the database is not up to date; run `idp migrate`")
        click.echo("The database is up to date.")
    else:
        click.echo("The database was brought up to date." if upgrade(found) else "The database is up to date.")


def is_current(settings: Settings) -> bool:
    """Return whether no migration is due."""
    app = _app(settings)
    try:
        return schema.is_current(app)
    finally:
        _close(app)


def upgrade(settings: Settings) -> bool:
    """Run the migrations that are due. Returns whether there were any."""
    app = _app(settings)
    try:
        if schema.is_current(app):
            return False
        schema.upgrade(app)
        return True
    finally:
        _close(app)


def _app(settings: Settings) -> Flask:
    app = Flask("idp")
    setup_db(app, settings)
    return app


def _close(app: Flask) -> None:
    # Nothing may be left open: server processes are forked from this one.
    with app.app_context():
        close()
        db.engine.dispose()
