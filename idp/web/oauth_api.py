"""The protocol's endpoints for machines. They touch no cookie and answer errors as JSON; any origin may call them."""

import json
from typing import cast

import structlog
from flask import Blueprint, Response, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from idp import crypto, keys, outage
from idp.errors import Refusal
from idp.oauth import request_parameters, token_endpoint, userinfo
from idp.oauth.errors import JSON_NEVER_KEPT, OAuthError, invalid_request
from idp.oauth.request_parameters import Parameters
from idp.oauth.token_request import TokenRequest
from idp.web import oauth_provider, request_context

log = structlog.get_logger("oauth")
blueprint = Blueprint("machines", __name__)
FORM = "application/x-www-form-urlencoded"
EVERY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@blueprint.get("/.well-known/openid-configuration")
@blueprint.get("/.well-known/oauth-authorization-server")
def metadata() -> Response:
    """Serve discovery."""
    return _document(oauth_provider.discovery_document(), 3600)


@blueprint.get("/oauth/jwks")
def jwks() -> Response:
    """Serve the key set; apps keep it for half the time that a new key is published before it signs."""
    return _document(oauth_provider.provider().keys.jwks(), keys.JWKS_SECONDS)


@blueprint.route("/oauth/token", methods=EVERY_METHOD)
def token() -> Response:
    """Answer token requests: POST only (RFC 6749 §3.2)."""
    if request.method != "POST":
        raise OAuthError("invalid_request", "The token endpoint takes POST only.", status=405)
    token_request = TokenRequest(
        _form(token_endpoint.PARAMETERS),
        authorization=request.headers.get("Authorization", ""),
        address=request_context.address(),
        request_id=request_context.request_id(),
    )
    answer = token_endpoint.answer(oauth_provider.provider(), token_request)
    return Response(json.dumps(answer), headers=list(JSON_NEVER_KEPT))


@blueprint.route("/oauth/userinfo", methods=EVERY_METHOD)
def userinfo_() -> Response:
    """Answer with claims about the user of an access token."""
    if request.method not in ("GET", "POST"):
        raise OAuthError("invalid_request", "The userinfo endpoint takes GET and POST only.", status=405)
    has_form = request.method == "POST" and request.mimetype == FORM
    body = _form(userinfo.PARAMETERS) if has_form else Parameters()
    claims = userinfo.userinfo(oauth_provider.provider(), request.headers.get("Authorization", ""), body)
    response = Response(json.dumps(claims, sort_keys=True), content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.errorhandler(OAuthError)
def _refuse(error: OAuthError) -> Response:
    log.info("oauth_error", error=error.error, detail=error.detail, route=request.endpoint)
    response = Response(json.dumps(error.body), error.status, error.headers)
    if error.status == 405:
        response.headers["Allow"] = "POST" if request.path == "/oauth/token" else "GET, POST"
    return response


@blueprint.errorhandler(Refusal)
def _refused(refusal: Refusal) -> Response:
    retry_after = int(getattr(refusal, "retry_after", 0))
    return _refuse(OAuthError("temporarily_unavailable", "Please wait.", status=refusal.status, retry_after=retry_after))


@blueprint.errorhandler(SQLAlchemyError)
def _database_failed(error: SQLAlchemyError) -> Response:
    """Answer with the error that RFC 6749 §4.1.2.1 has for this state; the token endpoint has no better one."""
    if not outage.is_outage(error) and not outage.is_overtaken(error):
        return _unexpected(error)
    log.error("database_unavailable", route=request.endpoint, reason=outage.reason_of(error))
    return _refuse(OAuthError("temporarily_unavailable", "Please try again.", status=503, retry_after=outage.RETRY_SECONDS))


@blueprint.errorhandler(HTTPException)
def _http_error(error: HTTPException) -> Response:
    return _refuse(OAuthError("invalid_request", "The request cannot be taken.", status=error.code or 400))


@blueprint.errorhandler(Exception)
def _unexpected(error: Exception) -> Response:
    log.error("unexpected", route=request.endpoint, exc_info=error)
    return _refuse(OAuthError("server_error", "Something went wrong on our side, and we have logged it.", status=500))


@blueprint.after_request
def _open_to_apps(response: Response) -> Response:
    """Let apps in browsers call (CORS): nothing here reads a cookie, so an origin tells nothing."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = "GET, POST"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        response.headers["Access-Control-Max-Age"] = "3600"
    return response


def _document(body: bytes, seconds: int) -> Response:
    """Send ready bytes that may be cached, with a validator."""
    response = Response(body, content_type="application/json")
    response.headers["Cache-Control"] = f"public, max-age={seconds}"
    response.set_etag(crypto.b64url(crypto.sha256(body)[:16]))
    return cast(Response, response.make_conditional(request))


def _form(known: frozenset[str]) -> Parameters:
    """Read the body's parameters. A query is refused: a secret in it is in every log."""
    if request.query_string:
        raise invalid_request("Parameters belong in the body, not in the query.")
    if request.mimetype != FORM:
        raise invalid_request(f"The body must be {FORM}.")
    return request_parameters.read(request.get_data(parse_form_data=False), known)
