"""``idp reopen``: open accounts and apps that a restore closed."""

from collections.abc import Sequence

import click

from idp import audit
from idp.audit import Event
from idp.backup import epoch as epochs
from idp.backup.epoch import ORIGIN
from idp.cli.command import Command
from idp.cli.opening import opened
from idp.config import Settings
from idp.db import transaction
from idp.identity.users import status
from idp.store import clients, epoch, organisations
from idp.store.epoch import Epoch
from idp.store.organisations import Organisation
from idp.store.users import User

APPS = "apps"


@click.command(cls=Command)
@click.argument("names", nargs=-1, metavar="[STORE_URL | apps]…")
@click.option("--all", "everything", is_flag=True, help="All apps, and the accounts of all organisations.")
@click.option("--but", multiple=True, metavar="NAME", help="Keep this account (STORE_URL/USERNAME) or app closed.")
def reopen(names: Sequence[str], everything: bool, but: Sequence[str]) -> None:
    """Open accounts and apps that a restore closed; without a name, list them.

    A restore closes what changed since the backup, and everything if it cannot tell. Ask each organisation who left or
    changed roles since, and keep those closed. Everybody else gets a mail, and chooses a new password by it where the old
    one was closed. Give people without an address an invitation code, or `idp user set-password`.

    For example:
      idp reopen --all --but example-shoes/bert --but old-webshop
    """
    with opened() as settings:
        now = epoch.epoch()
        found = list(organisations.organisations())
        unknown = {*names} - {row.store_url for row in found} - {APPS}
        if unknown:
            raise click.ClickException(
                f"there is no organisation {', '.join(sorted(unknown))}; `idp organisation list` shows all"
            )
        if now is None or now.backup_at is None:
            click.echo("This database was never restored: nothing is closed by it.")
            return
        if everything or APPS in names:
            _open_apps(now, but)
        for row in found:
            if everything or row.store_url in names:
                _open(settings, row, now, but)
        _list(found, now)


def _open_apps(now: Epoch, but: Sequence[str]) -> None:
    for row in epoch.closed_clients(now.begun_at):
        if row.client_id not in but:
            with transaction():
                clients.change_client(row.client_id, disabled_at=None)
                audit.record(epochs.of_client(row.client_id), Event.CLIENT_CHANGED, data={"fields": ["disabled_at"]})


def _open(settings: Settings, organisation: Organisation, now: Epoch, but: Sequence[str]) -> None:
    opened_now: list[User] = []
    for user in epoch.closed_users(organisation.id, now.begun_at):
        if f"{organisation.store_url}/{user.username}" not in but:
            status.enable(settings, organisation, user, ORIGIN)
            opened_now.append(user)
    told = epochs.tell(settings, opened_now, now.backup_at or now.begun_at)
    click.echo(f"{organisation.store_url}: {len(opened_now)} account(s) opened, {told} mail(s) written.")


def _list(found: Sequence[Organisation], now: Epoch) -> None:
    """Print what is closed."""
    for client in epoch.closed_clients(now.begun_at):
        click.echo(f"closed app      {client.client_id}")
    for row in found:
        for user in epoch.closed_users(row.id, now.begun_at):
            click.echo(f"closed account  {row.store_url}/{user.username}")
