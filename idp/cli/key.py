"""``idp keys``: list and rotate the keys that sign tokens."""

import click

from idp import keys as rings
from idp.actors import System
from idp.audit import Origin
from idp.cli.command import Noun
from idp.cli.opening import opened
from idp.store import signing_keys


@click.group(cls=Noun)
def keys() -> None:
    """List and rotate the keys that sign tokens.

    Each algorithm has an active key, which signs, and the next one, published ahead so that apps know it before it signs.
    Retired keys stay published until everything they signed has expired.
    """


@keys.command("list")
def show() -> None:
    """List the keys with their state: next, active, retired, withdrawn."""
    with opened():
        for row in signing_keys.all_keys():
            click.echo(f"{row.alg:6} {rings.state_of(row):10} {row.created_at:%Y-%m-%d %H:%M}  {row.kid}")


@keys.command()
def rotate() -> None:
    """Let the next keys sign from now on, publish their successors, and withdraw keys that are no longer needed.

    No token fails: the new key was published before, and the old one stays published. A key published less than a
    minute ago is left waiting; run the command again then.
    """
    words = {
        "activated": "signs from now on",
        "published": "is published as the next; rotate again in a minute",
        "waiting": "was published just now and must wait a minute; rotate again then",
    }
    with opened() as settings:
        for done in rings.rotate(settings, Origin(System("cli"))):
            click.echo(f"{done.alg:6} {done.kid} {words[done.what]}")
