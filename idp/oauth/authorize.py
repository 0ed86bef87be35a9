"""Answer authorization requests: from the validated request through the sign-in to a code.

Not here: what a valid request is (``authorization_request``), and who signs in how (``signin``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import structlog
from sqlalchemy.exc import SQLAlchemyError

from idp import clock, db, outage
from idp.oauth.active_grant import find_active_grant
from idp.oauth.authorization_checks import Draft
from idp.oauth.authorization_request import AuthorizationRequest, read_request
from idp.oauth.authorization_response import Answer, Ask, Gone, Outcome, Refused, answer_to, error_answer
from idp.oauth.code_grant import issue_code
from idp.oauth.errors import OAuthError, numbered
from idp.oauth.provider import Provider
from idp.oauth.request_parameters import Parameters
from idp.oauth.response_modes import is_posted
from idp.oauth.tokens import mint_beside_code
from idp.signin import authenticate as signin
from idp.signin.requirements import Needs
from idp.signin.state import BrowserContext, Continue, SignedIn, Unmet
from idp.store.grants import Grant

log = structlog.get_logger("oauth")
LONGEST_LOGGED = 500
MOST_TRIES = 3
"""Two tabs may finish one sign-in at once: the later one tries again, with the session that the first one made."""


def begin(provider: Provider, parameters: Parameters, visit: BrowserContext, attempt_id: str = "") -> Outcome:
    """Answer an authorization request: a redirect with a code or an error, a question, or a page that says what is wrong."""
    draft = Draft(provider, parameters, visit.browser_id)
    try:
        request = read_request(draft)
        with _outages_as_errors():
            return _authenticate(provider, request, visit, attempt_id)
    except OAuthError as error:
        return _refuse(draft, numbered(error, visit.request_id))


@contextmanager
def _outages_as_errors() -> Iterator[None]:
    """Turn an outage of the database into an error that the app is told (RFC 6749 §4.1.2.1)."""
    try:
        yield
    except SQLAlchemyError as error:
        if not outage.is_outage(error):
            raise
        why = outage.reason_of(error)
        raise OAuthError("temporarily_unavailable", "Please try again.", detail=why) from error


def resume(provider: Provider, visit: BrowserContext, attempt_id: str) -> Outcome:
    """Come back from a sign-in in progress: read and check the request again, and the sign-in too.

    An earlier "finished" is not believed: a disabled client or a changed policy counts. If the sign-in is over, too old or
    another browser's, the app's request begins again, and a live session may answer it at once. So this address can be sent
    twice, and each sign-in still gives one code.
    """
    needs = signin.asked_by(provider.settings, attempt_id)
    if needs is None or "client_id" not in needs.carried:
        return Gone()
    return begin(provider, Parameters(needs.carried), visit, attempt_id)


def finish(provider: Provider, visit: BrowserContext, attempt_id: str) -> Outcome | None:
    """Answer the app in the request that took the last answer of a sign-in. Returns None where a GET must do it.

    That is so where no app asked, and where the browser posts the answer: such a page must be the answer to a GET.
    """
    needs = signin.asked_by(provider.settings, attempt_id)
    if needs is None or "client_id" not in needs.carried or is_posted(needs.carried):
        return None
    return begin(provider, Parameters(needs.carried), visit, attempt_id)


def read_again(provider: Provider, stored: Needs, visit: BrowserContext) -> Needs | None:
    """Work out the needs of a stored request again, with the client as it is now. Returns None if it is no longer valid.

    What a request means depends on its client (addresses, scopes, minimum, defaults), which may change during a sign-in. So
    nothing of that is stored with a sign-in. Needs of our own pages are returned as they are.
    """
    if not stored.resumes:
        return stored
    try:
        needs = read_request(Draft(provider, Parameters(stored.carried), visit.browser_id)).needs
    except OAuthError:
        return None
    # The request's languages, after one that was picked on a page.
    return replace(needs, ui_locales=stored.ui_locales or needs.ui_locales)


def _authenticate(provider: Provider, request: AuthorizationRequest, visit: BrowserContext, attempt_id: str) -> Outcome:
    for _ in range(MOST_TRIES):
        result = signin.authenticate(provider.settings, request.needs, visit, attempt_id)
        if isinstance(result, Continue):
            return Ask(result.attempt_id)
        if isinstance(result, Unmet):
            raise OAuthError(result.error, DESCRIPTIONS.get(result.error, ""), detail=result.why)
        answer = _finish(provider, request, result, visit)
        if answer is not None:
            return answer
        attempt_id = ""
    raise OAuthError("temporarily_unavailable", "Please try again.")


def _finish(provider: Provider, request: AuthorizationRequest, signed_in: SignedIn, visit: BrowserContext) -> Answer | None:
    """End the sign-in and make the grant with its code, in one transaction. Returns None if another request was first."""
    with db.transaction():
        if not signin.finish(signed_in):
            return None
        grant, code = issue_code(provider, request, signed_in, visit)
    silent = not signed_in.attempt_id
    log.info("authorized", client_id=request.client.client_id, sub=signed_in.user_id, silent=silent)
    _tell_left_out(request, signed_in)
    id_token = _id_token(provider, request, grant, code) if request.is_hybrid else ""
    return answer_to(provider, request.destination, code=code, id_token=id_token)


def _id_token(provider: Provider, request: AuthorizationRequest, grant: Grant, code: str) -> str:
    """Return the ID token that comes with a code, from behind the same gate as every token. Raises ``OAuthError``."""
    active = find_active_grant(provider, grant.organisation_id, grant.id, clock.now())
    if isinstance(active, str):
        raise OAuthError("access_denied", DESCRIPTIONS["access_denied"], detail=active)
    return mint_beside_code(provider, active, code, request.nonce, request.destination.state)


def _tell_left_out(request: AuthorizationRequest, signed_in: SignedIn) -> None:
    """Log the scopes that were asked for and not granted. The app finds the granted ones in its token response."""
    left_out = " ".join(name for name in request.asked_scope.split() if name not in signed_in.scopes)
    if left_out:
        granted = " ".join(signed_in.scopes)
        log.info("scope_left_out", client_id=request.client.client_id, left_out=left_out[:LONGEST_LOGGED], granted=granted)


DESCRIPTIONS = {
    "login_required": "The person must sign in.",
    "interaction_required": "The person must be asked something.",
    "account_selection_required": "The person must choose an account.",
    "consent_required": "The person must be asked for consent.",
    "access_denied": "The person or the provider refused.",
    "unmet_authentication_requirements": "The authentication that was asked for cannot be reached.",
}


def _refuse(draft: Draft, error: OAuthError) -> Outcome:
    client_id = draft.get("client_id")
    log.info("oauth_error", error=error.error, detail=error.detail or error.description, client_id=client_id)
    if not draft.redirect_uri:
        return Refused(error.error, error.description, client_id, draft.get("redirect_uri"))
    return error_answer(draft.provider, draft.destination, error)
