"""Find the parameters of an authorization request: in the address, pushed (RFC 9126), or in a request object (RFC 9101).

What an app pushed or signed replaces all that the browser brings, except the ``client_id`` that it is bound to. The
parameters say how they came, so that a request which is read again after a sign-in is not refused for coming in the browser.
"""

from datetime import timedelta

from idp import clock, crypto, db
from idp.errors import Unreadable
from idp.oauth import request_objects
from idp.oauth.authorization_checks import Draft
from idp.oauth.client_encryption import require_keys
from idp.oauth.client_metadata import HYBRID
from idp.oauth.errors import OAuthError, invalid_request
from idp.oauth.request_documents import is_registered
from idp.oauth.request_parameters import Parameters
from idp.oauth.test_sign_in import permission
from idp.store import pushed_requests as store

PREFIX = "urn:ietf:params:oauth:request_uri:"
CAME_BY = "came_by"
"""How a request came. No parameter of an app has this name, so nobody can send it."""
PUSHED, SIGNED = "pushed", "signed"
NOT_PUSHED = "A request that is pushed must not have a request_uri (RFC 9126)."


def digest_of(request_uri: str) -> bytes:
    """Return what is stored of the reference to a pushed request."""
    return crypto.digest("request_uri", request_uri)


def place_of(digest: bytes) -> str:
    """Return what the parameters of a pushed request are sealed for."""
    return f"pushed_requests:sealed:{digest.hex()}"


def open_request(draft: Draft, known: frozenset[str]) -> None:
    """Take the parameters from where they are, and refuse a request that came another way than its client must use.

    ``known``: every parameter that is understood.

    An error goes to the address that the browser names, if it is the client's: the one that was pushed is not known then.
    """
    if not draft.is_pushing:
        # No answer can be sent without the key for it. So an error here goes to the person, not to the client.
        of_answer = ("authorization", "id_token") if draft.client.check_response_type(HYBRID) else ("authorization",)
        require_keys(draft.provider, draft.client, *of_answer)
    try:
        if draft.get("request") and draft.get("request_uri"):
            raise invalid_request("The request has both a request and a request_uri.")
        if draft.get("request"):
            draft.parameters = _signed(draft, draft.get("request"), known)
        elif draft.get("request_uri"):
            is_pushed = draft.get("request_uri").startswith(PREFIX)
            draft.parameters = _pushed(draft) if is_pushed else _signed(draft, _fetched(draft), known)
        _check_way(draft)
    except OAuthError:
        sent = draft.get("redirect_uri")
        draft.redirect_uri = sent if sent and draft.client.check_redirect_uri(sent) else ""
        raise


def _fetched(draft: Draft) -> str:
    """Return the request object at the address that a request names, which must be registered (RFC 9101 §10.4.1)."""
    if draft.is_pushing:
        raise invalid_request(NOT_PUSHED)
    sent = draft.get("request_uri")
    if not is_registered(draft.client.metadata.get("request_uris", ()), sent):
        raise OAuthError("invalid_request_uri", "The request_uri is not registered for this client.", detail=sent[:200])
    try:
        return draft.provider.request_documents.read(sent, only_public=draft.client.only_public)
    except Unreadable as error:
        raise OAuthError("invalid_request_uri", "No request object came from the request_uri.", detail=str(error)) from error


def _signed(draft: Draft, text: str, known: frozenset[str]) -> Parameters:
    found = request_objects.read_object(draft.provider, draft.client, text, draft.parameters, known)
    return Parameters({**found.values, CAME_BY: SIGNED}, found.faults)


def _pushed(draft: Draft) -> Parameters:
    """Return the parameters that the client has pushed, for the first browser that brings them.

    RFC 9126 §4: the server "SHOULD treat request_uri values as one-time use but MAY allow for duplicate requests due to a
    user reloading/refreshing their user agent". So that browser alone may bring them again, while its sign-in may last.
    """
    sent, now, provider = draft.get("request_uri"), clock.now(), draft.provider
    if draft.is_pushing:
        raise invalid_request(NOT_PUSHED)
    digest, bound = digest_of(sent), (draft.client.client_id, draft.browser_id)
    with db.transaction():
        until = now + timedelta(minutes=provider.settings.lifetimes.attempt_minutes)
        store.use_request(digest, *bound, now, until)
    row = store.request_of(digest, *bound, now)
    try:
        if row is not None:
            return Parameters(provider.settings.ring.open_json(row.sealed, place_of(digest)))
    except Unreadable:
        pass  # its key is gone: it counts as expired
    raise OAuthError("invalid_request_uri", "The request_uri is unknown, expired, used, or pushed by another client.")


def _check_way(draft: Draft) -> None:
    """Refuse a request that did not come as its client must send it. Our own test sign-in comes as it is."""
    came, metadata = draft.get(CAME_BY).split(), draft.client.metadata
    must_push = draft.provider.settings.clients.require_pushed_authorization_requests
    must_push = must_push or metadata.get("require_pushed_authorization_requests", False)
    duty = "push its authorization requests (RFC 9126)" if must_push and not draft.is_pushing and PUSHED not in came else ""
    if metadata.get("require_signed_request_object") and SIGNED not in came:
        duty = "send signed request objects (RFC 9101)"
    if duty and not permission.is_given(draft.provider, draft.browser_id, draft.parameters):
        raise invalid_request(f"This client must {duty}.")
