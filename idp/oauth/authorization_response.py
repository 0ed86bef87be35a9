"""Answer authorization requests: where answers go and how they travel (RFC 6749 §4.1.2, RFC 9207, JARM)."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from idp import clock
from idp.oauth.client_encryption import encrypt_for
from idp.oauth.clients import RegisteredClient
from idp.oauth.errors import OAuthError
from idp.oauth.provider import Provider
from idp.oauth.response_modes import FRAGMENT, JWT

JWT_SECONDS = 600
"""JARM §2.1: "A maximum JWT lifetime of 10 minutes is RECOMMENDED." """


@dataclass(frozen=True)
class Destination:
    """The validated address of an app, and how the answer to its request goes there.

    ``mode``: one of ``RESPONSE_MODES`` that names a place. ``state``: exactly as it came.
    """

    client: RegisteredClient
    redirect_uri: str
    mode: str
    state: str


@dataclass(frozen=True)
class Answer:
    """Parameters for a validated redirect address. ``mode``: the place, one of ``PLACES``."""

    redirect_uri: str
    mode: str
    fields: tuple[tuple[str, str], ...]

    @property
    def location(self) -> str:
        """Return the address that carries them, in its query beside those that it has (RFC 6749 §3.1.2), or its fragment."""
        # A registered address has no fragment (RFC 6749 §3.1.2).
        if self.mode == FRAGMENT:
            return f"{self.redirect_uri}#{_encoded(self.fields)}"
        return add_query(self.redirect_uri, self.fields)


@dataclass(frozen=True)
class Ask:
    """The user must be asked something: the browser goes to the sign-in in progress."""

    attempt_id: str


@dataclass(frozen=True)
class Refused:
    """No redirect: client or address are not validated (RFC 6749 §4.1.2.1). All of it is for the developer.

    ``client_id`` and ``redirect_uri`` are what was sent.
    """

    error: str
    why: str
    client_id: str = ""
    redirect_uri: str = ""


@dataclass(frozen=True)
class Gone:
    """The sign-in in progress is over or belongs to another browser."""


Outcome = Answer | Ask | Refused | Gone


def add_query(address: str, fields: tuple[tuple[str, str], ...]) -> str:
    """Return ``address`` with ``fields`` added to its query."""
    if not fields:
        return address
    joint = "" if address.endswith(("?", "&")) else "&" if "?" in address else "?"
    return f"{address}{joint}{_encoded(fields)}"


def _encoded(fields: tuple[tuple[str, str], ...]) -> str:
    # %20 rather than "+", since some apps read a query with a plain percent-decoder and state must arrive unchanged.
    return "&".join([f"{name}={quote(value, safe='')}" for name, value in fields])


def answer_to(provider: Provider, destination: Destination, **fields: str) -> Answer:
    """Return the answer: with ``iss`` (RFC 9207 §2), errors too, and with ``state`` (RFC 6749 §4.1.2).

    No transaction may be open: signatures take time.
    """
    everything = {**fields, "state": destination.state, "iss": provider.issuer}
    pairs = {name: value for name, value in everything.items() if value}
    place = destination.mode.removesuffix(JWT)
    if place != destination.mode:
        pairs = {"response": _signed(provider, destination.client, pairs)}
    return Answer(destination.redirect_uri, place, tuple(pairs.items()))


def _signed(provider: Provider, client: RegisteredClient, fields: Mapping[str, str]) -> str:
    """Return the answer as a JWT for this client (JARM §2.1): nobody can change it, or give it to another app."""
    end = clock.epoch_seconds(clock.now()) + JWT_SECONDS
    signed = provider.keys.sign(client.answer_alg, {**fields, "aud": client.client_id, "exp": end})
    return encrypt_for(provider, client, "authorization", signed)


def error_answer(provider: Provider, destination: Destination, error: OAuthError) -> Answer:
    """Return the error for the client."""
    return answer_to(provider, destination, error=error.error, error_description=error.description)
