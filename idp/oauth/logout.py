"""Sign users out at the request of an app (OpenID Connect RP-Initiated Logout 1.0).

§2: without a hint that proves that the request is the person's own, "the OP MUST ask the End-User whether to log out". A
hint proves it if it is an ID token of ours for the session of this browser; it may have expired. The person can always sign
out; only the validated parts of a request are followed (§4).
"""

from dataclasses import dataclass

from idp import clock
from idp.errors import Unreadable
from idp.identity.sessions import sessions
from idp.oauth import address_hints
from idp.oauth.authorization_response import add_query
from idp.oauth.clients import RegisteredClient
from idp.oauth.id_token_hints import read_hint
from idp.oauth.provider import Provider
from idp.oauth.request_parameters import Parameters
from idp.signin.state import BrowserContext
from idp.store import organisations, users
from idp.store.sessions import UserSession

PARAMETERS = frozenset(
    ("id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales", "confirmation")
)
PLACE = "logout:request:"


@dataclass(frozen=True)
class AskFirst:
    """The user must confirm. ``request`` is sealed for this browser and comes back as ``confirmation``.

    ``wrong``: what is wrong with the app's request, in words for the developer; empty where nothing is.
    """

    client_name: str
    username: str
    organisation_name: str
    request: str
    wrong: str = ""


@dataclass(frozen=True)
class SignedOut:
    """No user is signed in on this browser any more. ``to``: where the app wants the browser, empty for our own page.

    ``wrong``: why the request was not followed, in words for the app's developer. ``is_malformed``: it cannot be read.
    """

    to: str = ""
    client_name: str = ""
    client_uri: str = ""
    wrong: str = ""
    is_malformed: bool = False


@dataclass(frozen=True)
class _LogoutRequest:
    """A logout request, read. ``is_proven``: the hint is an ID token of the session of this browser.

    ``wrong``: why part of the request is not followed, in words for the developer.
    """

    client: RegisteredClient | None = None
    address: str = ""
    state: str = ""
    is_proven: bool = False
    wrong: str = ""
    is_malformed: bool = False

    @property
    def to(self) -> str:
        """Return where the app wants the browser (§3: with ``state`` as it came); empty for our own page."""
        return add_query(self.address, (("state", self.state),) if self.state else ()) if self.address else ""


LogoutOutcome = AskFirst | SignedOut


def log_out(provider: Provider, parameters: Parameters, visit: BrowserContext) -> LogoutOutcome:
    """End the session of this browser, or ask first."""
    session = sessions.current(visit.session, clock.now())
    request = _read(provider, parameters, session)
    if session is None:
        return _signed_out(request)
    if request.wrong or not request.is_proven:
        return _ask(provider, request, session, visit)
    return _end(request, session, visit)


def confirm(provider: Provider, sealed: str, visit: BrowserContext) -> LogoutOutcome:
    """Sign out after the user confirmed on our page. The view has checked the CSRF token."""
    session = sessions.current(visit.session, clock.now())
    request = _opened(provider, sealed, visit)
    return _signed_out(request) if session is None else _end(request, session, visit)


def _opened(provider: Provider, sealed: str, visit: BrowserContext) -> _LogoutRequest:
    """Return the sealed request. One that cannot be opened is empty: the user is signed out all the same."""
    try:
        kept: dict[str, str] = provider.settings.ring.open_json(sealed, PLACE + visit.browser_id)
    except (Unreadable, ValueError):
        return _LogoutRequest()
    client = provider.clients.get(kept["client_id"])
    # The client may have been changed since the question was shown.
    address = kept["address"] if client is not None and client.check_post_logout_redirect_uri(kept["address"]) else ""
    return _LogoutRequest(client, address, kept["state"])


def _end(request: _LogoutRequest, session: UserSession, visit: BrowserContext) -> SignedOut:
    client_id = request.client.client_id if request.client else ""
    sessions.end(session, "signed_out", visit.origin(session.user_id, client_id))
    return _signed_out(request)


def _signed_out(request: _LogoutRequest) -> SignedOut:
    if request.client is None:
        return SignedOut(wrong=request.wrong, is_malformed=request.is_malformed)
    client_uri = str(request.client.metadata.get("client_uri", ""))
    return SignedOut(request.to, request.client.name, client_uri, request.wrong, request.is_malformed)


def _read(provider: Provider, parameters: Parameters, session: UserSession | None) -> _LogoutRequest:
    sent = parameters.get("id_token_hint")
    hint = read_hint(provider, sent)
    client_id, address = parameters.get("client_id"), parameters.get("post_logout_redirect_uri")
    client = provider.clients.get(client_id or (hint.client_id if hint else ""))
    wrong = next((f"The {name or 'request'} {what}." for name, what in parameters.faults.items()), "")
    # §4: "If the OP detects errors in the RP-Initiated Logout request, the OP MUST NOT perform post-logout redirection".
    if sent and hint is None:
        wrong = wrong or "The id_token_hint is not an ID token of this provider, or its key is no longer published."
    # §2: "When both client_id and id_token_hint are present, the OP MUST verify that the Client Identifier matches the
    # one used as the audience of the ID Token."
    if hint and client_id and client_id != hint.client_id:
        wrong = wrong or "The client_id is not the one that the id_token_hint was issued to."
    if address:
        wrong = wrong or _wrong_address(provider, client, client_id, address)
    is_proven = bool(hint and client and session and (hint.user_id, hint.session_id) == (session.user_id, session.id))
    # §3: a redirect only to an address of a client that is known. A hint that cannot be verified names no client.
    to = address if client is not None and not wrong else ""
    return _LogoutRequest(client, to, parameters.get("state"), is_proven, wrong, bool(parameters.faults))


def _wrong_address(provider: Provider, client: RegisteredClient | None, client_id: str, address: str) -> str:
    """Return why the address is no client's; empty where it may be a client's."""
    if client is not None:
        if client.check_post_logout_redirect_uri(address):
            return ""
        close = address_hints.describe(address, client.post_logout_redirect_uris)
        return f"The post_logout_redirect_uri is not one that is registered for the client, byte for byte. {close}".rstrip()
    if client_id:
        return "There is no client with this client_id, or it is disabled."
    return "" if provider.clients.may_return_to(address) else "The post_logout_redirect_uri is registered for no client."


def _ask(provider: Provider, request: _LogoutRequest, session: UserSession, visit: BrowserContext) -> AskFirst:
    organisation = organisations.organisation(session.organisation_id)
    user = users.user(session.organisation_id, session.user_id)
    client_id = request.client.client_id if request.client else ""
    kept = {"client_id": client_id, "address": request.address, "state": request.state}
    return AskFirst(
        client_name=request.client.name if request.client else "",
        username=user.username if user else "",
        organisation_name=organisation.name if organisation else "",
        request=provider.settings.ring.seal_json(kept, PLACE + visit.browser_id),
        wrong=request.wrong,
    )
