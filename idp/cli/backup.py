"""``idp backup``: copy the database while it serves, with the sealing keys beside it."""

from pathlib import Path

import click

from idp.backup import backup as backups
from idp.backup import key_file
from idp.cli.command import Command
from idp.cli.counts import counted
from idp.cli.leaked import read_password
from idp.cli.opening import opened
from idp.config import Settings
from idp.identity.credentials import leaked_passwords


@click.command(cls=Command)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--passphrase-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE")
@click.option("--no-keys", is_flag=True, help="Write no FILE.keys: the sealing keys (`secrets`) are kept elsewhere.")
@click.option("--force", is_flag=True, help="Replace a FILE of this name.")
def backup(file: Path, passphrase_file: Path | None, no_keys: bool, force: bool) -> None:
    """Copy the database into FILE while it serves, and the sealing keys into FILE.keys, sealed with a passphrase.

    Everything that was answered before the command began is in it. SQLite is copied by its online backup, PostgreSQL by
    pg_dump, which must be installed (name the server itself: pg_dump does not work through every pooler).

    FILE holds names, addresses and the audit log as they are. Passwords, codes and tokens are in it as hashes; secrets of
    authenticator apps and signing keys are sealed, and open with FILE.keys and its passphrase alone. Keep the two apart.

    The passphrase (15 characters or more) is typed unseen, or is the first line of --passphrase-file or standard input.

    For example:
      idp backup /mnt/backup/sleutel-$(date +%F) --passphrase-file /etc/sleutel/passphrase
    """
    with opened() as settings:
        passphrase = "" if no_keys else _accepted(settings, given(passphrase_file, twice=True))
        made = backups.make(settings, file, passphrase, force=force)
    beside = f" and {key_file.beside(file)}" if passphrase else ""
    click.echo(f"Wrote {file}{beside}: {counted(len(made.facts.heads), 'audit chain')}, as of {made.taken_at[:19]} UTC.")


def given(file: Path | None, *, twice: bool = False) -> str:
    """Return the passphrase that a file, the terminal or standard input gives."""
    if file is None:
        return read_password("Passphrase for the sealing keys", twice=twice)
    return next(iter(file.read_text("utf-8").splitlines()), "")


def _accepted(settings: Settings, passphrase: str) -> str:
    """Return a passphrase that is long enough and on no list of leaked passwords: the key file can be guessed at offline."""
    if len(passphrase) < key_file.SHORTEST:
        raise click.ClickException(f"the passphrase needs {key_file.SHORTEST} characters or more")
    if len(set(passphrase)) < key_file.LEAST_VARIED:
        raise click.ClickException(f"the passphrase needs {key_file.LEAST_VARIED} different characters or more")
    if leaked_passwords.look_up(settings, passphrase).hit:
        raise click.ClickException("the passphrase is on lists of leaked passwords; choose another one")
    return passphrase
