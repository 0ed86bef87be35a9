"""``idp client``: list, show and create relying apps, and print settings for them."""

import json
from pathlib import PurePath
from typing import Any

import click

from idp.actors import System
from idp.audit import Origin
from idp.cli.client_secret import secret
from idp.cli.command import Noun
from idp.cli.opening import opened
from idp.cli.provision import shape
from idp.cli.provision.shape import OWN
from idp.cli.refusals import in_english
from idp.config import Settings
from idp.errors import Invalid, say
from idp.identity.organisations.settings import normal_store_url
from idp.oauth import guides, registration, registration_tokens, strict_json
from idp.oauth.client_metadata import accepted_methods
from idp.oauth.pkce import Demand, demand_of
from idp.oauth.registration import Ours
from idp.store import client_lists, client_registrations, organisations
from idp.store import clients as store
from idp.store.clients import Client

ORIGIN = Origin(System("cli"))
METHODS = "token_endpoint_auth_methods"
SELF_REGISTERED = "self_registered"
PKCE = {Demand.ALWAYS: "PKCE", Demand.UNLESS_NONCE: "PKCE or nonce", Demand.NEVER: "no PKCE"}


@click.group(cls=Noun)
def client() -> None:
    """List and manage the apps (OAuth clients). Create and change them with `idp apply`, or create one from JSON here."""


client.add_command(secret)


@client.command("list")
@click.option("--self-registered", "only_self", is_flag=True, help="Only those that registered themselves.")
def show_all(only_self: bool) -> None:
    """List the clients: ID, name, kind, use of PKCE, redirect addresses. A star marks those that registered themselves."""
    with opened() as settings:
        for rows in client_lists.each("self" if only_self else ""):
            alone = set(client_registrations.registered_among([row.client_id for row in rows]))
            for row in rows:
                click.echo(_line(row, settings, "*" if row.client_id in alone else ""))


def _line(row: Client, settings: Settings, star: str) -> str:
    kind, pkce = "public" if row.is_public else "confidential", PKCE[demand_of(row.metadata_, settings)]
    name, addresses = row.metadata_.get("client_name", ""), " ".join(row.metadata_.get("redirect_uris", []))
    return f"{row.client_id + star:24} {name:28} {kind:13} {pkce:14} {addresses}"


@client.command()
@click.argument("client_id")
def show(client_id: str) -> None:
    """Show one client as JSON, without its secret, which only the app knows.

    require_pkce is what applies now: true, false, or null if the request may have openid and a nonce instead.
    token_endpoint_auth_methods are the ways to authenticate: both ways to send a secret if the client has named none.
    self_registered tells when and with which token the client registered itself. It can change its registration.
    """
    with opened() as settings:
        _print(_described(_find(client_id), settings))


@client.command()
@click.argument("client_id")
@click.option(
    "--for", "stack", type=click.Choice(tuple(guides.STACKS)), help="The library or product; else the list of them."
)
def guide(client_id: str, stack: str | None) -> None:
    """Print working settings for the library that a client is built with, as Markdown.

    The secret is never printed: the app reads it from the environment.

    For example:
      idp client guide kassa --for authlib
    """
    with opened() as settings:
        row = _find(client_id)
        if stack is None:
            click.echo("\n".join(f"{name:20} {known.title}" for name, known in guides.STACKS.items()))
        else:
            click.echo(_in_markdown(guides.guide(settings, row, stack), client_id))


def _in_markdown(found: guides.Guide, client_id: str) -> str:
    notes = [f"* {in_english(note)}" for note in found.notes]
    parts = [f"{_heading(part)}```{_kind(part)}\n{part.text}\n```" for part in found.parts]
    return "\n\n".join([f"# {found.title} for {client_id}", *(["\n".join(notes)] if notes else []), *parts])


def _heading(part: guides.Part) -> str:
    return "" if part.name == guides.COMMANDS else f"`{part.name}`\n\n"


def _kind(part: guides.Part) -> str:
    return "sh" if part.name == guides.COMMANDS else PurePath(part.name).suffix.lstrip(".")


@client.command()
@click.argument("client_id")
def adopt(client_id: str) -> None:
    """Take over a client that registered itself, or that an organisation's administrators connected.

    From now on only operators change its registration.
    """
    with opened():
        if _find(client_id).managed_by:
            registration.take_over(client_id, ORIGIN)
        else:
            registration_tokens.adopt(client_id, ORIGIN)
        click.echo(f"{client_id} is taken over: only operators can change it now.")


@client.command()
@click.argument("client_id")
def delete(client_id: str) -> None:
    """Delete a client. Its grants end at once. People must sign in again at a replacement."""
    with opened():
        registration.remove(client_id, ORIGIN)
        click.echo(f"{client_id} is deleted.")


@client.command()
@click.argument("source", type=click.File("rb"), metavar="-")
def create(source: Any) -> None:
    """Create a client from JSON metadata on standard input. It is printed as stored, with its ID and secret.

    The secret is shown only once. Members have their registered names (RFC 7591, OpenID Connect registration); ours are
    first_party, minimum_acr, remember_device, shared_device and organisations (store URLs), as in shops.example.toml.

    token_endpoint_auth_method: a client that gives one must use it. Without it, the client may send its secret in the
    header or in the body. The method `none` makes a public client, without a secret.

    require_pkce: true always requires PKCE; false never does, and is not allowed for public clients. Without it, a client
    with a secret may send openid and a nonce instead.

    grant_types: authorization_code if they are not given. The others are refresh_token, client_credentials,
    urn:ietf:params:oauth:grant-type:device_code, urn:openid:params:grant-type:ciba and
    urn:ietf:params:oauth:grant-type:token-exchange.

    redirect_uris match exactly. A public or native client may use any port of a loopback address that is registered
    (127.0.0.1, [::1], localhost). With application_type = native it may also register a private scheme:
    com.example.app:/callback.

    For example:
      echo '{"client_name": "Stock app", "redirect_uris": ["https://stock.example.com/callback"]}' | idp client create -
    """
    given = _read(source.read())
    _drop_shown(given)
    _refuse_unknown(given)
    with opened() as settings:
        client_id, secret = given.pop("client_id", None), given.pop("client_secret", None)
        ours = {name: given.pop(name) for name in OWN if name in given}
        row, kept = registration.register(settings, client_id, given, _ours(ours), secret, ORIGIN)
        _print({**_described(row, settings), **({"client_secret": kept} if kept else {})})


def _read(raw: bytes) -> dict[str, Any]:
    try:
        given = strict_json.read(raw)
    except ValueError as error:
        raise click.ClickException(f"standard input: not JSON: {error}") from error
    if not isinstance(given, dict):
        raise click.ClickException('standard input: must be one object: {"client_name": …, "redirect_uris": […]}')
    for name in ("client_id", "client_secret"):
        if name in given and not isinstance(given[name], str):
            raise click.ClickException(f"standard input: {name}: must be text")
    return given


def _drop_shown(given: dict[str, Any]) -> None:
    """Remove what `client show` adds, so that its answer makes the same client again."""
    given.pop(SELF_REGISTERED, None)
    methods = given.pop(METHODS, None)
    if isinstance(methods, list) and len(methods) > 1:
        given.pop("token_endpoint_auth_method", None)


def _refuse_unknown(given: dict[str, Any]) -> None:
    """Refuse what `idp apply` refuses: unknown members and placeholders. Say which members have no effect."""
    known = {name: kind for name, kind in shape.CLIENT.items() if name != "client_secret_env"}
    for name, value in given.items():
        if name.partition("#")[0] in known:
            if shape.is_placeholder(value):
                raise click.ClickException(f"standard input: {name}: {shape.PLACEHOLDER}")
        elif name in shape.NOT_HERE:
            click.echo(f"{name}: is not supported yet and was ignored", err=True)
        else:
            raise click.ClickException(f"standard input: {name}: is not a member; {shape.nearest(name, known)}")


def _ours(given: dict[str, Any]) -> Ours:
    for name in ("first_party", "remember_device", "shared_device"):
        if name in given and not isinstance(given[name], bool):
            raise Invalid(name, say("This must be true or false."))
    if not isinstance(given.get("minimum_acr", ""), str):
        raise Invalid("minimum_acr", say("This must be text."))
    ids = tuple(_organisation_id(entry) for entry in _list(given.get("organisations", [])))
    return Ours(**{**given, "organisations": ids})


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Invalid("organisations", say("This must be a list of store URLs."))
    return value


def _organisation_id(store_url: Any) -> str:
    found = organisations.organisation_at(normal_store_url(str(store_url)))
    if found is None:
        raise Invalid("organisations", say("There is no organisation %(store_url)s.", store_url=store_url))
    return found.id


def _find(client_id: str) -> Client:
    row = store.client(client_id)
    if row is None:
        raise click.ClickException(f"there is no client {client_id!r}; `idp client list` lists the clients")
    return row


def _described(row: Client, settings: Settings) -> dict[str, Any]:
    """Return a client by the keys of provisioning, with the rules of PKCE and authentication that apply to it now."""
    found = [organisations.organisation(entry) for entry in row.organisations]
    own = {name: getattr(row, name) for name in OWN}
    pkce = {Demand.ALWAYS: True, Demand.UNLESS_NONCE: None, Demand.NEVER: False}[demand_of(row.metadata_, settings)]
    methods = accepted_methods(row.metadata_)
    # RFC 7591 §2: client_secret_basic is what a client uses by default.
    shown = {"client_id": row.client_id, "token_endpoint_auth_method": methods[0], **row.metadata_, METHODS: methods}
    shown |= {"require_pkce": pkce, **own}
    if (known := client_registrations.registration(row.client_id)) is not None:
        shown[SELF_REGISTERED] = {"at": f"{known.registered_at:%Y-%m-%d %H:%M} UTC", "by_token": known.token_id or None}
    return {**shown, "organisations": [organisation.store_url for organisation in found if organisation is not None]}


def _print(shown: dict[str, Any]) -> None:
    click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
