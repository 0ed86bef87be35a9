"""The protocol's endpoints. Those for machines touch no cookie and answer errors as JSON; those for people show pages."""

from dataclasses import dataclass
from typing import cast
from urllib.parse import quote_from_bytes, urlencode

import structlog
from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, current_app, json, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from idp import crypto, keys, outage
from idp.branding import brand_of
from idp.errors import Refusal, say
from idp.oauth import authorization_request, authorize, logout, request_parameters, userinfo
from idp.oauth.authorization_response import Answer, Ask, Outcome, Refused
from idp.oauth.errors import OAuthError, invalid_request
from idp.oauth.id_token_hints import short_request
from idp.oauth.logout import AskFirst, LogoutOutcome, SignedOut
from idp.oauth.request_parameters import Parameters, ProtocolRequest
from idp.oauth.server import TOKEN_PARAMETERS, SleutelServer
from idp.signin.state import BrowserContext
from idp.web import csrf, forms, language, pages, request_context
from idp.web.account import current_user

log = structlog.get_logger("oauth")
blueprint = Blueprint("oauth", __name__)
machines = Blueprint("machines", __name__)
FORM = "application/x-www-form-urlencoded"
EVERY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True)
class FormPostPage:
    """An answer that the browser posts to the app (OAuth 2.0 Form Post Response Mode)."""

    action: str
    fields: tuple[tuple[str, str], ...]
    client_name: str = ""


@dataclass(frozen=True)
class LogoutPage:
    """The question before signing out. ``carried``: hidden fields that come back. ``wrong``: for the app's developer."""

    action: str
    username: str
    organisation_name: str
    client_name: str
    carried: tuple[tuple[str, str], ...]
    wrong: str = ""


@dataclass(frozen=True)
class SignedOutPage:
    """Nobody is signed in any more; ``return_to`` may be empty. ``wrong``: for the app's developer."""

    return_to: str
    client_name: str
    wrong: str = ""


def server() -> SleutelServer:
    """The authorization server of this application."""
    return cast(SleutelServer, current_app.extensions["sleutel.oauth"])


# For machines


@machines.get("/.well-known/openid-configuration")
@machines.get("/.well-known/oauth-authorization-server")
def metadata() -> Response:
    """Discovery."""
    return _document(server().metadata, 3600)


@machines.get("/oauth/jwks")
def jwks() -> Response:
    """The key set; kept for half the time that a new key is published before it signs."""
    return _document(server().provider.keys.jwks(), keys.JWKS_SECONDS)


@machines.route("/oauth/token", methods=EVERY_METHOD)
def token() -> Response:
    """The token endpoint: POST only (RFC 6749 §3.2)."""
    if request.method != "POST":
        raise OAuthError("invalid_request", "The token endpoint takes POST only.", status=405)
    return server().create_token_response(_protocol_request(_form(TOKEN_PARAMETERS)))


@machines.route("/oauth/userinfo", methods=EVERY_METHOD)
def userinfo_() -> Response:
    """Claims about the person of an access token."""
    if request.method not in ("GET", "POST"):
        raise OAuthError("invalid_request", "The userinfo endpoint takes GET and POST only.", status=405)
    has_form = request.method == "POST" and request.mimetype == FORM
    body = _form(userinfo.PARAMETERS) if has_form else Parameters()
    return _json(userinfo.userinfo(server().provider, request.headers.get("Authorization", ""), body))


@machines.errorhandler(OAuth2Error)
def _fault(error: OAuth2Error) -> Response:
    log.info("oauth_error", error=error.error, detail=getattr(error, "detail", ""), route=request.endpoint)
    status, body, headers = error(None)
    response = Response(json.dumps(body), status, headers)
    if status == 405:
        response.headers["Allow"] = "POST" if request.path == "/oauth/token" else "GET, POST"
    return response


@machines.errorhandler(Refusal)
def _refused(refusal: Refusal) -> Response:
    retry_after = int(getattr(refusal, "retry_after", 0))
    return _fault(OAuthError("temporarily_unavailable", "Please wait.", status=refusal.status, retry_after=retry_after))


@machines.errorhandler(SQLAlchemyError)
def _database_failed(error: SQLAlchemyError) -> Response:
    """RFC 6749 §4.1.2.1 names this state; the token endpoint has no better word for it."""
    if not outage.is_outage(error) and not outage.is_overtaken(error):
        return _unexpected(error)
    log.error("database_unavailable", route=request.endpoint, reason=outage.reason_of(error))
    return _fault(OAuthError("temporarily_unavailable", "Please try again.", status=503, retry_after=outage.RETRY_SECONDS))


@machines.errorhandler(HTTPException)
def _http_error(error: HTTPException) -> Response:
    return _fault(OAuthError("invalid_request", "The request cannot be taken.", status=error.code or 400))


@machines.errorhandler(Exception)
def _unexpected(error: Exception) -> Response:
    log.error("unexpected", route=request.endpoint, exc_info=error)
    return _fault(OAuthError("server_error", "Something went wrong on our side, and we have logged it.", status=500))


@machines.after_request
def _open_to_apps(response: Response) -> Response:
    """Apps in browsers may call; nothing here reads a cookie, so any origin is as good as none (Fetch, CORS protocol)."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = "GET, POST"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        response.headers["Access-Control-Max-Age"] = "3600"
    return response


def _json(body: object, status: int = 200) -> Response:
    response = Response(json.dumps(body), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def _document(body: bytes, seconds: int) -> Response:
    """Ready bytes that may be cached, with a validator."""
    response = Response(body, content_type="application/json")
    response.headers["Cache-Control"] = f"public, max-age={seconds}"
    response.set_etag(crypto.b64url(crypto.sha256(body)[:16]))
    return cast(Response, response.make_conditional(request))


def _form(known: frozenset[str]) -> Parameters:
    """The body's parameters. What came in the query is not looked at, but told of: a secret there is in every log."""
    if request.query_string:
        raise invalid_request("Parameters belong in the body, not in the query.")
    if request.mimetype != FORM:
        raise invalid_request(f"The body must be {FORM}.")
    return request_parameters.read(request.get_data(parse_form_data=False), known)


def _protocol_request(found: Parameters, visit: BrowserContext | None = None) -> ProtocolRequest:
    return ProtocolRequest(
        request.method,
        found,
        headers=dict(request.headers),
        address=request_context.address(),
        request_id=request_context.request_id(),
        label=visit.label if visit else "",
        browser_id=visit.browser_id if visit else "",
    )


# For people


@blueprint.get("/oauth/authorize")
def authorize_() -> Response:
    """The authorization endpoint."""
    found = _query(authorization_request.PARAMETERS)
    visit = request_context.visit()
    return _outcome(authorize.begin(server(), _protocol_request(found, visit), visit))


@blueprint.get("/oauth/authorize/<attempt_id>")
def resume(attempt_id: str) -> Response:
    """Back from a sign-in in progress."""
    return _outcome(authorize.resume(server(), request_context.visit(), attempt_id))


@blueprint.get("/oauth/logout")
def logout_() -> Response:
    """Sign out on a relying app's request."""
    _speak_to_them()
    return _logged_out(logout.log_out(server().provider, _query(logout.PARAMETERS), request_context.visit()))


@blueprint.post("/oauth/authorize")
@blueprint.post("/oauth/logout")
def as_get() -> Response:
    """A form of another site comes without our cookies (SameSite=Lax); the same request by GET brings them."""
    body = request.get_data() if request.mimetype == FORM else b""
    short = short_request(server().provider, body, authorization_request.PARAMETERS | logout.PARAMETERS)
    if not short and request.path == "/oauth/authorize":
        return _bad(
            "invalid_request", f"The body must be {FORM} of at most {request_parameters.LONGEST_KEPT} bytes beside the hint."
        )
    # A body that cannot be read asks for nothing but to sign out.
    query = quote_from_bytes(short or b"", safe="%&=+-._~!*()")
    return pages.see_other(f"{request.path}?{query}".rstrip("?"))


@blueprint.post("/oauth/logout/confirm")
def confirm_logout() -> Response:
    """The person answered our question."""
    csrf.require()
    form = forms.fields()
    if form.get("choice") != "sign_out":
        return pages.see_other("/")
    _speak_to_them()
    return _logged_out(logout.confirm(server().provider, form.get("request", ""), request_context.visit()))


def _speak_to_them() -> None:
    """In the language that the person signed in chose (S62), asked before the login is over."""
    present = current_user.who()
    if present is not None:
        language.prefer(present.user.locale)
        pages.wear(brand_of(present.organisation))


def _query(known: frozenset[str]) -> Parameters:
    found = request_parameters.read(request.query_string, known)
    if len(request.query_string) - len(found.get("id_token_hint")) > request_parameters.LONGEST_KEPT:
        return Parameters(faults={request_parameters.WHOLE: "is too long"})
    return found


def _outcome(outcome: Outcome) -> Response:
    match outcome:
        case Answer(mode="form_post"):
            return pages.render("oauth/form_post.html", FormPostPage(outcome.redirect_uri, outcome.fields))
        case Answer():
            return pages.see_other(outcome.location)
        case Ask():
            return pages.see_other(f"/sign-in/{outcome.attempt_id}")
        case Refused():
            return _bad(outcome.error, outcome.why, outcome.client_id)
    return pages.see_other("/sign-in")


def _bad(error: str, why: str, client_id: str = "") -> Response:
    """No redirect: a page that helps the developer."""
    title, text = say("The app made a mistake"), say("It sent you here with a request that cannot be followed.")
    rows = {"error": error, "error_description": why} | ({"client_id": client_id[:200]} if client_id else {})
    return pages.error_page(400, title, text, rows)


def _logged_out(outcome: LogoutOutcome) -> Response:
    match outcome:
        case AskFirst():
            page = LogoutPage(
                f"/oauth/logout/confirm?{urlencode(language.in_address(language.chosen()))}",
                outcome.username,
                outcome.organisation_name,
                outcome.client_name,
                (("request", outcome.request),),
                outcome.wrong,
            )
            return pages.render("oauth/logout.html", page, 400 if outcome.wrong else 200)
        case SignedOut():
            if request_context.visit().login:  # what another site embeds comes without it, and must not take it away
                request_context.cookies().login = ""
            if outcome.to:
                return pages.see_other(outcome.to)
            return pages.render(
                "oauth/signed_out.html", SignedOutPage(outcome.client_uri, outcome.client_name, outcome.wrong)
            )


blueprint.register_blueprint(machines)
