"""What every command shares: ``--config``, the opened database, and errors as one clear line instead of a traceback."""

import importlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from idp import config, errors, schema
from idp.config import Settings
from idp.db import db, setup_db
from idp.logs import setup_logs

CONFIG = "idp.config"


def _note_config(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value:
        context.meta[CONFIG] = value


def _config_option() -> click.Option:
    return click.Option(
        ["--config"],
        metavar="FILE",
        expose_value=False,
        callback=_note_config,
        help="The configuration file; else the environment's IDP_CONFIG.",
    )


def _keep_examples(help: str | None) -> str | None:
    """Click re-flows paragraphs, but for those marked so: the ones with indented lines are examples."""
    if help is None:
        return None
    paragraphs = inspect.cleandoc(help).split("\n\n")
    return "\n\n".join(f"\b\n{text}" if "\n  " in text else text for text in paragraphs)


class Command(click.Command):
    """A command that takes ``--config``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.help = _keep_examples(self.help)
        self.params.append(_config_option())


class Noun(click.Group):
    """A group of commands about one thing; takes ``--config`` too."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.help = _keep_examples(self.help)
        self.params.append(_config_option())


class Nouns(Noun):
    """The top: each command's module is imported when it is called, so that ``idp --help`` is quick.

    ``places``: name → ``module:attribute``. What a person can do something about ends as one line and exit code 1.
    """

    def __init__(self, name: str, places: dict[str, str], help: str) -> None:
        super().__init__(name, help=help, context_settings={"help_option_names": ["-h", "--help"]})
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they are needed."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        place = self._places.get(cmd_name)
        if place is None:
            return None
        module, attribute = place.split(":")
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Run; a refusal becomes a line."""
        try:
            return super().invoke(ctx)
        except config.ConfigError as error:
            raise click.ClickException(str(error)) from error
        except errors.Invalid as error:
            raise click.ClickException(f"{error.field}: {in_english(error.message)}") from error
        except errors.Refusal as error:
            raise click.ClickException(in_english(error.message)) from error
        except schema.SchemaError as error:
            raise click.ClickException(str(error)) from error
        except SQLAlchemyError as error:
            raise click.ClickException(_about_database(error)) from error


def in_english(message: errors.Message) -> str:
    """Return a message with its values filled in. The command line speaks English."""
    is_plural = message.plural and message.values.get("num") != 1
    sentence = message.plural if is_plural else message.key
    return sentence % message.values if message.values else sentence


def _about_database(error: SQLAlchemyError) -> str:
    cause = getattr(error, "orig", None) or error
    said = next(iter(str(cause).strip().splitlines()), type(cause).__name__)
    if "no such table" in said or "does not exist" in said:
        return f"database: {said}; run `idp migrate` first"
    return f"database: {said}; check [database] in the configuration, or ask `idp doctor`"


def config_file() -> Path:
    """The configuration file that was named; raises ``ConfigError``."""
    return config.locate(click.get_current_context().meta.get(CONFIG))


def settings() -> Settings:
    """Return the configuration that was named, and log from now on as it says. Raises ``ConfigError``."""
    found = config.read(config_file())
    setup_logs(found)
    return found


@contextmanager
def opened(chosen: Settings | None = None, *, only_look: bool = False) -> Iterator[Settings]:
    """The database of the configuration, open for this command. One without any table is given them, but ``only_look``."""
    found = chosen or settings()
    setup_logs(found)
    app = Flask("idp")
    setup_db(app, found)
    if not only_look and schema.is_empty(app):
        schema.upgrade(app)
        click.echo("The database was new: its tables were made.", err=True)
    with app.app_context():
        try:
            yield found
        finally:
            db.session.remove()
            db.engine.dispose()
