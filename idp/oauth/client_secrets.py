"""Make, check and keep the secrets of clients: as a digest, and for client_secret_jwt sealed beside it (Core §9)."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from idp import clock, crypto
from idp.config import Settings
from idp.db import transaction
from idp.errors import Conflict, Invalid, Unreadable, say, say_many
from idp.oauth.clients import RegisteredClient, secret_digest
from idp.oauth.kept_secrets import KeptSecret
from idp.oauth.signing_secrets import BY_MAC
from idp.outage import is_outage, reason_of
from idp.store import client_secrets as rows
from idp.store import clients as store
from idp.store.client_secrets import ClientSecret
from idp.store.sealed import CLIENT_SECRETS
from idp.write_gate import repeatable

SHORTEST_SECRET = 32
MOST_SECRETS = 5
"""Valid secrets of a client: enough to change over twice within an overlap. Each more is one that may leak unnoticed."""
LONG_BYTES = 64
"""Bytes of a secret that is made for signing: enough for each algorithm."""
NOTED_EVERY = timedelta(hours=1)
"""How often the use of a secret is noted at most: it shows if a secret is still in use, and costs no write each time."""
TOO_MANY = say_many(
    "An app has at most %(num)s working secret. End one first, or let the current ones stop working at once.",
    "An app has at most %(num)s working secrets. End one first, or let the current ones stop working at once.",
    MOST_SECRETS,
)
log = structlog.get_logger("oauth")


def secret_for(metadata: Mapping[str, Any], given: str | None) -> str:
    """Return the secret of a client: the given one, checked, or one that is made; empty where it uses none."""
    if not store.uses_secret(metadata):
        if given:
            raise Invalid("client_secret", say("This app authenticates without a secret."))
        return ""
    signs = store.signs_with_secret(metadata)
    alg = str(metadata.get("token_endpoint_auth_signing_alg", ""))
    shortest = BY_MAC.get(alg, SHORTEST_SECRET) if signs else SHORTEST_SECRET
    if given is not None and (len(given) < shortest or not given.isascii() or not given.isprintable()):
        raise Invalid(
            "client_secret",
            say_many(
                "A secret has %(num)s character or more, all ASCII.",
                "A secret has %(num)s characters or more, all ASCII.",
                shortest,
            ),
        )
    return given or (crypto.b64url(crypto.random_bytes(LONG_BYTES)) if signs else crypto.new_secret())


def add_secret(settings: Settings, client_id: str, metadata: Mapping[str, Any], secret: str, made_by: str = "") -> None:
    """Store a client's secret, within the transaction. Those that have ended are deleted. ``made_by``: the actor's id.

    Raises ``Conflict`` if the client has as many valid secrets as it may have.
    """
    secret_id, digest, now = crypto.new_id(), secret_digest(client_id, secret), clock.now()
    sealed = CLIENT_SECRETS.seal(settings.ring, secret_id, secret.encode()) if store.signs_with_secret(metadata) else ""
    store.lock_client(client_id)  # two that are made at the same moment must not both take the last place
    rows.delete_ended(client_id, now)
    if has_most(client_id, now):
        raise Conflict(TOO_MANY)
    rows.add_secret(
        ClientSecret(id=secret_id, client_id=client_id, digest=digest, sealed=sealed, created_at=now, made_by=made_by)
    )


def has_most(client_id: str, now: datetime) -> bool:
    """Check if a client has as many valid secrets as it may have."""
    return len(rows.secrets_of(client_id, now)) >= MOST_SECRETS


def lacks_secret(client_id: str, metadata: Mapping[str, Any], now: datetime) -> bool:
    """Check if a client needs a secret and has none that its method can use."""
    if store.signs_with_secret(metadata):
        return not any(end is None or end > now for _, _, end in rows.sealed_secrets(client_id))
    return store.uses_secret(metadata) and not rows.secrets_of(client_id, now)


def opened_secrets(settings: Settings, client: RegisteredClient) -> Iterator[tuple[KeptSecret, bytes]]:
    """Yield the secrets by which a client may sign now, opened. One whose sealing key is gone is left out."""
    for secret in client.valid_secrets():
        if secret.sealed:
            try:
                yield secret, CLIENT_SECRETS.open(settings.ring, secret.id, secret.sealed)
            except Unreadable:
                continue


def note_use(secret: KeptSecret) -> None:
    """Note that a client proved itself by a secret, unless this process did so within the hour.

    A database that cannot be written to now stops no app: the use is noted in the next hour.
    """
    now = clock.now()
    if secret.last_used_at is not None and now - secret.last_used_at < NOTED_EVERY:
        return
    try:
        with repeatable(), transaction():
            rows.note_use(secret.id, now, now - NOTED_EVERY)
    except Exception as error:
        if not is_outage(error):
            raise
        log.warning("secret_use_not_noted", secret_id=secret.id, reason=reason_of(error))
    secret.last_used_at = now
