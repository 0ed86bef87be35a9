"""Serve the protocol's endpoints for machines. They touch no cookie and answer errors as JSON; any origin may call them.

They are answered before Flask builds a request, because most requests come here. ``lean_entry`` says how.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import structlog
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.http import parse_etags

from idp import crypto, keys, outage
from idp.config import Settings
from idp.errors import Refusal
from idp.oauth import (
    backchannel_authentication,
    device_grant,
    dpop,
    dynamic_registration,
    introspection,
    pushed_requests,
    revocation,
    token_endpoint,
    userinfo,
)
from idp.oauth.errors import JSON_NEVER_KEPT, NEVER_KEPT, OAuthError, numbered
from idp.oauth.presented_token import ResourceRequest
from idp.oauth.request_parameters import Parameters
from idp.web import registration_api
from idp.web.machine_call import Call, Reply, unreadable
from idp.web.oauth_provider import NAME
from idp.web.response import REFUSED

log = structlog.get_logger("oauth")
OPEN_TO_APPS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "DPoP-Nonce, Retry-After, WWW-Authenticate"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
)
"""Allow apps in browsers (CORS): nothing here reads a cookie, so an origin means nothing."""
SERVER_ERROR = OAuthError("server_error", "Something went wrong on our side, and we have logged it.", status=500)
PREFLIGHT = (
    ("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP"),
    ("Access-Control-Max-Age", "3600"),
)


def metadata(call: Call) -> Reply:
    """Serve discovery."""
    return _document(call, call.oauth.discovery_document, 3600)


def jwks(call: Call) -> Reply:
    """Serve the key set; apps keep it for half the time that a new key is published before it signs."""
    return _document(call, call.provider.keys.jwks(), keys.JWKS_SECONDS)


def token(call: Call) -> Reply:
    """Answer token requests."""
    response = token_endpoint.answer(call.provider, call.of_client(token_endpoint.PARAMETERS))
    return Reply(200, JSON_NEVER_KEPT, json.dumps(response).encode())


def revoke(call: Call) -> Reply:
    """Revoke a token. The status is the whole answer (RFC 7009 §2.2)."""
    revocation.revoke(call.provider, call.of_client(revocation.PARAMETERS))
    return Reply(200, NEVER_KEPT, b"")


def introspect(call: Call) -> Reply:
    """Tell what a token is good for, as a JWT where the request accepts that (RFC 9701 §4)."""
    client, introspected = introspection.introspect(call.provider, call.of_client(introspection.PARAMETERS))
    if call.prefers(f"application/{introspection.JWT_TYPE}"):
        body = introspection.signed(call.provider, client, introspected)
        return Reply(200, (("Content-Type", f"application/{introspection.JWT_TYPE}"), *NEVER_KEPT), body.encode())
    return Reply(200, JSON_NEVER_KEPT, json.dumps(introspected).encode())


def userinfo_(call: Call) -> Reply:
    """Answer with claims about the user of an access token."""
    has_form = call.environ["REQUEST_METHOD"] == "POST" and call.has_form
    body = call.form(userinfo.PARAMETERS) if has_form else Parameters()
    found = userinfo.userinfo(call.provider, ResourceRequest(call.authorization, call.proof, call.certificate, body))
    if text := userinfo.as_jwt(call.provider, found):
        return Reply(200, (("Content-Type", "application/jwt"), ("Cache-Control", "no-store")), text.encode())
    headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    return Reply(200, headers, json.dumps(found.claims, sort_keys=True).encode())


def push(call: Call) -> Reply:
    """Keep an authorization request that an app pushes (RFC 9126 §2.2)."""
    kept = pushed_requests.push(call.provider, call.of_client(pushed_requests.PARAMETERS))
    return Reply(201, JSON_NEVER_KEPT, json.dumps(kept).encode())


def device_authorization(call: Call) -> Reply:
    """Give a device without a keyboard its codes (RFC 8628 §3.2)."""
    request = call.of_client(device_grant.PARAMETERS)
    return Reply(200, JSON_NEVER_KEPT, json.dumps(device_grant.start(call.provider, request)).encode())


def backchannel_authentication_(call: Call) -> Reply:
    """Ask a person for their approval (CIBA §7)."""
    request = call.of_client(backchannel_authentication.PARAMETERS)
    return Reply(200, JSON_NEVER_KEPT, json.dumps(backchannel_authentication.start(call.provider, request)).encode())


@dataclass(frozen=True)
class Endpoint:
    """Describe an endpoint for machines: its name in errors, its methods, and its function.

    ``is_ready``: the answer is made from memory and waits for nothing. ``is_on``: whether the installation has it.
    """

    name: str
    methods: tuple[str, ...]
    answer: Callable[[Call], Reply]
    is_ready: bool = False
    is_on: Callable[[Settings], bool] = lambda _: True


READ = ("GET", "HEAD")
ENDPOINTS: Mapping[str, Endpoint] = {
    "/.well-known/openid-configuration": Endpoint("discovery", READ, metadata, is_ready=True),
    "/.well-known/oauth-authorization-server": Endpoint("discovery", READ, metadata, is_ready=True),
    "/oauth/jwks": Endpoint("JWKS", READ, jwks, is_ready=True),
    "/oauth/token": Endpoint("token", ("POST",), token),  # POST only: RFC 6749 §3.2
    "/oauth/par": Endpoint("pushed authorization request", ("POST",), push),
    "/oauth/backchannel_authentication": Endpoint("backchannel authentication", ("POST",), backchannel_authentication_),
    "/oauth/device_authorization": Endpoint("device authorization", ("POST",), device_authorization),
    "/oauth/revoke": Endpoint("revocation", ("POST",), revoke),
    "/oauth/introspect": Endpoint("introspection", ("POST",), introspect),
    "/oauth/userinfo": Endpoint("userinfo", ("GET", "POST"), userinfo_),
    dynamic_registration.PATH: Endpoint(
        "registration", ("GET", "POST", "PUT", "DELETE"), registration_api.answer, is_on=registration_api.is_on
    ),
}
"""The endpoints by path."""


def answer(app: Flask, environ: Mapping[str, Any], request_id: str) -> Reply:
    """Answer a request to one of ``ENDPOINTS``, also when it fails."""
    endpoint, settings = ENDPOINTS[environ["PATH_INFO"]], app.extensions["sleutel"].settings
    if environ["REQUEST_METHOD"] == "OPTIONS" and endpoint.is_on(settings):
        return _preflight(endpoint)
    try:
        reply = _answer(app, endpoint, environ, request_id)
    except OAuthError as error:
        reply = _refuse(endpoint, numbered(error, request_id))
    except Exception as error:  # nothing above a machine's endpoint would word it as JSON
        log.error("unexpected", route=endpoint.name, exc_info=error)
        reply = _refuse(endpoint, numbered(SERVER_ERROR, request_id))
    return Reply(reply.status, (*reply.headers, *_nonce(app, environ), *OPEN_TO_APPS), reply.body)


def _preflight(endpoint: Endpoint) -> Reply:
    """Tell a browser what an app may send, and anybody which methods there are."""
    more = [method for method in endpoint.methods if method not in READ and method != "POST"]
    methods = ("Access-Control-Allow-Methods", ", ".join(("GET", "POST", *more)))
    return Reply(200, (*OPEN_TO_APPS, methods, *PREFLIGHT, ("Allow", ", ".join((*endpoint.methods, "OPTIONS")))), b"")


def _nonce(app: Flask, environ: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Give a client that uses DPoP the nonce for its next proof (RFC 9449 §8.2)."""
    if "HTTP_DPOP" in environ or environ.get("HTTP_AUTHORIZATION", "")[:5].lower() == "dpop ":
        yield "DPoP-Nonce", dpop.new_nonce(app.extensions[NAME].provider)


def _answer(app: Flask, endpoint: Endpoint, environ: Mapping[str, Any], request_id: str) -> Reply:
    """Answer without catching errors. Raises ``OAuthError``."""
    if status := environ.get(REFUSED):
        raise unreadable(status)
    if not endpoint.is_on(app.extensions["sleutel"].settings):
        raise OAuthError("invalid_request", f"This provider has no {endpoint.name} endpoint.", status=404)
    if environ["REQUEST_METHOD"] not in endpoint.methods:
        *others, last = endpoint.methods
        methods = f"{', '.join(others)} and {last}" if others else last
        description = f"The {endpoint.name} endpoint takes {methods} only."
        raise OAuthError("invalid_request", description, status=405)
    call = Call(environ, app.extensions[NAME], app.extensions["sleutel"].settings, request_id)
    try:
        return endpoint.answer(call)
    except Refusal as refusal:
        retry_after = int(getattr(refusal, "retry_after", 0))
        raise OAuthError(
            "temporarily_unavailable", "Please wait.", status=refusal.status, retry_after=retry_after
        ) from refusal
    except SQLAlchemyError as error:
        if not outage.is_outage(error) and not outage.is_overtaken(error):
            raise
        # RFC 6749 §4.1.2.1 has this error for such a state; the token endpoint has no better one.
        log.error("database_unavailable", route=endpoint.name, reason=outage.reason_of(error))
        raise OAuthError(
            "temporarily_unavailable", "Please try again.", status=503, retry_after=outage.RETRY_SECONDS
        ) from error


def _refuse(endpoint: Endpoint, error: OAuthError) -> Reply:
    log.info("oauth_error", error=error.error, detail=error.detail, route=endpoint.name)
    allow: Iterable[tuple[str, str]] = (("Allow", ", ".join(endpoint.methods)),) if error.status == 405 else ()
    return Reply(error.status, (*error.headers, *allow), json.dumps(error.body).encode())


@lru_cache(maxsize=8)
def _tag(body: bytes) -> str:
    return crypto.b64url(crypto.sha256(body)[:16])


def _document(call: Call, body: bytes, seconds: int) -> Reply:
    """Send ready bytes that may be cached, with a validator (RFC 9110 §8.8.3)."""
    tag = _tag(body)
    headers = (("ETag", f'"{tag}"'), ("Cache-Control", f"public, max-age={seconds}"))
    if parse_etags(call.environ.get("HTTP_IF_NONE_MATCH")).contains_weak(tag):
        return Reply(304, headers, b"")
    return Reply(200, (("Content-Type", "application/json"), *headers), body)
