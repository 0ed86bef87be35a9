"""Make, check and keep the secrets of clients: as a digest, and for client_secret_jwt sealed beside it (Core §9)."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from idp import clock, crypto
from idp.config import Settings
from idp.errors import Invalid, Unreadable, say, say_many
from idp.oauth.clients import RegisteredClient, secret_digest
from idp.oauth.signing_secrets import BY_MAC
from idp.store import clients as store
from idp.store.clients import ClientSecret
from idp.store.sealed import CLIENT_SECRETS

SHORTEST_SECRET = 32
LONG_BYTES = 64
"""Bytes of a secret that is made for signing: enough for each algorithm."""


def secret_for(metadata: Mapping[str, Any], given: str | None) -> str:
    """Return the secret of a client: the given one, checked, or one that is made; empty where it uses none."""
    if not store.uses_secret(metadata):
        if given:
            raise Invalid("client_secret", say("This client authenticates without a secret."))
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


def add_secret(settings: Settings, client_id: str, metadata: Mapping[str, Any], secret: str) -> None:
    """Store a client's secret, within the transaction."""
    secret_id, digest = crypto.new_id(), secret_digest(client_id, secret)
    sealed = CLIENT_SECRETS.seal(settings.ring, secret_id, secret.encode()) if store.signs_with_secret(metadata) else ""
    now = clock.now()
    store.add_secret(ClientSecret(id=secret_id, client_id=client_id, digest=digest, sealed=sealed, created_at=now))


def lacks_secret(client_id: str, metadata: Mapping[str, Any], now: datetime) -> bool:
    """Check if a client needs a secret and has none that its method can use."""
    if store.signs_with_secret(metadata):
        return not any(end is None or end > now for _, _, end in store.sealed_secrets(client_id))
    return store.uses_secret(metadata) and not store.secrets_of(client_id, now)


def opened_secrets(settings: Settings, client: RegisteredClient) -> Iterator[bytes]:
    """Yield the secrets by which a client may sign now. One whose sealing key is gone is left out."""
    now = clock.now()
    for secret_id, sealed, end in client.sealed_secrets:
        if end is None or end > now:
            try:
                yield CLIENT_SECRETS.open(settings.ring, secret_id, sealed)
            except Unreadable:
                continue
