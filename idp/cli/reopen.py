"""``idp reopen``: open accounts and apps that a restore closed."""

from collections.abc import Sequence
from dataclasses import dataclass

import click

from idp import audit
from idp.audit import Event
from idp.backup import epoch as epochs
from idp.backup.epoch import ORIGIN
from idp.cli.command import Command
from idp.cli.counts import counted
from idp.cli.opening import opened
from idp.config import Settings
from idp.db import transaction
from idp.identity.users import status
from idp.store import clients, epoch, organisations
from idp.store.clients import Client
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
    changed roles since, and keep those closed. Everybody else gets an e-mail. People whose password was closed choose a
    new one with it. Give people without an address an invitation code, or `idp user set-password`. Second factors are those
    of the backup: reset the ones that were lost or replaced since (`idp user reset-factor`).

    For example:
      idp reopen --all --but example-shoes/bert --but old-webshop
    """
    with opened() as settings:
        now = epoch.epoch()
        if now is None or now.backup_at is None:
            click.echo("This database was never restored: nothing is closed by it.")
            return
        closed = _closed(now)
        _refuse_unknown(names, but, closed)
        if everything or APPS in names:
            _open_apps([row for row in closed.apps if row.client_id not in but])
        for organisation, users in closed.users:
            if everything or organisation.store_url in names:
                _open(settings, organisation, [row for row in users if _name(organisation, row) not in but])
        _list(_closed(now))


@dataclass(frozen=True)
class Closed:
    """What is closed since a restore."""

    apps: Sequence[Client]
    users: Sequence[tuple[Organisation, Sequence[User]]]


def _closed(now: Epoch) -> Closed:
    found = organisations.organisations()
    return Closed(epoch.closed_clients(now.begun_at), [(row, epoch.closed_users(row.id, now.begun_at)) for row in found])


def _name(organisation: Organisation, user: User) -> str:
    return f"{organisation.store_url}/{user.username}"


def _refuse_unknown(names: Sequence[str], but: Sequence[str], closed: Closed) -> None:
    """Raise ``ClickException`` for a name of nothing: an account misspelt after --but would be opened."""
    places = {APPS, *(organisation.store_url for organisation, _ in closed.users)}
    accounts = {_name(organisation, user) for organisation, users in closed.users for user in users}
    apps = {row.client_id for row in closed.apps}
    unknown = [*(name for name in names if name not in places), *(name for name in but if name not in accounts | apps)]
    if unknown:
        reason = f"{', '.join(unknown)}: nothing of this name is closed, so nothing was opened; `idp reopen` lists what is"
        raise click.ClickException(reason)


def _open_apps(rows: Sequence[Client]) -> None:
    for row in rows:
        with transaction():
            clients.change_client(row.client_id, disabled_at=None)
            audit.record(epochs.of_client(row.client_id), Event.CLIENT_CHANGED, data={"fields": ["disabled_at"]})


def _open(settings: Settings, organisation: Organisation, users: Sequence[User]) -> None:
    for user in users:
        status.enable(settings, organisation, user, ORIGIN)
    notified = epochs.note_people(users)
    accounts, told = counted(len(users), "account"), counted(notified, "person", "people")
    click.echo(f"{organisation.store_url}: {accounts} opened; the worker tells {told} by e-mail.")


def _list(closed: Closed) -> None:
    """Print what is closed."""
    for client in closed.apps:
        click.echo(f"closed app      {client.client_id}")
    for organisation, users in closed.users:
        for user in users:
            click.echo(f"closed account  {_name(organisation, user)}")
