"""``idp registration-token``: tokens by which apps may register themselves (initial access tokens, RFC 7591)."""

from itertools import chain

import click

from idp.actors import System
from idp.audit import Origin
from idp.cli.command import Noun
from idp.cli.opening import opened
from idp.errors import Invalid, say
from idp.identity.organisations.settings import normal_store_url
from idp.oauth import registration_tokens
from idp.oauth.registration_tokens import Terms
from idp.store import client_lists, organisations
from idp.store.client_registrations import RegistrationToken

ORIGIN = Origin(System("cli"))
Texts = tuple[str, ...]


@click.group(cls=Noun)
def registration_token() -> None:
    """Manage the tokens with which apps register themselves, where [clients] registration is `token` or `open`."""


@registration_token.command()
@click.argument("name")
@click.option("--days", type=int, default=30, show_default=True, help="How long it can be used.")
@click.option("--uses", type=int, help="How many apps may register with it; without it, any number.")
@click.option("--grant-type", "grant_types", multiple=True, help="A further grant type that these apps may use.")
@click.option("--scope", "scopes", multiple=True, help="A scope of an API that these apps may use.")
@click.option(
    "--organisation",
    "store_urls",
    multiple=True,
    help="The store URL of an organisation that these apps serve; without it, all.",
)
def create(
    name: str,
    days: int,
    uses: int | None,
    grant_types: tuple[str, ...],
    scopes: tuple[str, ...],
    store_urls: tuple[str, ...],
) -> None:
    """Create a token. It is shown only once. NAME appears in the list of tokens.

    Apps that register with it may use authorization_code, refresh_token and the scopes about a person. The options allow
    more.

    For example:
      idp registration-token create "stock apps" --uses 5 --organisation example-shoes
    """
    with opened() as settings:
        ids = tuple(_organisation_id(store_url) for store_url in store_urls)
        row, text = registration_tokens.make(name, Terms(days, uses, grant_types, scopes, ids), ORIGIN)
        if settings.clients.registration == "off":
            click.echo("[clients] registration is off: the token works once that is `token` or `open`.", err=True)
        click.echo(f"{row.id} expires on {row.expires_at:%Y-%m-%d %H:%M} UTC. The token is shown only once:", err=True)
        click.echo(text)


@registration_token.command("list")
def show_all() -> None:
    """List the tokens: ID, name, when it expires, how many uses are left, what it allows."""
    with opened():
        for row in chain.from_iterable(client_lists.each_token()):
            uses = "any number" if row.uses_left is None else f"{row.uses_left} left"
            click.echo(f"{row.id:26} {row.name:28} {row.expires_at:%Y-%m-%d %H:%M} {uses:10} {_allowed(row)}".rstrip())


@registration_token.command()
@click.argument("token_id")
def revoke(token_id: str) -> None:
    """End a token, by its ID. Apps that registered with it stay."""
    with opened():
        registration_tokens.revoke(token_id, ORIGIN)
        click.echo(f"{token_id} was revoked.")


def _allowed(row: RegistrationToken) -> str:
    found = [organisations.organisation(entry) for entry in row.organisations]
    return " ".join((*row.grant_types, *row.scopes, *(one.store_url for one in found if one is not None)))


def _organisation_id(store_url: str) -> str:
    found = organisations.organisation_at(normal_store_url(store_url))
    if found is None:
        raise Invalid("organisation", say("There is no organisation %(store_url)s.", store_url=store_url))
    return found.id
