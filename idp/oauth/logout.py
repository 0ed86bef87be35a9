"""Signing out by a relying app (OpenID Connect RP-Initiated Logout 1.0).

§2: without a hint that proves that the request is the person's own, "the OP MUST ask the End-User whether to log out". A
hint proves it when it is an ID token of ours for the login of this very browser; it may have expired.
"""

from dataclasses import dataclass

from idp import clock
from idp.audit import Origin
from idp.errors import Unreadable
from idp.identity import logins
from idp.oauth.clients import RegisteredClient
from idp.oauth.hints import read_hint
from idp.oauth.parameters import Parameters
from idp.oauth.provider import Provider
from idp.oauth.responses import add_query
from idp.signin.case import Visit
from idp.store import organisations, users
from idp.store.logins import Login

PARAMETERS = frozenset(
    ("id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales", "confirmation")
)
PLACE = "logout:request:"


@dataclass(frozen=True)
class AskFirst:
    """The person must say yes. ``request`` is sealed for this browser and comes back as ``confirmation``."""

    client_name: str
    username: str
    organisation_name: str
    request: str


@dataclass(frozen=True)
class SignedOut:
    """Nobody is signed in on this browser any more. ``to``: where the app wants the person, empty for our own page."""

    to: str = ""
    client_name: str = ""
    client_uri: str = ""


@dataclass(frozen=True)
class BadLogout:
    """The request cannot be followed, in words for the developer."""

    why: str


@dataclass(frozen=True)
class _Wish:
    """A logout request, read. ``is_proven``: the hint is an ID token of the login of this browser."""

    client: RegisteredClient | None
    address: str
    state: str
    is_proven: bool

    @property
    def to(self) -> str:
        """Where the app wants the person (§3: with ``state`` as it came), empty for our own page."""
        return add_query(self.address, (("state", self.state),) if self.state else ()) if self.address else ""


LogoutOutcome = AskFirst | SignedOut | BadLogout


def log_out(provider: Provider, parameters: Parameters, visit: Visit) -> LogoutOutcome:
    """End the login of this browser, or ask first."""
    for name, what in parameters.faults.items():
        return BadLogout(f"The parameter {name} {what}." if name else f"The request {what}.")
    login = logins.current(visit.login, clock.now())
    wish = _read(provider, parameters, login)
    if isinstance(wish, BadLogout):
        return wish
    if login is None:
        return _signed_out(wish)
    if not wish.is_proven:
        return _ask(provider, wish, login, visit)
    return _end(wish, login, visit)


def confirm(provider: Provider, sealed: str, visit: Visit) -> LogoutOutcome:
    """The person said yes on our page. The forgery check of the form has been made by then."""
    try:
        kept: dict[str, str] = provider.settings.ring.open_json(sealed, PLACE + visit.browser_id)
    except (Unreadable, ValueError):
        return BadLogout("This question is no longer valid.")
    client = provider.clients.get(kept["client_id"])
    # The client may have been changed since the question was shown.
    address = kept["address"] if client is not None and kept["address"] in client.post_logout_redirect_uris else ""
    login = logins.current(visit.login, clock.now())
    wish = _Wish(client, address, kept["state"], is_proven=True)
    return _signed_out(wish) if login is None else _end(wish, login, visit)


def _end(wish: _Wish, login: Login, visit: Visit) -> SignedOut:
    client_id = wish.client.client_id if wish.client else ""
    logins.end(login, "signed_out", Origin(login.user_id, visit.address, visit.request_id, client_id, visit.label))
    return _signed_out(wish)


def _signed_out(wish: _Wish) -> SignedOut:
    if wish.client is None:
        return SignedOut()
    return SignedOut(wish.to, wish.client.name, str(wish.client.metadata.get("client_uri", "")))


def _read(provider: Provider, parameters: Parameters, login: Login | None) -> _Wish | BadLogout:
    hint = read_hint(provider, parameters.get("id_token_hint"))
    client_id = parameters.get("client_id")
    audience = hint.client_id if hint else ""
    # §2: "When both client_id and id_token_hint are present, the OP MUST verify that the Client Identifier matches the
    # one used as the audience of the ID Token."
    if client_id and audience and client_id != audience:
        return BadLogout("The client_id is not the one that the id_token_hint was issued to.")
    client = provider.clients.get(client_id or audience)
    address = parameters.get("post_logout_redirect_uri")
    if address and (client is None or address not in client.post_logout_redirect_uris):
        return BadLogout("The post_logout_redirect_uri is not one that is registered for the client, byte for byte.")
    is_proven = bool(hint and login and (hint.subject, hint.session_id) == (login.user_id, login.id))
    return _Wish(client, address, parameters.get("state"), is_proven and client is not None)


def _ask(provider: Provider, wish: _Wish, login: Login, visit: Visit) -> AskFirst:
    organisation = organisations.organisation(login.organisation_id)
    user = users.user(login.organisation_id, login.user_id)
    client_id = wish.client.client_id if wish.client else ""
    kept = {"client_id": client_id, "address": wish.address, "state": wish.state}
    return AskFirst(
        client_name=wish.client.name if wish.client else "",
        username=user.username if user else "",
        organisation_name=organisation.name if organisation else "",
        request=provider.settings.ring.seal_json(kept, PLACE + visit.browser_id),
    )
