"""Change the secrets of a client: set a given one, replace them with an overlap, end one that leaked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from idp import clock
from idp.audit import Event, Origin
from idp.config import Settings
from idp.db import transaction
from idp.errors import Invalid, Message, NotFound, say, say_many
from idp.identity import sensitive_changes
from idp.identity.sensitive_changes import ClientState
from idp.oauth.client_permissions import require_change
from idp.oauth.client_secrets import add_secret, secret_for
from idp.oauth.registration import client_there, record_change
from idp.store import client_secrets as store
from idp.store.client_secrets import ClientSecret
from idp.store.clients import Client


@dataclass(frozen=True)
class Overlap:
    """Hold how long the present secrets stay valid beside a new one: ``choice`` names it, ``effect`` says what happens."""

    lasts: timedelta
    choice: Message
    effect: Message


def _days(count: int) -> Overlap:
    return Overlap(
        timedelta(days=count),
        say_many("%(num)s more day", "%(num)s more days", count),
        say_many(
            "The current secrets keep working for %(num)s day, so that you can change over.",
            "The current secrets keep working for %(num)s days, so that you can change over.",
            count,
        ),
    )


OVERLAPS: Mapping[str, Overlap] = {
    "now": Overlap(
        timedelta(),
        say("They stop working at once"),
        say("The current secrets stop working at once: the app must have the new one before anybody can sign in again."),
    ),
    "1h": Overlap(
        timedelta(hours=1),
        say_many("%(num)s more hour", "%(num)s more hours", 1),
        say_many(
            "The current secrets keep working for %(num)s hour, so that you can change over.",
            "The current secrets keep working for %(num)s hours, so that you can change over.",
            1,
        ),
    ),
    "1d": _days(1),
    "7d": _days(7),
}
"""The overlaps by the names that the command and the console take."""
USUAL_OVERLAP = "1d"


def set_secret(settings: Settings, client_id: str, secret: str, origin: Origin) -> None:
    """Replace all secrets by a given one, at once."""
    with transaction():
        row, kept = _with_secret(client_id, secret, origin)
        store.end_secrets(client_id, clock.now())
        store.forget_sealed(client_id)
        add_secret(settings, client_id, row.metadata_, kept, origin.actor_id)
        record_change(origin, row, Event.CLIENT_SECRET_MADE, overlap_seconds=0)


def rotate_secret(
    settings: Settings, client_id: str, origin: Origin, overlap: timedelta = OVERLAPS[USUAL_OVERLAP].lasts
) -> str:
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
