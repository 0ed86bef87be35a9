"""Initial access tokens (RFC 7591 §1.2): an operator makes one, and apps that show it may register themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from idp import clock, crypto
from idp.audit import Event, Origin, record
from idp.checks import check_text
from idp.db import transaction
from idp.errors import Invalid, NotFound, say
from idp.identity import permissions
from idp.oauth.client_metadata import GRANT_TYPES
from idp.oauth.resource_metadata import is_scope_of_api
from idp.store import client_registrations as store
from idp.store.client_registrations import RegistrationToken

LONGEST_DAYS = 366
LONGEST_NAME = 200


@dataclass(frozen=True)
class Terms:
    """What a token allows. ``uses`` None: any number of apps. ``grant_types``, ``scopes``: beside what every app may have.

    ``organisations``: ids of those that its apps serve; empty means all.
    """

    days: int
    uses: int | None = None
    grant_types: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()


def digest_of(token: str) -> bytes:
    """Return what is stored of an initial access token."""
    return crypto.digest("registration_token", token)


def make(name: str, terms: Terms, origin: Origin) -> tuple[RegistrationToken, str]:
    """Make a token. Returns it with its text, which is shown only once. Raises ``Invalid``."""
    permissions.require_operator(origin)
    shown = check_text("name", name, LONGEST_NAME)
    _check(terms)
    text, now = crypto.new_secret(), clock.now()
    row = RegistrationToken(
        id=crypto.new_id(),
        name=shown,
        digest=digest_of(text),
        grant_types=list(terms.grant_types),
        scopes=list(terms.scopes),
        organisations=list(terms.organisations),
        uses_left=terms.uses,
        created_at=now,
        expires_at=now + timedelta(days=terms.days),
    )
    with transaction():
        store.add_token(row)
        record(origin, Event.REGISTRATION_TOKEN_MADE, data={"token": row.id})
    return row, text


def revoke(token_id: str, origin: Origin) -> None:
    """End a token. Apps that registered by it stay. Raises ``NotFound``."""
    permissions.require_operator(origin)
    with transaction():
        if not store.delete_token(token_id):
            raise NotFound(say("There is no token with this ID."))
        record(origin, Event.REGISTRATION_TOKEN_REVOKED, data={"token": token_id})


def adopt(client_id: str, origin: Origin) -> None:
    """End what an app may change of its own registration: operators alone change it from now on. Raises ``NotFound``."""
    permissions.require_operator(origin)
    with transaction():
        if not store.end_registration(client_id):
            raise NotFound(say("No app with the ID %(client_id)s has registered itself.", client_id=client_id))
        record(Origin(origin.actor, client_id=client_id), Event.CLIENT_CHANGED, data={"fields": ["registration"]})


def _check(terms: Terms) -> None:
    if not 1 <= terms.days <= LONGEST_DAYS:
        raise Invalid("days", say("This must be a number of days, a year at most."))
    if terms.uses is not None and not 1 <= terms.uses < 2**31:
        raise Invalid("uses", say("This must be a number, 1 or more."))
    _require_known("grant_type", terms.grant_types, GRANT_TYPES)
    if not all(map(is_scope_of_api, terms.scopes)):
        raise Invalid("scope", say("Each must be a scope of an API. Every app may ask for the others."))


def _require_known(field: str, given: Sequence[str], known: Sequence[str]) -> None:
    if not set(given) <= set(known):
        raise Invalid(field, say("Each entry must be one of %(allowed)s.", allowed=", ".join(known)))
