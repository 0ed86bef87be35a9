"""Serve the endpoint at which apps register themselves and change that (RFC 7591 §3, RFC 7592 §2), for ``oauth_api``.

An app's own address is that of the endpoint with its ``client_id`` as the query (OpenID Connect Registration §4).
"""

import json
from urllib.parse import parse_qs

from idp.config import Settings
from idp.oauth import dynamic_registration
from idp.oauth.dynamic_registration import RegistrationRequest
from idp.oauth.errors import JSON_NEVER_KEPT, NEVER_KEPT
from idp.oauth.self_registered import invalid_metadata
from idp.web.machine_call import Call, Reply


def is_on(settings: Settings) -> bool:
    """Return whether apps may register themselves."""
    return settings.clients.registration != "off"


def answer(call: Call) -> Reply:
    """Answer a request to register, or to read, replace or delete a registration."""
    provider, method = call.provider, call.environ["REQUEST_METHOD"]
    request = _request(call, has_body=method in ("POST", "PUT"))
    if method == "DELETE":
        dynamic_registration.delete(provider, request)
        return Reply(204, NEVER_KEPT, b"")
    act = {"POST": dynamic_registration.register, "PUT": dynamic_registration.replace}.get(method, dynamic_registration.read)
    registered = act(provider, request)
    return Reply(201 if method == "POST" else 200, JSON_NEVER_KEPT, json.dumps(registered).encode())


def _request(call: Call, *, has_body: bool) -> RegistrationRequest:
    metadata = call.json() if has_body else {}
    if not isinstance(metadata, dict):
        raise invalid_metadata("The metadata must be one JSON object.")
    scheme, _, token = call.authorization.partition(" ")
    found = parse_qs(str(call.environ.get("QUERY_STRING", "")))
    return RegistrationRequest(
        token=token.strip() if scheme.lower() == "bearer" else "",
        client_id=found.get("client_id", [""])[0],
        metadata=metadata,
        address=call.address,
        request_id=call.request_id,
    )
