"""``idp restore``: put a backup in the database's place, so that nothing works again that was used or withdrawn since."""

import time
from pathlib import Path

import click
from pydantic import ValidationError

from idp import config
from idp.backup import archive as archives
from idp.backup import key_file
from idp.backup import restore as restores
from idp.backup.archive import Archive
from idp.backup.restore import Report, Wanted
from idp.cli import run as server
from idp.cli.backup import given
from idp.cli.command import Command
from idp.cli.counts import counted
from idp.cli.opening import config_file, settings
from idp.config import Settings


@click.command(cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Replace what is in the database now.")
@click.option("--former", metavar="URL", help="The database that served since the backup, if it is not the one to replace.")
@click.option("--keep-passwords", is_flag=True, help="Let passwords of the backup work if it is not known what changed.")
@click.option("--passphrase-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE")
def restore(file: Path, replace: bool, former: str | None, keep_passwords: bool, passphrase_file: Path | None) -> None:
    """Replace the database by the backup FILE. Stop the server and its workers first.

    Everybody is signed out. Tokens, codes, e-mailed links, printed codes, one-time passwords, remembered devices, recovery
    codes, consents, waiting e-mails and imports that were not done are void, and people are told by e-mail.

    What changed since the backup is read from the audit log of the database that is replaced (or of --former), if that
    can be read and goes on where the backup ends; it must be the one that served last. Accounts and apps that changed are
    closed, as are replaced passwords and second factors. Where the log cannot be read (the disk is gone), everything may
    have changed: all accounts, passwords and apps are closed. `idp reopen` opens accounts and apps again, once you know
    which people and apps must stay out.

    The former database is kept: beside the new one (SQLite), or dumped beside FILE (PostgreSQL).

    Nothing serves the database before this command is through; if it was interrupted, run it again. Access tokens
    that an app checks by itself are good until they expire: some minutes.

    For example:
      idp restore /mnt/backup/sleutel-2026-11-27 --replace
    """
    began = time.monotonic()
    found, archive = settings(), archives.read(file)
    if not archive.is_authentic(found.ring):
        _hand_out_keys(found, archive, passphrase_file)
    server.require_free_port(found)
    click.echo(f"Restoring {file}, as of {archive.manifest.taken_at[:19]} UTC.")
    wanted = Wanted(archive, found, _former(found, former, replace=replace), replace, keep_passwords)
    _tell(restores.run(wanted), wanted)
    click.echo(f"Ready to serve after {time.monotonic() - began:.1f} s: start `idp run`.")


def _former(found: Settings, url: str | None, *, replace: bool) -> Settings | None:
    if url is None:
        return found if replace else None
    try:
        config.make({"issuer": found.issuer, "secrets": found.secrets, "database": {"url": url}})
    except ValidationError as error:
        raise click.UsageError("--former must be sqlite:///FILE or postgresql://USER@HOST/NAME") from error
    return found.model_copy(update={"database": found.database.model_copy(update={"url": url})})


def _hand_out_keys(found: Settings, archive: Archive, passphrase_file: Path | None) -> None:
    """Write the sealing keys of the backup into a file for the configuration, and say so by ``ClickException``."""
    if not key_file.beside(archive.file).exists():
        raise click.ClickException(
            f"{archive.file}: no key in `secrets` opens this backup, and no FILE.keys stands beside it"
        )
    secrets = key_file.read(archive.file, archive.manifest.id, given(passphrase_file))
    if not archive.is_authentic(config.make({"issuer": found.issuer, "secrets": secrets}).ring):
        raise click.ClickException(f"{archive.file}: was not made with the keys beside it, or was altered")
    target = config_file().with_name(f"{config_file().name}.secrets")  # not beside the backup: they are kept apart
    line = ", ".join(f'"{one}"' for one in secrets)
    with archives.written(target, force=True) as stream:
        stream.write(f"secrets = [{line}]\n".encode())
    raise click.ClickException(
        f"the backup needs its own sealing keys: put the line in {target} (mode 0600) into {config_file()} instead of "
        "`secrets`, delete that file, and run this command again"
    )


def _tell(report: Report, wanted: Wanted) -> None:
    if report.kept:
        click.echo(f"The former database is kept as {report.kept}; delete it when you do not need it any more.")
    closed = report.closed
    if report.unknown:
        click.echo(f"What changed since the backup is not known: {report.unknown}. So all accounts and apps are closed.")
    kinds = {
        "account": closed.accounts,
        "password": closed.passwords,
        "second factor": closed.factors,
        "app": closed.clients,
    }
    told = counted(report.notified, "person", "people")
    click.echo(f"Closed: {', '.join(counted(n, kind) for kind, n in kinds.items())}. The worker tells {told} by e-mail.")
    if wanted.keep_passwords and report.unknown:
        click.echo("Passwords of the backup work, also those that were replaced since.")
    if report.gone:
        undone = ", ".join(f"{count} × {kind}" for kind, count in report.gone.items())
        click.echo(f"Lost since the backup, and to be done again: {undone}.")
    if closed.accounts or closed.clients:
        click.echo("`idp reopen` lists what is closed, and opens it.")
