"""Change the secrets of a client: set a given one, replace them with an overlap, end one that leaked."""

from collections.abc import Sequence
from datetime import timedelta

from idp import clock
from idp.audit import Event, Origin
from idp.config import Settings
from idp.db import transaction
from idp.errors import Invalid, NotFound, say
from idp.identity import sensitive_changes
from idp.identity.sensitive_changes import ClientState
from idp.oauth.client_permissions import require_change
from idp.oauth.client_secrets import add_secret, secret_for
from idp.oauth.registration import client_there, record_change
from idp.store import client_secrets as store
from idp.store.client_secrets import ClientSecret
from idp.store.clients import Client

OVERLAPS = {
    "now": timedelta(),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
}
"""How long the present secrets may stay valid beside a new one, by the names that the command and the console take."""
USUAL_OVERLAP = "1d"


def set_secret(settings: Settings, client_id: str, secret: str, origin: Origin) -> None:
    """Replace all secrets by a given one, at once."""
    with transaction():
        row, kept = _with_secret(client_id, secret, origin)
        store.end_secrets(client_id, clock.now())
        store.forget_sealed(client_id)
        add_secret(settings, client_id, row.metadata_, kept, origin.actor_id)
        record_change(origin, row, Event.CLIENT_SECRET_MADE, overlap_seconds=0)


def rotate_secret(settings: Settings, client_id: str, origin: Origin, overlap: timedelta = OVERLAPS[USUAL_OVERLAP]) -> str:
    """Make a new secret; the present ones stay valid for ``overlap`` at most. Returns the secret, which is shown once.

    Raises ``Invalid`` if the app uses no secret, and ``Conflict`` if it has as many as it may have.
    """
    with transaction():
        row, kept = _with_secret(client_id, None, origin)
        if not kept:
            raise Invalid("client_id", say("This app authenticates without a secret."))
        store.end_secrets(client_id, clock.now() + overlap)
        add_secret(settings, client_id, row.metadata_, kept, origin.actor_id)
        record_change(origin, row, Event.CLIENT_SECRET_MADE, overlap_seconds=int(overlap.total_seconds()))
    return kept


def _with_secret(client_id: str, given: str | None, origin: Origin) -> tuple[Client, str]:
    """Return a client that the acting user may give a secret, and that secret: the given one, or one that is made."""
    row = client_there(client_id)
    require_change(row, origin)
    secret = secret_for(row.metadata_, given)
    sensitive_changes.require(ClientState({}), ClientState({}, secrets=1))
    return row, secret


def end_secret(client_id: str, secret_id: str, origin: Origin) -> int:
    """End one secret at once, in every process. Returns how many are still valid. Raises ``NotFound`` if it is not."""
    now = clock.now()
    with transaction():
        row = client_there(client_id)
        require_change(row, origin)
        sensitive_changes.require(ClientState({}, secrets=1), ClientState({}))
        if not store.end_secret(client_id, secret_id, now):
            raise NotFound(
                say("The secret %(id)s of the app %(client_id)s is no longer valid.", client_id=client_id, id=secret_id)
            )
        record_change(origin, row, Event.CLIENT_SECRET_ENDED, secret_id=secret_id)
        return len(store.secrets_of(client_id, now))


def valid_secrets(client_id: str) -> Sequence[ClientSecret]:
    """Return the secrets of a client that are valid now, the oldest first."""
    return store.valid_secrets(client_id, clock.now())
