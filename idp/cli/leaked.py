"""``idp leaked``: build the offline list of leaked passwords, and look a password up."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import click

from idp.cli.command import Noun
from idp.cli.opening import settings
from idp.identity.credentials import leaked_passwords as lists

LINE_BYTES = 46
"""The approximate length of a line of the public list: a hash, a colon, a count, an end of line."""


@click.group(cls=Noun)
def leaked() -> None:
    """Build the offline list of leaked passwords, and look one up.

    A list of common passwords is built in and always asked. The offline list is built from the public file of SHA-1 hashes
    with counts, ordered by hash, and takes 34 bits an entry.
    """


@leaked.command("import")
@click.argument("file", type=click.Path(exists=True, allow_dash=True, path_type=Path))
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
def import_(file: Path, target: Path) -> None:
    """Build TARGET from FILE (or - for standard input), lines of SHA1:COUNT ordered by hash, or a folder of range files.

    A range file has the name of the first five digits of its hashes, and holds the rest, like the range service's answers.

    TARGET appears complete or not at all. Running servers load a new one by themselves. Name it in the configuration:

    For example:
      idp leaked import pwned-passwords-sha1-ordered-by-hash.txt leaked.bin
      [leaked]
      file = "leaked.bin"
    """
    if str(file) == "-":
        count = lists.build_file(_lines(sys.stdin.buffer, None), target, _tell, expected=1 << 24)
    elif file.is_dir():
        count = _import_folder(file, target)
    else:
        count = _import_file(file, target)
    click.echo(f"{target}: {count:,} leaked passwords")


def _import_file(file: Path, target: Path) -> int:
    size = file.stat().st_size
    try:
        with file.open("rb") as stream, click.progressbar(length=size, label=f"Reading {file}", file=sys.stderr) as bar:
            return lists.build_file(_lines(stream, bar.update), target, expected=size // LINE_BYTES)
    except OSError as error:
        raise click.ClickException(f"{error.filename or target}: {error.strerror}") from error


def _import_folder(folder: Path, target: Path) -> int:
    size = sum(file.stat().st_size for file in folder.iterdir())
    try:
        return lists.build_file(lists.lines_of(folder), target, _tell, expected=size // (LINE_BYTES - 5))
    except OSError as error:
        raise click.ClickException(f"{error.filename or target}: {error.strerror}") from error


def _lines(stream: BinaryIO, advance: object) -> Iterator[str]:
    """Yield the lines, and report the bytes read every hundred thousand lines."""
    read = 0
    for number, line in enumerate(stream, 1):
        read += len(line)
        if callable(advance) and number % 100_000 == 0:
            advance(read)
            read = 0
        yield line.decode("ascii", "replace")
    if callable(advance):
        advance(read)


def _tell(count: int) -> None:
    click.echo(f"{count:,} read", err=True)


@leaked.command()
def check() -> None:
    """Say whether a password is known to have leaked. It is typed unseen or read from standard input, and is never an
    argument.

    Exit code 0: not known. 1: leaked. The sources are those that sign-in asks.
    """
    found = settings()
    result = lists.look_up(found, read_password("Password to look up"))
    if result.hit:
        where = {"list": "the built-in list", "file": "the offline list", "service": "the range service"}
        raise click.ClickException(f"leaked: it is on {where[result.source]}")
    if result.is_down:
        click.echo("A source could not be asked; the others do not know it.", err=True)
    click.echo("It is on no list that was asked.")


def read_password(prompt: str, *, twice: bool = False) -> str:
    """Return a password, or another secret, from the terminal without echo, or from the first line of standard input."""
    if sys.stdin.isatty():
        return str(click.prompt(prompt, hide_input=True, confirmation_prompt=twice))
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise click.UsageError(f"standard input is empty. It must hold one line: {prompt[:1].lower()}{prompt[1:]}")
    return line
