"""Answer authorization requests: where answers go and how they travel (RFC 6749 §4.1.2, form_post, RFC 9207)."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from idp.oauth.client_metadata import RESPONSE_MODES
from idp.oauth.errors import OAuthError


@dataclass(frozen=True)
class Answer:
    """Parameters for a validated redirect address. ``mode``: ``query`` or ``form_post``."""

    redirect_uri: str
    mode: str
    fields: tuple[tuple[str, str], ...]

    @property
    def location(self) -> str:
        """Return the address for ``query``: the parameters added to those that it has (RFC 6749 §3.1.2)."""
        # %20 rather than "+", since some apps read a query with a plain percent-decoder and state must arrive unchanged.
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
    return f"{address}{joint}{urlencode(fields, quote_via=quote, safe='')}"


def mode_of(sent: str) -> str:
    """Return how to answer, also where ``response_mode`` itself is wrong."""
    return sent if sent in RESPONSE_MODES else "query"


def answer_to(issuer: str, redirect_uri: str, mode: str, state: str, **fields: str) -> Answer:
    """Return the answer: with ``iss`` (RFC 9207 §2), errors too, and with ``state`` exactly as it came (RFC 6749 §4.1.2)."""
    everything = {**fields, "state": state, "iss": issuer}
    return Answer(redirect_uri, mode, tuple((name, value) for name, value in everything.items() if value))


def error_answer(issuer: str, error: OAuthError, mode: str, state: str) -> Answer:
    """Return the error for the client, at the validated address that the error carries."""
    return answer_to(issuer, error.redirect_uri, mode, state, error=error.error, error_description=error.description)
