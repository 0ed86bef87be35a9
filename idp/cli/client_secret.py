"""``idp client secret``: list the secrets of an app, make a new one with an overlap, end one that leaked."""

from datetime import datetime

import click

from idp.actors import System
from idp.audit import Origin
from idp.cli.command import Noun
from idp.cli.counts import counted
from idp.cli.opening import opened
from idp.oauth import registration, secret_changes
from idp.oauth.secret_changes import OVERLAPS, USUAL_OVERLAP
from idp.store.client_secrets import ClientSecret

ORIGIN = Origin(System("cli"))


@click.group(cls=Noun)
def secret() -> None:
    """List, make and end the secrets with which an app authenticates."""


@secret.command("list")
@click.argument("client_id")
def show_all(client_id: str) -> None:
    """List the secrets that are valid: ID, when each was made, by which actor, when it was last used, when it ends.

    The last use is noted once an hour.
    """
    with opened():
        registration.client_there(client_id)
        for row in secret_changes.valid_secrets(client_id):
            click.echo(_line(row))


@secret.command()
@click.argument("client_id")
@click.option(
    "--overlap",
    type=click.Choice(tuple(OVERLAPS)),
    default=USUAL_OVERLAP,
    show_default=True,
    help="How long the current secrets keep working.",
)
def new(client_id: str, overlap: str) -> None:
    """Make a new secret. It is printed only once. The current ones end after the overlap.

    For example:
      idp client secret new kassa --overlap now
    """
    with opened() as settings:
        click.echo(secret_changes.rotate_secret(settings, client_id, ORIGIN, OVERLAPS[overlap].lasts))


@secret.command()
@click.argument("client_id")
@click.argument("secret_id")
def end(client_id: str, secret_id: str) -> None:
    """End one secret at once, by its ID, for example because it leaked."""
    with opened():
        left = secret_changes.end_secret(client_id, secret_id, ORIGIN)
        click.echo(f"{secret_id} has ended; {counted(left, 'valid secret')} left.")


def _line(row: ClientSecret) -> str:
    ends = f"ends {_moment(row.expires_at)}" if row.expires_at else "no end"
    used = f"used {_moment(row.last_used_at)}" if row.last_used_at else "no use seen"
    return f"{row.id:26} made {_moment(row.created_at)} by {row.made_by or '-':26} {used:25} {ends}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
