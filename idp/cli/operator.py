"""``idp operator``: add and list operators, who run the installation and belong to no organisation."""

import click

from idp.actors import System
from idp.audit import Origin
from idp.cli.command import Noun
from idp.cli.leaked import read_password
from idp.cli.opening import opened
from idp.identity.accounts import operators as operator_accounts
from idp.store import operators
from idp.store.operators import STORE_URL

ORIGIN = Origin(System("cli"))


@click.group(cls=Noun)
def operator() -> None:
    """Operators are the installation administrators. They sign in at the store URL `installation`."""


@operator.command()
@click.argument("username")
@click.option("--email", required=True, help="The address for notices. It counts as verified.")
@click.option("--name", default="", help="The name that people see.")
def add(username: str, email: str, name: str) -> None:
    """Add an operator. The password is typed unseen or read from standard input. The first sign-in sets up a second factor.

    For example:
      idp operator add ines --email ines@example.com
    """
    with opened() as settings:
        password = read_password(f"Password for {username}", twice=True)
        operator_accounts.add(settings, username, email, name, password, ORIGIN)
        click.echo(f"{username} is an operator; sign in at the store URL {STORE_URL}.")


@operator.command("list")
def show_all() -> None:
    """List the operators."""
    with opened():
        for row in operators.operators():
            click.echo(f"{row.username:32} {row.email or '-':40} {'disabled' if row.disabled_at else ''}".rstrip())
