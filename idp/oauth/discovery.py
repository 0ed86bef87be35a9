"""Describe the provider (OpenID Connect Discovery §3, RFC 8414 §2), in one document under both names."""

import json
from typing import Any

from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from idp.languages import LANGUAGES
from idp.oauth import client_metadata, dpop, encryption, request_objects
from idp.oauth.authorization_checks import DISPLAYS, PROMPTS
from idp.oauth.claims import SUPPORTED
from idp.oauth.dynamic_registration import PATH as REGISTRATION
from idp.oauth.provider import Provider
from idp.oauth.public_keys import FORMS
from idp.oauth.response_modes import RESPONSE_MODES
from idp.oauth.signing_secrets import BY_MAC
from idp.sections import LEVELS

TAKE_CERTIFICATES = {
    "token_endpoint": "/oauth/token",
    "pushed_authorization_request_endpoint": "/oauth/par",
    "revocation_endpoint": "/oauth/revoke",
    "introspection_endpoint": "/oauth/introspect",
    "userinfo_endpoint": "/oauth/userinfo",
    "device_authorization_endpoint": "/oauth/device_authorization",
    "backchannel_authentication_endpoint": "/oauth/backchannel_authentication",
}
"""The endpoints at which a certificate means something."""


def document(provider: Provider) -> dict[str, Any]:
    """Return what is supported; what is not listed here is refused or ignored."""
    issuer, methods = provider.issuer, client_metadata.usable_methods(provider.settings)
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "userinfo_endpoint": f"{issuer}/oauth/userinfo",
        "jwks_uri": f"{issuer}/oauth/jwks",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "end_session_endpoint": f"{issuer}/oauth/logout",
        "scopes_supported": list(client_metadata.SCOPES),
        "response_types_supported": list(client_metadata.RESPONSE_TYPES),
        "grant_types_supported": list(client_metadata.GRANT_TYPES),
        "subject_types_supported": ["public", "pairwise"],
        "token_endpoint_auth_methods_supported": list(methods),
        "revocation_endpoint_auth_methods_supported": list(methods),
        "introspection_endpoint_auth_methods_supported": [one for one in methods if one != "none"],
        **{
            f"{endpoint}_endpoint_auth_signing_alg_values_supported": [*FORMS, *BY_MAC]
            for endpoint in ("token", "revocation", "introspection")
        },
        "dpop_signing_alg_values_supported": list(dpop.ALGORITHMS),
        "tls_client_certificate_bound_access_tokens": provider.settings.server.passes_certificates,
        "code_challenge_methods_supported": ["S256"],
        "acr_values_supported": _acr_values(provider),
        "prompt_values_supported": list(PROMPTS),
        "display_values_supported": list(DISPLAYS),
        "claim_types_supported": ["normal"],
        "claims_supported": list(SUPPORTED),
        "ui_locales_supported": list(LANGUAGES),
        **_of_requests(provider),
        **_of_answers(),
        **_of_back_channel(issuer),
        **_aliases(provider),
        **({} if provider.settings.clients.registration == "off" else {"registration_endpoint": f"{issuer}{REGISTRATION}"}),
    }


def _of_requests(provider: Provider) -> dict[str, Any]:
    """Return in what forms an authorization request and its answer may travel."""
    return {
        "pushed_authorization_request_endpoint": f"{provider.issuer}/oauth/par",
        "response_modes_supported": list(RESPONSE_MODES),
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
        "request_object_signing_alg_values_supported": list(request_objects.ALGORITHMS),
        "require_signed_request_object": False,
        "request_uri_parameter_supported": True,
        "require_request_uri_registration": True,
        "require_pushed_authorization_requests": provider.settings.clients.require_pushed_authorization_requests,
        "authorization_response_iss_parameter_supported": True,
    }


def _of_answers() -> dict[str, Any]:
    """Return how tokens and answers can be signed and encrypted."""
    return {
        f"{kind}_{what}_values_supported": list(values)
        for kind in encryption.KINDS
        for what, values in (
            ("signing_alg", client_metadata.SIGNING_ALGORITHMS),
            ("encryption_alg", encryption.ALGORITHMS),
            ("encryption_enc", encryption.ENCODINGS),
        )
    }


def _aliases(provider: Provider) -> dict[str, Any]:
    """Return the addresses for apps that show a certificate (RFC 8705 §5), where a proxy has others for them."""
    server = provider.settings.server
    base = server.client_certificate_address
    if not base or not server.passes_certificates:
        return {}
    return {"mtls_endpoint_aliases": {name: base + path for name, path in TAKE_CERTIFICATES.items()}}


def _acr_values(provider: Provider) -> list[str]:
    """Return the levels that can be reached: the highest needs roots to check a maker's attestation with."""
    reachable = LEVELS if provider.settings.attestation_roots else LEVELS - 1
    return [name for name, level in provider.settings.acr.names.items() if level <= reachable]


def _of_back_channel(issuer: str) -> dict[str, Any]:
    """Return what goes between an app's server or device and us, without a browser."""
    return {
        "device_authorization_endpoint": f"{issuer}/oauth/device_authorization",
        "backchannel_authentication_endpoint": f"{issuer}/oauth/backchannel_authentication",
        "backchannel_token_delivery_modes_supported": ["poll", "ping"],
        "backchannel_authentication_request_signing_alg_values_supported": list(FORMS),
        "backchannel_user_code_parameter_supported": False,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }


def ready_bytes(provider: Provider) -> bytes:
    """Return the document as JSON, made once for each process; raises ``ValueError`` where Authlib finds it malformed."""
    found = document(provider)
    if provider.settings.is_secure:  # RFC 8414 knows https only; a loopback issuer is for tests
        AuthorizationServerMetadata(found).validate()
    return json.dumps(found, separators=(",", ":")).encode()
