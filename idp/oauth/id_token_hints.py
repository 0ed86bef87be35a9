"""Read ID tokens of ours that come back as hints (OpenID Connect Core §3.1.2.1, RP-Initiated Logout 1.0 §2).

A hint may have expired: it names a session, and opens nothing. An ID token is long and holds personal data. So only its
short sealed form is stored, or sent on in an address.
"""

from collections.abc import Collection
from dataclasses import astuple, dataclass
from urllib.parse import quote, urlencode

from idp.errors import Unreadable
from idp.oauth import request_parameters
from idp.oauth.provider import Provider

SEALED = "~"
"""What a sealed hint begins with; no JWT does."""
PLACE = "oauth:hint"


@dataclass(frozen=True)
class Hint:
    """Hold what an ID token of ours says: its user, by id, the client it was issued to, and its session."""

    user_id: str
    client_id: str
    session_id: str


def read_hint(provider: Provider, text: str) -> Hint | None:
    """Return what a hint says; None for anything but an ID token of ours that a published key signed, or its sealed form.

    Core §3.1.2.1 does not require the client to be the token's audience: the hint only narrows which user may come
    out. Signing out checks the audience (RP-Initiated Logout §2).
    """
    if text.startswith(SEALED):
        return _opened(provider, text.removeprefix(SEALED))
    found = provider.keys.verify(text) if text else None
    if found is None or found.type != "jwt" or found.claims.get("iss") != provider.issuer:
        return None
    claims = [found.claims.get(name) for name in ("sub", "aud", "sid")]
    if not all(isinstance(claim, str) for claim in claims):
        return None
    subject, client_id, sid = map(str, claims)
    client, subjects = provider.clients.even_disabled(client_id), provider.subjects
    user_id = subjects.user_id_of_token(client, subject)
    return Hint(user_id, client_id, subjects.session_id_of_token(client, sid)) if user_id else None


def shorten_hint(provider: Provider, text: str) -> str:
    """Return the sealed form of a hint; of one that cannot be read, a form that cannot be read either."""
    if not text or text.startswith(SEALED):
        return text
    hint = read_hint(provider, text)
    return SEALED + (provider.settings.ring.seal_json(astuple(hint), PLACE) if hint else "")


def short_request(provider: Provider, body: bytes, known: Collection[str]) -> bytes | None:
    """Return a form-encoded request with the short form of its hint; None where it is too long all the same.

    An ID token is too long for an address, and has no business in logs and histories.
    """
    found = request_parameters.read(body, known)
    hint = found.get("id_token_hint")
    if hint and not found.faults:
        short = {**found.values, "id_token_hint": shorten_hint(provider, hint)}
        body = urlencode(short, quote_via=quote, safe="").encode()
    return body if len(body) <= request_parameters.LONGEST_KEPT else None


def _opened(provider: Provider, sealed: str) -> Hint | None:
    try:
        return Hint(*provider.settings.ring.open_json(sealed, PLACE))
    except (Unreadable, ValueError, TypeError):
        return None
