"""Name each field of an app's form, and tell which fields fit what the app is."""

from collections.abc import Mapping
from typing import Any

from idp.errors import Message, say
from idp.oauth.certificate_subjects import MEMBERS as SUBJECTS
from idp.oauth.client_kinds import kind_of
from idp.oauth.client_metadata import CIBA, TOKEN_EXCHANGE
from idp.web.admin.client_meanings import TEXTS

LABELS: Mapping[str, Message] = {
    "client_name": say("Name"),
    "client_uri": say("Home page"),
    "logo_uri": say("Address of the logo"),
    "policy_uri": say("Privacy statement"),
    "tos_uri": say("Terms of use"),
    "contacts": say("Contacts"),
    TEXTS: say("Names and addresses by language"),
    "redirect_uris": say("Redirect addresses"),
    "post_logout_redirect_uris": say("Addresses after signing out"),
    "backchannel_logout_uri": say("Address for notices of sign-outs"),
    "backchannel_logout_session_required": say("Tell which session ended"),
    "backchannel_token_delivery_mode": say("How the app learns of an approval"),
    "backchannel_client_notification_endpoint": say("Address for notices of approvals"),
    "backchannel_authentication_request_signing_alg": say("Signature of requests for approvals"),
    "application_type": say("Where the app runs"),
    "token_endpoint_auth_method": say("How the app authenticates"),
    "require_pkce": say("PKCE needed"),
    "require_pushed_authorization_requests": say("Pushed requests only"),
    "require_signed_request_object": say("Signed requests only"),
    "grant_types": say("Ways to get tokens"),
    "response_types": say("Flows"),
    "scope": say("What the app may ask to see"),
    "default_acr_values": say("Usual level of sign-in"),
    "default_max_age": say("Confirm again after (seconds)"),
    "initiate_login_uri": say("Address where a sign-in begins"),
    "first_party": say("One of our own apps"),
    "minimum_acr": say("Lowest level of sign-in"),
    "remember_device": say("Devices may be remembered"),
    "shared_device": say("Shared device"),
    "organisations": say("Organisations"),
    "security_profile": say("Security profile"),
    "offline_access_survives_logout": say("Keeps access after signing out"),
    "require_auth_time": say("Tell when the person signed in"),
    "id_token_signed_response_alg": say("Signature of ID tokens"),
    "request_uris": say("Addresses of signed requests"),
    "request_object_signing_alg": say("Signature of requests"),
    "jwks": say("Public keys"),
    "jwks_uri": say("Address of the public keys"),
    "token_endpoint_auth_signing_alg": say("Signature by which the app authenticates"),
    "tls_client_auth_subject_dn": say("Certificate: name"),
    "tls_client_auth_san_dns": say("Certificate: host name"),
    "tls_client_auth_san_uri": say("Certificate: address (URI)"),
    "tls_client_auth_san_ip": say("Certificate: IP address"),
    "tls_client_auth_san_email": say("Certificate: e-mail address"),
    "authorization_signed_response_alg": say("Signature of answers to requests"),
    "userinfo_signed_response_alg": say("Signature of userinfo"),
    "id_token_encrypted_response_alg": say("Encryption of ID tokens: key"),
    "id_token_encrypted_response_enc": say("Encryption of ID tokens: content"),
    "userinfo_encrypted_response_alg": say("Encryption of userinfo: key"),
    "userinfo_encrypted_response_enc": say("Encryption of userinfo: content"),
    "introspection_encrypted_response_alg": say("Encryption of answers about tokens: key"),
    "introspection_encrypted_response_enc": say("Encryption of answers about tokens: content"),
    "authorization_encrypted_response_alg": say("Encryption of answers to requests: key"),
    "authorization_encrypted_response_enc": say("Encryption of answers to requests: content"),
    "id_token_claims": say("Everything in the ID token"),
    "claims": say("Claims under other names"),
    "resource": say("This app as an API"),
    "token_exchange_resources": say("APIs for which the app may exchange tokens"),
    "authorization_details_types": say("Types of actions"),
    "introspection_signed_response_alg": say("Signature of answers about tokens"),
    "dpop_bound_access_tokens": say("Tokens bound to a key (DPoP)"),
    "tls_client_certificate_bound_access_tokens": say("Tokens bound to a certificate"),
    "subject_type": say("IDs of people"),
    "sector_identifier_uri": say("Apps that know the same IDs"),
}
"""The name of each field, in words."""
FIRST = frozenset(
    ("client_name", "client_uri", "redirect_uris", "post_logout_redirect_uris", "scope", "organisations", "first_party")
)
"""What people change most. The others are below "More settings"."""
AT_BROWSER = frozenset(
    (
        "redirect_uris", "post_logout_redirect_uris", "response_types", "require_pkce", "initiate_login_uri",
        "require_pushed_authorization_requests", "require_signed_request_object", "request_uris",
        "request_object_signing_alg", "authorization_signed_response_alg", "authorization_encrypted_response_alg",
        "authorization_encrypted_response_enc",
    )
)  # fmt: skip
OF_PEOPLE = AT_BROWSER | frozenset(
    (
        "backchannel_logout_uri", "backchannel_logout_session_required", "default_acr_values", "default_max_age",
        "require_auth_time", "offline_access_survives_logout", "id_token_claims", "claims", "userinfo_signed_response_alg",
        "userinfo_encrypted_response_alg", "userinfo_encrypted_response_enc", "id_token_encrypted_response_alg",
        "id_token_encrypted_response_enc", "authorization_details_types", "sector_identifier_uri",
    )
)  # fmt: skip
OF_SERVERS = frozenset(
    (
        "token_endpoint_auth_signing_alg", "security_profile", "tls_client_certificate_bound_access_tokens",
        "introspection_signed_response_alg", "introspection_encrypted_response_alg",
        "introspection_encrypted_response_enc", *SUBJECTS,
    )
)  # fmt: skip
OF_APPROVALS = frozenset(
    (
        "backchannel_token_delivery_mode", "backchannel_client_notification_endpoint",
        "backchannel_authentication_request_signing_alg",
    )
)  # fmt: skip


def fits(name: str, metadata: Mapping[str, Any], *, shared: bool) -> bool:
    """Return whether a field makes sense for what an app is."""
    kind, grants = kind_of(metadata, shared=shared), metadata.get("grant_types", ())
    if name in OF_APPROVALS:
        return CIBA in grants
    if name == "token_exchange_resources":
        return TOKEN_EXCHANGE in grants
    if name == "resource":
        return kind == "api"
    if name in OF_SERVERS:
        return kind not in ("spa", "phone", "device")
    return kind != "api" if name in OF_PEOPLE - AT_BROWSER else kind not in ("api", "device") or name not in AT_BROWSER
