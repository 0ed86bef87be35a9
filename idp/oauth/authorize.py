"""The authorization endpoint: from a validated request through the sign-in to a code.

The order is a security property (RFC 6749 §4.1.2.1): "If the request fails due to a missing, invalid, or mismatching
redirection URI, or if the client identifier is missing or invalid, the authorization server […] MUST NOT automatically
redirect the user-agent". So client and address are judged first, and only then anything else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import structlog
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer
from sqlalchemy.exc import SQLAlchemyError

from idp import db, outage
from idp.oauth.authorization_response import Answer, Ask, Gone, Outcome, Refused, error_answer, mode_of
from idp.oauth.code_grant import CodeGrant
from idp.oauth.errors import OAuthError
from idp.oauth.provider import Provider
from idp.oauth.request_parameters import Parameters, ProtocolRequest
from idp.oauth.signin_requirements import needs_for
from idp.signin import authenticate as signin
from idp.signin.requirements import Needs
from idp.signin.state import BrowserContext, Continue, SignedIn, Unmet

log = structlog.get_logger("oauth")
MOST_TRIES = 3
"""Two tabs may finish one sign-in at once: the later one settles again, by the login that the first one made."""


def begin(server: AuthorizationServer, request: ProtocolRequest, visit: BrowserContext, attempt_id: str = "") -> Outcome:
    """Answer an authorization request: a redirect with a code or an error, a question, or a page that says what is wrong."""
    try:
        grant: CodeGrant = server.get_consent_grant(request)
        with _outages_told_to(grant.asked.redirect_uri):
            return _settle(server.provider, grant, visit, attempt_id)
    except OAuth2Error as error:
        return _refuse(server.provider, request.parameters, error)


@contextmanager
def _outages_told_to(redirect_uri: str) -> Iterator[None]:
    """Tell the app, at its validated address, that the database cannot serve now (RFC 6749 §4.1.2.1)."""
    try:
        yield
    except SQLAlchemyError as error:
        if not outage.is_outage(error):
            raise
        why = outage.reason_of(error)
        raise OAuthError("temporarily_unavailable", "Please try again.", redirect_uri=redirect_uri, detail=why) from error


def resume(server: AuthorizationServer, visit: BrowserContext, attempt_id: str) -> Outcome:
    """Come back from a sign-in in progress: the request is read and judged again, and so is the sign-in.

    Nothing of "finished" is believed: a client that was disabled or a policy that changed meanwhile counts. Where the
    sign-in is over, too old or another browser's, the app's request is begun again: by the live login it may be answered at
    once. So this address can be sent twice, and each sign-in still gives one code.
    """
    needs = signin.asked_by(server.provider.settings, attempt_id)
    if needs is None or "client_id" not in needs.carried:
        return Gone()
    return begin(server, _request_of(needs, visit), visit, attempt_id)


def read_again(server: AuthorizationServer, stored: Needs, visit: BrowserContext) -> Needs | None:
    """Work the needs of a stored request out again, with the client as it is now; None where it is not valid any more.

    What a request means depends on its client (addresses, scopes, minimum, defaults), which may change while somebody signs
    in. So nothing of that is stored with a sign-in. Needs that are no app's are as they were.
    """
    if not stored.resumes:
        return stored
    try:
        grant: CodeGrant = server.get_consent_grant(_request_of(stored, visit))
    except OAuth2Error:
        return None
    # The languages are the request's, and before them one that was picked on a page.
    needs = needs_for(grant.asked, server.provider.settings)
    return replace(needs, ui_locales=stored.ui_locales or needs.ui_locales)


def _request_of(needs: Needs, visit: BrowserContext) -> ProtocolRequest:
    return ProtocolRequest(
        "GET",
        Parameters(dict(needs.carried)),
        address=visit.address,
        request_id=visit.request_id,
        label=visit.label,
        browser_id=visit.browser_id,
    )


def _settle(provider: Provider, grant: CodeGrant, visit: BrowserContext, attempt_id: str) -> Outcome:
    needs = needs_for(grant.asked, provider.settings)
    for _ in range(MOST_TRIES):
        settlement = signin.authenticate(provider.settings, needs, visit, attempt_id)
        if isinstance(settlement, Continue):
            return Ask(settlement.attempt_id)
        if isinstance(settlement, Unmet):
            raise _unmet(settlement, grant.asked.redirect_uri)
        answer = _finish(grant, settlement)
        if answer is not None:
            return answer
        attempt_id = ""
    raise OAuthError("temporarily_unavailable", "Please try again.", redirect_uri=grant.asked.redirect_uri)


def _finish(grant: CodeGrant, settled: SignedIn) -> Answer | None:
    """The sign-in's end, the grant and its code in one transaction; None where another request ended it first."""
    with db.transaction():
        if not signin.finish(settled):
            return None
        made: Answer = grant.create_authorization_response(grant.asked.redirect_uri, settled)
    log.info("authorized", client_id=grant.asked.client.client_id, sub=settled.user_id, silent=not settled.attempt_id)
    return made


def _unmet(unmet: Unmet, redirect_uri: str) -> OAuthError:
    return OAuthError(unmet.error, DESCRIPTIONS.get(unmet.error, ""), redirect_uri=redirect_uri, detail=unmet.why)


DESCRIPTIONS = {
    "login_required": "The person must sign in.",
    "interaction_required": "The person must be asked something.",
    "account_selection_required": "The person must choose an account.",
    "consent_required": "The person must be asked for consent.",
    "access_denied": "The person or the provider refused.",
    "unmet_authentication_requirements": "The authentication that was asked for cannot be reached.",
}


def _refuse(provider: Provider, parameters: Parameters, error: OAuth2Error) -> Outcome:
    client_id = parameters.get("client_id")
    log.info("oauth_error", error=error.error, detail=getattr(error, "detail", "") or error.description, client_id=client_id)
    if not error.redirect_uri:
        return Refused(error.error, error.description or "", client_id)
    mode, state = mode_of(parameters.get("response_mode")), parameters.get("state")
    if mode == "form_post" and not error.redirect_uri.startswith(("https:", "http:")):
        mode = "query"
    return error_answer(provider.issuer, error, mode, state)
