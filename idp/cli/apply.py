"""``idp apply``: make the installation what a TOML document says."""

from collections.abc import Callable
from pathlib import Path

import click

from idp import db
from idp.cli.command import Command, opened
from idp.cli.provision import clients, document, organisations, policies, shape, users
from idp.cli.provision.document import Refused, Table
from idp.cli.provision.lines import Lines
from idp.cli.provision.work import Work, rehearse, run
from idp.config import Settings

Step = Callable[[Work, Table], None]


@click.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Print the same, change nothing.")
@click.option("--set-credentials", is_flag=True, help="Set passwords, factors and secrets of those who are there, too.")
def apply(file: Path, dry_run: bool, set_credentials: bool) -> None:
    """Make organisations, shops, groups, users, policies and clients what FILE says, all or nothing.

    Applying a file twice changes nothing the second time. A key that is left out is left as it is, a list replaces the list
    that was there, and nothing is deleted unless the file says absent = true. Credentials (password, password_hash,
    totp_secret, recovery_codes, client_secret) are set when somebody is made, afterwards only with --set-credentials.
    Making people sends no mail; later changes of their credentials do.

    Anything wrong refuses the whole file, and every fault is named with its line.

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
        raise click.ClickException(f"nothing was changed; {len(refused.faults)} to put right:\n{faults}") from refused
    for line in shape.ignored(read):
        click.echo(line, err=True)
    for done in lines.lines:
        click.echo(str(done))
    click.echo(f"{lines.summary}{' (dry run: nothing was changed)' if dry_run else ''}")


def provision(settings: Settings, read: document.Document, *, dry_run: bool = False, set_credentials: bool = False) -> Lines:
    """Make it so, in one transaction; what became of each object. Raises ``Refused``."""
    shape.check(read)
    read.refuse_if_faulty()
    trial = Work(settings, read, set_credentials)
    rehearse(trial, _steps)
    db.release()
    users.judge(trial)
    read.refuse_if_faulty()
    if dry_run:
        return trial.lines
    prepared = users.prepare(settings, trial.credentials_of.values())
    db.release()
    real = Work(settings, read, set_credentials, prepared)
    run(real, _steps)
    return real.lines


def _steps(work: Work) -> None:
    """The order: what goes first, so that nothing refers to it; then each kind after those it refers to."""
    read = work.document
    gone: tuple[tuple[str, Step], ...] = (
        ("policies", policies.remove_policy),
        ("clients", clients.remove_client),
        ("groups", organisations.remove_group),
        ("shops", organisations.remove_shop),
    )
    for kind, step in gone:
        _each(work, read.unwanted(kind), step)
    _each(work, read.of("organisations"), organisations.put_organisation)
    _each(work, read.of("shops"), organisations.put_shop)
    _each(work, read.of("groups"), organisations.put_group)
    _each(work, users.owners(read), users.put_user)
    _each(work, read.of("organisations"), organisations.put_owner)
    _each(work, users.others(read), users.put_user)
    _each(work, read.of("clients"), clients.put_client)
    _each(work, read.of("policies"), policies.put_policy)
    _each(work, read.unwanted("users"), users.remove_user)
    _each(work, read.unwanted("organisations"), organisations.remove_organisation)


def _each(work: Work, tables: list[Table], step: Step) -> None:
    for table in tables:
        step(work, table)
