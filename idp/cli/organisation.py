"""``idp organisation``: list, show, disable and enable organisations, and set languages and logo.

``idp apply`` creates them.
"""

import json
from pathlib import Path

import click

from idp.actors import System
from idp.audit import Origin
from idp.cli.command import Noun
from idp.cli.counts import counted
from idp.cli.opening import opened
from idp.cli.refusals import in_english
from idp.db import transaction
from idp.errors import Invalid
from idp.identity import pictures
from idp.identity.organisations import logos, organisations, status
from idp.identity.organisations.settings import normal_store_url, settings_of
from idp.identity.owner import recorded_owner
from idp.languages import LANGUAGES
from idp.store import organisations as store
from idp.store import user_search
from idp.store.organisations import Organisation

ORIGIN = Origin(System("cli"))


@click.group(cls=Noun)
def organisation() -> None:
    """The organisations. Create and change them with `idp apply`."""


def at(store_url: str) -> Organisation:
    """Return the organisation at ``store_url``; raises ``ClickException`` if there is none."""
    found = store.organisation_at(normal_store_url(store_url))
    if found is None:
        raise click.ClickException(
            f"there is no organisation {store_url!r}; `idp organisation list` lists the organisations"
        )
    return found


@organisation.command("list")
def show_all() -> None:
    """List the organisations: store URL, name, country, users, and which are disabled."""
    with opened():
        for row in store.organisations():
            count = user_search.count_users(row.id) or 0
            state = "  disabled" if row.disabled_at else ""
            click.echo(f"{row.store_url:24} {row.name:32} {row.country or '--':3} {count:5} users{state}")


@organisation.command()
@click.argument("store_url")
def show(store_url: str) -> None:
    """Show one organisation as JSON, with its shops, groups and settings."""
    with opened() as settings:
        row = at(store_url)
        owner = recorded_owner(row)
        held = settings_of(settings, row)
        shown = {
            "store_url": row.store_url,
            "name": row.name,
            "country": row.country,
            "time_zone": row.zone.key,
            "integrations": row.integrations,
            "owner": owner.username if owner else None,
            "disabled_since": row.disabled_at.isoformat(timespec="seconds") if row.disabled_at else None,
            "settings": vars(held),
            "shops": {shop.code: shop.name for shop in store.shops(row.id)},
            "groups": {group.name: {"requires_mfa": group.requires_mfa} for group in store.groups(row.id)},
        }
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))


REASON = click.option("--reason", metavar="TEXT", default="", help="One line for the organisation's audit log.")


@organisation.command()
@click.argument("store_url")
@REASON
def disable(store_url: str, reason: str) -> None:
    """Disable an organisation: nobody signs in, and open sessions, grants and links end. It can be enabled again.

    Apps that serve it alone get no tokens. Its jobs and e-mails wait.

    For example:
      idp organisation disable example-shoes --reason "the contract ended"
    """
    with opened():
        row = at(store_url)
        done = status.disable(row, ORIGIN, reason=reason)
        click.echo(f"{row.store_url} is disabled{' already' if done is None else f'; signed out: {_people(done)}'}")


def _people(done: status.Disabled) -> str:
    people = counted(done.people, "person", "people")
    return f"at least {people}" if done.is_more else people


@organisation.command()
@click.argument("store_url")
@REASON
def enable(store_url: str, reason: str) -> None:
    """Let the people of a disabled organisation sign in again. Sessions and grants of before stay over."""
    with opened():
        row = at(store_url)
        done = status.enable(row, ORIGIN, reason=reason)
        click.echo(f"{row.store_url} is enabled{'' if done else ' already'}")


@organisation.command()
@click.argument("store_url")
@click.argument("chosen", metavar="LANGUAGE...", nargs=-1, required=True, type=click.Choice(LANGUAGES))
def languages(store_url: str, chosen: tuple[str, ...]) -> None:
    """Set the languages of an organisation, the first one first: people who chose none get mail in it.

    For example:
      idp organisation languages example-shoes nl en
    """
    with opened():
        row = at(store_url)
        try:
            with transaction():
                organisations.change(row, {"settings": {"languages": list(chosen)}}, ORIGIN)
        except Invalid as refused:
            raise click.ClickException(in_english(refused.message)) from refused
        click.echo(f"The languages of {row.store_url} are now: {', '.join(chosen)}")


@organisation.command()
@click.argument("store_url")
@click.argument("picture", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--remove", is_flag=True, help="Remove the logo.")
def logo(store_url: str, picture: Path | None, remove: bool) -> None:
    """Make PICTURE (PNG, JPEG or WebP, up to 1 MB) the logo of an organisation, or remove it."""
    if (picture is None) is not remove:
        raise click.UsageError("give a PICTURE, or --remove")
    with opened():
        row = at(store_url)
        if picture is not None:
            with picture.open("rb") as file:
                logos.adopt(row, file.read(pictures.MOST_BYTES + 1), ORIGIN)
        else:
            with transaction():
                logos.remove(row, ORIGIN)
    click.echo(f"The logo of {row.store_url} was {'removed' if remove else 'set'}")
