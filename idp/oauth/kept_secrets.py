"""Hold the secrets of a client as a process keeps them."""

from dataclasses import dataclass
from datetime import datetime

from idp.store import client_secrets
from idp.store.clients import Client, signs_with_secret


@dataclass(slots=True)
class KeptSecret:
    """Hold a secret of a client: its digest, its end (None: no end yet), and the sealed secret if the client signs with it.

    ``last_used_at``: the last use that this process knows of. It is the one value that may change.
    """

    id: str
    digest: bytes
    ends_at: datetime | None
    sealed: str = ""
    last_used_at: datetime | None = None


def kept_secrets_of(row: Client) -> tuple[KeptSecret, ...]:
    """Return all secrets of a client of the store."""
    signs = signs_with_secret(row.metadata_)
    return tuple(
        KeptSecret(one.id, one.digest, one.expires_at, one.sealed if signs else "", one.last_used_at)
        for one in client_secrets.all_secrets(row.client_id)
    )
