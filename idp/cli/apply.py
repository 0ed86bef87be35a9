"""``idp apply``: bring the installation to the state in a TOML document."""

import time
from collections.abc import Iterator
from pathlib import Path

import click

from idp import db
from idp.cli.command import Command
from idp.cli.opening import opened
from idp.cli.provision import clients, document, organisations, policies, shape, users
from idp.cli.provision.document import Refused, Table
from idp.cli.provision.lines import Lines
from idp.cli.provision.work import Plan, Step, Unit, rehearse, run
from idp.config import Settings
from idp.identity.organisations.settings import normal_store_url

TELL_EVERY = 3.0
"""Seconds between two lines of progress."""


class Progress:
    """Report the progress of a long task on standard error. A short task reports nothing."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._next = what, total, time.monotonic() + TELL_EVERY

    def __call__(self, done: int) -> None:
        """Take the number of finished steps."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + TELL_EVERY
            click.echo(f"{self._what} {done} of {self._total}", err=True)


@click.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Print the outcome and change nothing.")
@click.option(
    "--set-credentials", is_flag=True, help="Also set passwords, factors and secrets of existing users and clients."
)
def apply(file: Path, dry_run: bool, set_credentials: bool) -> None:
    """Bring organisations, shops, groups, users, policies and clients to the state in FILE.

    Applying a file twice changes nothing the second time. A key that the file does not have stays as it is. A list replaces
    the list that was there. Nothing is deleted unless the file says absent = true. Credentials (password, password_hash,
    totp_secret, recovery_codes, client_secret) are set when an object is created, and later only with --set-credentials.
    Creating people sends no mail; later changes of their credentials do.

    One error refuses the whole file, and every error is listed with its line. A correct file is written in short
    transactions, so that people can go on signing in. If it is interrupted, apply the file again.

    For example:
      idp apply shops.toml --dry-run
      POS_SECRET=… idp apply clients.toml
    """
    try:
        read = document.read(file)
        with opened() as settings:
            lines = provision(settings, read, dry_run=dry_run, set_credentials=set_credentials)
    except Refused as refused:
        faults = "\n".join(str(fault) for fault in refused.faults)
        rest = f"{refused.written} steps were done; correct what follows and apply again for the rest"
        done = rest if refused.written else "nothing was changed"
        raise click.ClickException(f"{done}; {len(refused.faults)} to correct:\n{faults}") from refused
    for line in shape.ignored(read):
        click.echo(line, err=True)
    for outcome in lines.lines:
        click.echo(str(outcome))
    click.echo(f"{lines.summary}{' (dry run: nothing was changed)' if dry_run else ''}")


def provision(settings: Settings, read: document.Document, *, dry_run: bool = False, set_credentials: bool = False) -> Lines:
    """Apply the document. Returns the outcome for each object. Raises ``Refused``.

    Everything is checked and hashed first, and blocks nobody; then the differences are written in short transactions.
    """
    shape.check(read)
    read.refuse_if_faulty()
    trial = Plan(settings, read, set_credentials)
    units = list(_units(read))
    rehearse(trial, units, Progress("checked", sum(map(len, units))))
    db.release()
    chosen = sum(bool(pending.draft.password) for pending in trial.credentials_of.values())
    users.judge(trial, Progress("judged the passwords of", chosen))
    read.refuse_if_faulty()
    if dry_run:
        return trial.lines
    pending = trial.credentials_of.values()
    prepared = users.prepare(settings, pending, Progress("hashed the credentials of", len(pending)))
    db.release()
    real = Plan(settings, read, set_credentials, prepared)
    units = [unit for unit in units if trial.changes(unit)]
    run(real, units, Progress("wrote", sum(map(len, units))))
    trial.lines.correct(real.lines)
    return trial.lines


def _units(read: document.Document) -> Iterator[Unit]:
    """Return the steps in order: removals first, then each kind after those that it refers to."""
    gone: tuple[tuple[str, Step], ...] = (
        ("policies", policies.remove_policy),
        ("clients", clients.remove_client),
        ("groups", organisations.remove_group),
        ("shops", organisations.remove_shop),
    )
    for kind, step in gone:
        yield from _each(read.unwanted(kind), step)
    yield from _each(read.of("organisations"), organisations.put_organisation)
    yield from _each(read.of("shops"), organisations.put_shop)
    yield from _each(read.of("groups"), organisations.put_group)
    yield from _ownerships(read)
    yield from _each(users.others(read), users.put_user)
    yield from _each(read.of("clients"), clients.put_client)
    yield from _each(read.of("policies"), policies.put_policy)
    yield from _each(read.unwanted("users"), users.remove_user)
    yield from _each(read.unwanted("organisations"), organisations.remove_organisation)


def _ownerships(read: document.Document) -> Iterator[Unit]:
    """Return the steps of owners with their organisation as one unit, so that no organisation is left between two owners."""
    units: dict[str, Unit] = {}
    for table in users.owners(read):
        units.setdefault(normal_store_url(str(table.get("organisation"))), []).append((users.put_user, table))
    for table in read.of("organisations"):
        units.setdefault(normal_store_url(str(table.get("store_url"))), []).append((organisations.put_owner, table))
    yield from units.values()


def _each(tables: list[Table], step: Step) -> Iterator[Unit]:
    return ([(step, table)] for table in tables)
