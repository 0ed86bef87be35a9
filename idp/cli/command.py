"""Define the form of commands: each takes ``--config``. Only click is imported here, so that ``idp --help`` is quick."""

import gc
import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import click

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
    """Mark paragraphs with indented lines, which are examples: click re-flows all others."""
    if help is None:
        return None
    paragraphs = inspect.cleandoc(help).split("\n\n")
    return "\n\n".join(f"\b\n{text}" if "\n  " in text else text for text in paragraphs)


class Command(click.Command):
    """Take ``--config`` in a command."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.help = _keep_examples(self.help)
        self.params.append(_config_option())


class Noun(click.Group):
    """Group the commands about one thing; take ``--config`` too."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.help = _keep_examples(self.help)
        self.params.append(_config_option())


@dataclass(frozen=True)
class Place:
    """Where a command is, as ``module:attribute``, and what the list of commands says about it."""

    target: str
    help: str


def _imported(name: str) -> ModuleType:
    """Import a module without looking for garbage: what it makes stays, and a search would take an eighth of the start."""
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.freeze()
        gc.enable()


class Nouns(Noun):
    """The group of all commands. It imports the module of a command when that is called, never to list it."""

    def __init__(self, name: str, places: Mapping[str, Place], help: str) -> None:
        super().__init__(name, help=help, context_settings={"help_option_names": ["-h", "--help"]})
        self.places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which an installation needs them."""
        return list(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        place = self.places.get(cmd_name)
        if place is None:
            return None
        name, attribute = place.target.split(":")
        found: click.Command = getattr(_imported(name), attribute)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table, without importing any."""
        limit = formatter.width - 6 - max(map(len, self.places))
        with formatter.section("Commands"):
            shown = {name: click.Command(name, help=place.help) for name, place in self.places.items()}
            formatter.write_dl([(name, command.get_short_help_str(limit)) for name, command in shown.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. What a person can do something about ends as one line and exit code 1."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            line = importlib.import_module("idp.cli.refusals").line_about(error)
            if line is None:
                raise
            raise click.ClickException(line) from error
