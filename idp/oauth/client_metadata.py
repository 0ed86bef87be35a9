"""Check a client's metadata (RFC 7591, OpenID Connect Registration) and complete it with the standards' defaults."""

from collections.abc import Callable, Mapping
from typing import Any

from idp import normal_forms
from idp.config import Settings
from idp.errors import Invalid, say, say_many
from idp.oauth import encryption, security_profile
from idp.oauth.added_claims import check_added_claims
from idp.oauth.certificate_subjects import MEMBERS as SUBJECTS
from idp.oauth.certificate_subjects import check_subject
from idp.oauth.client_key_sets import check_jwks
from idp.oauth.public_keys import FORMS
from idp.oauth.redirect_uris import check_page, check_redirect
from idp.oauth.request_documents import check_request_uri
from idp.oauth.resource_metadata import check_identifiers, check_resource, is_scope_of_api
from idp.oauth.sectors import check_sector
from idp.oauth.signing_secrets import BY_MAC
from idp.oauth.signing_secrets import METHOD as SECRET_JWT

SCOPES = ("openid", "profile", "email", "phone", "address", "offline_access", "organisation", "groups", "roles")
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
MAY_EXCHANGE_FOR = "token_exchange_resources"
CIBA = "urn:openid:params:grant-type:ciba"
GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials", DEVICE_CODE, TOKEN_EXCHANGE, CIBA)
OF_PEOPLE = frozenset(("authorization_code", DEVICE_CODE, CIBA))
"""The grant types by which people sign in, and after which tokens can be refreshed."""
OF_PROVEN_CLIENTS = frozenset(("client_credentials", TOKEN_EXCHANGE, CIBA))
"""The grant types in which nothing but the client's own proof keeps strangers away."""
HYBRID = "code id_token"
IMPLICIT = "implicit"
"""What stands beside the response type ``HYBRID`` in ``grant_types`` (Registration §2). It gives nothing by itself."""
RESPONSE_TYPES = ("code", HYBRID)
SECRET_METHODS = ("client_secret_basic", "client_secret_post")
"""What a client may use that names no ``token_endpoint_auth_method``."""
TLS_METHODS = ("tls_client_auth", "self_signed_tls_client_auth")
AUTH_METHODS = (*SECRET_METHODS, SECRET_JWT, "private_key_jwt", *TLS_METHODS, "none")
SIGNING_ALGORITHMS = ("RS256", "ES256")
MOST_ADDRESSES = 50
OURS_IN_METADATA = frozenset(
    {
        "claims", "id_token_claims", "offline_access_survives_logout", "require_pkce", "resource", MAY_EXCHANGE_FOR,
        security_profile.MEMBER,
    }
)  # fmt: skip
"""Members that no standard registers. Operators alone set them, never an app that registers itself."""

Check = Callable[[str, Any], Any]


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 200 or not value.isprintable():
        raise Invalid(field, say("This must be text of 1 to 200 characters."))
    return value.strip()


def _name(field: str, value: Any) -> str:
    """Check a name that people read; raises ``Invalid``. Programs register apps, so the name is refused, not corrected."""
    return normal_forms.name(field, _text(field, value), 200, say("This must be text of 1 to 200 characters."))


def _truth(field: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Invalid(field, say("This must be true or false."))
    return value


def _seconds(field: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise Invalid(field, say("This must be a number of seconds, 0 or more."))
    return value


def _list(field: str, value: Any) -> list[Any]:
    if not isinstance(value, list | tuple) or len(value) > MOST_ADDRESSES:
        raise Invalid(
            field,
            say_many(
                "This must be a list of at most %(num)s entry.",
                "This must be a list of at most %(num)s entries.",
                MOST_ADDRESSES,
            ),
        )
    return list(value)


def _texts(field: str, value: Any) -> list[str]:
    return [_text(field, entry) for entry in _list(field, value)]


def _request_uris(field: str, value: Any) -> list[str]:
    return list(dict.fromkeys(check_request_uri(field, entry) for entry in _list(field, value)))


def _one_of(*allowed: str) -> Check:
    def check(field: str, value: Any) -> str:
        if value not in allowed or not isinstance(value, str):
            raise Invalid(field, say("This must be one of %(allowed)s.", allowed=", ".join(allowed)))
        return str(value)

    return check


def _some_of(*allowed: str, also: tuple[str, ...] = ()) -> Check:
    def check(field: str, value: Any) -> list[str]:
        chosen = _list(field, value)
        if not all(isinstance(entry, str) and entry in (*allowed, *also) for entry in chosen):
            raise Invalid(field, say("Each entry must be one of %(allowed)s.", allowed=", ".join(allowed)))
        return list(dict.fromkeys(chosen))

    return check


def _scope(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Invalid(field, say("This must be text: scopes with a space between."))
    # RFC 7591 §2: the server may leave out what it does not know. The client that is the API may be registered later.
    given = value.split(" ")
    return " ".join((*(scope for scope in SCOPES if scope in given), *dict.fromkeys(filter(is_scope_of_api, given))))


def _response_types(field: str, value: Any) -> list[str]:
    """Take them in any order of their words (OAuth 2.0 Multiple Response Type Encoding Practices §2)."""
    given = [" ".join(sorted(entry.split())) if isinstance(entry, str) else entry for entry in _list(field, value)]
    return list(_some_of(*RESPONSE_TYPES)(field, given))


CHECKS: Mapping[str, Check] = {
    "client_name": _name,
    "grant_types": _some_of(*GRANT_TYPES, also=(IMPLICIT,)),
    "response_types": _response_types,
    "token_endpoint_auth_method": _one_of(*AUTH_METHODS),
    "id_token_signed_response_alg": _one_of(*SIGNING_ALGORITHMS),
    "introspection_signed_response_alg": _one_of(*SIGNING_ALGORITHMS),
    "dpop_bound_access_tokens": _truth,
    "tls_client_certificate_bound_access_tokens": _truth,
    **dict.fromkeys(SUBJECTS, check_subject),
    "application_type": _one_of("web", "native"),
    "require_pkce": _truth,
    security_profile.MEMBER: _one_of(security_profile.FAPI),
    "id_token_claims": _truth,
    "claims": check_added_claims,
    "require_pushed_authorization_requests": _truth,
    "resource": check_resource,
    "authorization_details_types": _texts,
    "offline_access_survives_logout": _truth,
    "require_signed_request_object": _truth,
    "request_object_signing_alg": _one_of(*FORMS),
    "request_uris": _request_uris,
    "jwks": check_jwks,
    "jwks_uri": check_page,
    "token_endpoint_auth_signing_alg": _one_of(*FORMS, *BY_MAC),
    "authorization_signed_response_alg": _one_of(*SIGNING_ALGORITHMS),
    "userinfo_signed_response_alg": _one_of(*SIGNING_ALGORITHMS),
    **{encryption.alg_member(kind): _one_of(*encryption.ALGORITHMS) for kind in encryption.KINDS},
    **{encryption.enc_member(kind): _one_of(*encryption.ENCODINGS) for kind in encryption.KINDS},
    MAY_EXCHANGE_FOR: check_identifiers,
    "subject_type": _one_of("public", "pairwise"),
    "sector_identifier_uri": check_page,
    "default_max_age": _seconds,
    "require_auth_time": _truth,
    "scope": _scope,
    "contacts": _texts,
    "logo_uri": check_page,
    "policy_uri": check_page,
    "tos_uri": check_page,
    "client_uri": check_page,
    "initiate_login_uri": check_page,
    "backchannel_logout_uri": check_page,
    "backchannel_logout_session_required": _truth,
    "backchannel_token_delivery_mode": _one_of("poll", "ping"),
    "backchannel_authentication_request_signing_alg": _one_of(*FORMS),
    "backchannel_client_notification_endpoint": check_page,
}
IN_LANGUAGES = ("client_name", "logo_uri", "policy_uri", "tos_uri", "client_uri")
"""Members that may carry a language, as ``client_name#nl`` (RFC 7591 §2.2)."""
MEMBERS = (*CHECKS, "redirect_uris", "post_logout_redirect_uris", "default_acr_values")
"""Every member that is understood."""


def validate_metadata(given: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Return the metadata to store: understood members only, checked, with the standards' defaults; raises ``Invalid``.

    RFC 7591 §2: members that are not understood are ignored. ``None`` counts as left out.
    """
    stated = {name: value for name, value in given.items() if value is not None}
    found = {name: _check(name)(name, value) for name, value in stated.items() if _check(name) is not _ignored}
    native = found.setdefault("application_type", "web") == "native"
    for name in ("redirect_uris", "post_logout_redirect_uris"):
        addresses = [check_redirect(name, entry, native=native) for entry in _list(name, stated.get(name, []))]
        found[name] = list(dict.fromkeys(addresses))
    if "default_acr_values" in stated:
        found["default_acr_values"] = _some_of(*settings.acr.names)("default_acr_values", stated["default_acr_values"])
    if found.get("token_endpoint_auth_method") not in (None, *usable_methods(settings)):
        raise Invalid(
            "token_endpoint_auth_method",
            say("This needs a proxy that passes the certificates of apps: see server.client_certificate_header."),
        )
    return _complete(found)


def usable_methods(settings: Settings) -> tuple[str, ...]:
    """Return the methods by which clients can authenticate here. Only a proxy sees the certificates of apps."""
    server = settings.server
    can = dict(zip(TLS_METHODS, (server.verifies_certificates, server.passes_certificates), strict=True))
    return tuple(method for method in AUTH_METHODS if can.get(method, True))


def accepted_methods(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the methods by which a client may authenticate: the one that it names, or either way to send a secret.

    RFC 7591 §2 makes client_secret_basic the default. Half of the libraries use client_secret_post unless told otherwise.
    """
    named = metadata.get("token_endpoint_auth_method")
    return (str(named),) if named else SECRET_METHODS


def _ignored(_: str, value: Any) -> Any:
    return value


def _check(name: str) -> Check:
    base, sharp, tag = name.partition("#")
    if sharp and (base not in IN_LANGUAGES or not tag.replace("-", "").isalnum() or len(tag) > 35):
        return _ignored
    return CHECKS.get(base, _ignored)


def _complete(found: dict[str, Any]) -> dict[str, Any]:
    """Set the defaults of RFC 7591 §2 and OpenID Connect Registration §2, and refuse members that contradict each other."""
    found.setdefault("grant_types", ["authorization_code"])
    found.setdefault("response_types", ["code"] if "authorization_code" in found["grant_types"] else [])
    if HYBRID not in found["response_types"]:
        _some_of(*GRANT_TYPES)("grant_types", found["grant_types"])  # without IMPLICIT
    security_profile.complete(found)
    found.setdefault("id_token_signed_response_alg", "RS256")
    found.setdefault("subject_type", "public")
    found.setdefault("scope", _default_scope(found["grant_types"]))
    if "refresh_token" in found["grant_types"] and not OF_PEOPLE.intersection(found["grant_types"]):
        raise Invalid("grant_types", say("refresh_token also needs authorization_code or the device grant."))
    if "authorization_code" in found["grant_types"] and not found["redirect_uris"]:
        raise Invalid("redirect_uris", say("At least one address is needed."))
    if "authorization_code" in found["grant_types"] and not found["response_types"]:
        raise Invalid("response_types", say("authorization_code needs the response type code."))
    proving = [name for name in found["grant_types"] if name in OF_PROVEN_CLIENTS]
    if proving and found.get("token_endpoint_auth_method") == "none":
        raise Invalid("grant_types", say("%(grant)s needs an app with a secret.", grant=proving[0]))
    _complete_approvals(found)
    check_sector(found)
    _require_proof(found)
    encryption.complete_members(found)
    # RFC 9700 §2.1.1: "Public clients MUST use PKCE": nothing else keeps a stolen code from being redeemed.
    if found.get("token_endpoint_auth_method") == "none" and found.get("require_pkce") is False:
        raise Invalid("require_pkce", say("A public app always needs PKCE."))
    return found


def _require_proof(found: Mapping[str, Any]) -> None:
    """Refuse a client without that by which its method proves it, and one that gives it in two places."""
    method = found.get("token_endpoint_auth_method")
    if "jwks" in found and "jwks_uri" in found:  # RFC 7591 §2: "MUST NOT both be present in the same request or response"
        raise Invalid("jwks", say("Enter the keys or their address, not both."))
    alg = found.get("token_endpoint_auth_signing_alg")
    if alg is not None and (alg in BY_MAC) != (method == SECRET_JWT):
        raise Invalid(
            "token_endpoint_auth_signing_alg",
            say("HS256, HS384 and HS512 are for client_secret_jwt, which takes no others."),
        )
    if method == "private_key_jwt" and not {"jwks", "jwks_uri"} & set(found):
        raise Invalid("jwks", say("private_key_jwt needs the app's public keys, or their address in jwks_uri."))
    if method == "self_signed_tls_client_auth" and not (
        "jwks_uri" in found or any("x5c" in key for key in found.get("jwks", {"keys": ()})["keys"])
    ):
        raise Invalid("jwks", say("The certificate of the app is needed, as x5c of a key, or its address in jwks_uri."))
    # RFC 8705 §2.1.2: "MUST use exactly one of the below metadata parameters".
    subjects = [name for name in SUBJECTS if name in found]
    if len(subjects) != (method == "tls_client_auth"):
        field = subjects[-1] if subjects else SUBJECTS[0]
        raise Invalid(field, say("tls_client_auth needs exactly one subject of a certificate; no other method takes one."))


def _complete_approvals(found: dict[str, Any]) -> None:
    """CIBA §4: a client that is to be told of a decision says where."""
    if CIBA not in found["grant_types"]:
        return
    mode = found.setdefault("backchannel_token_delivery_mode", "poll")
    if mode == "ping" and "backchannel_client_notification_endpoint" not in found:
        raise Invalid("backchannel_client_notification_endpoint", say("At least one address is needed."))
    if "backchannel_authentication_request_signing_alg" in found and not {"jwks", "jwks_uri"} & set(found):
        raise Invalid("jwks", say("Signed requests need the app's public keys, or their address in jwks_uri."))


def _default_scope(grant_types: list[str]) -> str:
    return " ".join(scope for scope in SCOPES if scope != "offline_access" or "refresh_token" in grant_types)
