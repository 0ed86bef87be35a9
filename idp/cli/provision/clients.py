"""``[[clients]]``: relying apps with their registered metadata, our own settings and secrets."""

import os
from typing import Any

from idp import clock
from idp.cli.provision.document import Table
from idp.cli.provision.lines import CHANGED, CREATED
from idp.cli.provision.shape import NOT_HERE, OWN, SECRETS
from idp.cli.provision.work import ORIGIN, Plan
from idp.errors import Invalid, say
from idp.identity.organisations.settings import normal_store_url
from idp.oauth import registration, secret_changes
from idp.oauth.client_metadata import validate_metadata
from idp.oauth.client_secrets import lacks_secret
from idp.oauth.clients import registered
from idp.oauth.registration import Ours
from idp.store import clients as store
from idp.store import organisations
from idp.store.clients import Client

NOT_METADATA = {"client_id", "absent", *SECRETS, *OWN, *NOT_HERE}


def put_client(work: Plan, table: Table) -> None:
    """Create or change a client."""
    row = store.client(str(table.get("client_id")))
    with work.at(table):
        if row is None:
            _create(work, table)
        else:
            _change(work, table, row)


def _create(work: Plan, table: Table) -> None:
    metadata, ours = _metadata(table), _ours(table, Ours())
    needs_one = store.uses_secret(validate_metadata(metadata, work.settings))
    secret = _secret(table) if needs_one or _speaks_of_secret(table) else None
    registration.register(work.settings, table.name, metadata, ours, secret, ORIGIN)
    work.lines.note(table.kind, table.name, CREATED)


def _change(work: Plan, table: Table, row: Client) -> None:
    metadata = {**row.metadata_, **_metadata(table)}
    changed = registration.change(work.settings, table.name, metadata, _ours(table, _ours_of(row)), ORIGIN)
    work.lines.note_change(table.kind, table.name, changed)
    lacks_one = lacks_secret(row.client_id, metadata, clock.now())
    if not lacks_one and not (work.set_credentials and _speaks_of_secret(table)):
        return
    secret = _secret(table)
    if lacks_one or not registered(row).check_client_secret(secret):
        secret_changes.set_secret(work.settings, row.client_id, secret, ORIGIN)
        work.lines.note(table.kind, table.name, CHANGED, ["client_secret"])


def remove_client(work: Plan, table: Table) -> None:
    """Delete a client."""
    work.remove(table, store.client(str(table.get("client_id"))), lambda row: registration.remove(row.client_id, ORIGIN))


def _metadata(table: Table) -> dict[str, Any]:
    return {name: value for name, value in table.values.items() if name not in NOT_METADATA}


def _ours_of(row: Client) -> Ours:
    return Ours(row.first_party, row.minimum_acr, row.remember_device, row.shared_device, tuple(row.organisations))


def _ours(table: Table, known: Ours) -> Ours:
    """Return our settings: the values in the file, else the present ones."""
    wanted = {name: table.get(name, getattr(known, name)) for name in OWN}
    if table.has("organisations"):
        wanted["organisations"] = tuple(_organisation_id(store_url) for store_url in table.get("organisations"))
    return Ours(**wanted)


def _organisation_id(store_url: str) -> str:
    found = organisations.organisation_at(normal_store_url(store_url))
    if found is None:
        why = say("There is no organisation %(store_url)s in this file or in the database.", store_url=store_url)
        raise Invalid("organisations", why)
    return found.id


def _speaks_of_secret(table: Table) -> bool:
    return any(table.has(key) for key in SECRETS)


def _secret(table: Table) -> str:
    """Return the secret from the file or the environment; raises ``Invalid`` if there is none."""
    if table.has("client_secret"):
        return str(table.get("client_secret"))
    if not table.has("client_secret_env"):
        why = 'A secret is needed: client_secret, client_secret_env, or token_endpoint_auth_method = "none" without one.'
        raise Invalid("client_secret", say(why))
    name = str(table.get("client_secret_env"))
    found = os.environ.get(name, "")
    if not found:
        raise Invalid(
            "client_secret_env",
            say("The environment variable %(name)s is not set. Set it, then run the command again.", name=name),
        )
    return found
