"""Say in words what each field of an app's form means."""

from collections.abc import Mapping

from idp.errors import Message, say

TEXTS = "in_languages"
"""The field for texts with a language, as ``client_name#nl = Kassa``, one a line."""

MEANINGS: Mapping[str, Message] = {
    "client_name": say("The name that people see."),
    "redirect_uris": say("Addresses that answers may go to, one per line. They must match exactly."),
    "post_logout_redirect_uris": say("Addresses that people may go to after signing out, one per line."),
    "backchannel_logout_uri": say("Where the app is told, server to server, that somebody has signed out."),
    "backchannel_logout_session_required": say("The app needs to know which session ended. Here the app is always told."),
    "backchannel_token_delivery_mode": say("How the app learns of an approval: it polls, or it is pinged."),
    "backchannel_client_notification_endpoint": say("Where the app is pinged, for approvals (CIBA)."),
    "backchannel_authentication_request_signing_alg": say(
        "How the app signs its requests for approvals. Leave empty if it does not."
    ),
    "application_type": say("web: on a server. native: on a phone, tablet or till; it cannot keep a secret."),
    "token_endpoint_auth_method": say(
        "How the app authenticates: a secret in the header or in the body; client_secret_jwt: a signature by "
        "its secret; private_key_jwt: its own key; tls_client_auth: a TLS certificate from an authority; "
        "self_signed_tls_client_auth: one of its own; none: a public app. Leave empty for a secret in either "
        "way."
    ),
    "require_pkce": say(
        "PKCE makes a stolen answer useless. true: always needed. false: never. Leave empty to accept a nonce instead."
    ),
    "require_pushed_authorization_requests": say("The app must send its requests to us itself, not by the browser (PAR)."),
    "require_signed_request_object": say("The app must sign its requests (JAR)."),
    "request_uris": say("Addresses where the app publishes its signed requests, one per line."),
    "request_object_signing_alg": say("How the app signs its requests. Leave empty to allow each of these."),
    "authorization_signed_response_alg": say("How answers to requests are signed, if the app asks for signed ones."),
    "jwks": say("The app's public keys, as a JSON Web Key Set."),
    "jwks_uri": say("Or the address where the app publishes its public keys."),
    "token_endpoint_auth_signing_alg": say(
        "The one algorithm of the app's private_key_jwt or client_secret_jwt (HS…). Leave empty to allow "
        "every one that fits."
    ),
    "grant_types": say(
        "authorization_code: people sign in. refresh_token: the app may stay signed in. "
        "client_credentials: no person is needed. device_code: people sign in at a device without a keyboard. "
        "token-exchange: an API calls another one for a person. ciba: the app asks a person for an approval."
    ),
    "response_types": say("code: the usual flow. code id_token: the answer has an ID token too (hybrid flow)."),
    "scope": say("What the app may ask to see. A first-party app sees it without asking."),
    "default_acr_values": say("How strongly people must sign in if the app does not ask for a level."),
    "default_max_age": say(
        "Seconds after which people confirm again who they are, if the app does not ask for a time. Leave empty for never."
    ),
    "require_auth_time": say("The ID token says when the person signed in. Here it always does."),
    "id_token_signed_response_alg": say("How ID tokens are signed: RS256 works everywhere, ES256 is shorter."),
    "userinfo_signed_response_alg": say("How userinfo is signed. Leave empty for JSON without a signature."),
    "id_token_encrypted_response_alg": say(
        "How ID tokens are encrypted by a key of the app. Leave empty for no encryption."
    ),
    "userinfo_encrypted_response_alg": say("The same for userinfo."),
    "introspection_encrypted_response_alg": say("The same for signed answers about tokens."),
    "authorization_encrypted_response_alg": say("The same for signed answers to requests."),
    **{
        f"{kind}_encrypted_response_enc": say("The algorithm for the content. Leave empty for A128CBC-HS256.")
        for kind in ("id_token", "userinfo", "introspection", "authorization")
    },
    "id_token_claims": say("The ID token has all that the scopes give, for apps that read nothing else."),
    "claims": say('Claims under names of the app, as JSON, for example {"roles": "role"}: the name, and its source.'),
    "token_exchange_resources": say("APIs for which the app may exchange tokens that it receives: one identifier per line."),
    "resource": say(
        "For an API: its identifier, its scopes with words for people, and what its access tokens contain, as JSON: "
        '{"identifier": "https://stock.example.com/api", "scopes": {"stock.read": "See the stock"}, "claims": ["role"]}.'
    ),
    "authorization_details_types": say("Types of actions that the app may ask people to allow, each time, one per line."),
    "introspection_signed_response_alg": say("How answers about tokens are signed, if the app asks for signed ones."),
    "dpop_bound_access_tokens": say("Tokens work only with the key that the app proves to hold (DPoP)."),
    "tls_client_auth_subject_dn": say("For tls_client_auth: the name in the certificate, as in CN=till,O=Shop,C=NL."),
    "tls_client_auth_san_dns": say("Or a host name that the certificate is for."),
    "tls_client_auth_san_uri": say("Or an address (URI) that the certificate is for."),
    "tls_client_auth_san_ip": say("Or an IP address that the certificate is for."),
    "tls_client_auth_san_email": say("Or an e-mail address that the certificate is for."),
    "tls_client_certificate_bound_access_tokens": say("Tokens work only with the app's own TLS certificate."),
    "subject_type": say(
        "public: all apps know a person by the same ID. pairwise: apps of different hosts know different IDs."
    ),
    "sector_identifier_uri": say("For pairwise: a list of redirect addresses; apps that share it know a person by one ID."),
    "client_uri": say("The app's home page. People can open it from their own home page."),
    "logo_uri": say("The address of the app's icon, up to 64 kB: we copy it for people's home page."),
    "policy_uri": say("The app's privacy statement, shown where people are asked to allow the app."),
    "tos_uri": say("The app's terms of use, shown there as well."),
    "initiate_login_uri": say("Where the app begins a sign-in that starts elsewhere."),
    "contacts": say("E-mail addresses of the people who look after the app, one per line."),
    TEXTS: say("Names and addresses in one language, one per line, for example client_name#nl = Kassa."),
    "first_party": say("This is one of our own apps: people are not asked for consent."),
    "minimum_acr": say("The lowest level that people need here, whatever the app asks."),
    "remember_device": say("People may have their device remembered."),
    "shared_device": say("Shared device: always ask who is working."),
    "security_profile": say(
        "fapi-2.0: the app is held to the whole FAPI 2.0 Security Profile: pushed requests, PKCE, bound tokens, its own key."
    ),
    "offline_access_survives_logout": say(
        "With offline_access the app keeps its access also after people sign out, for example to work in the background."
    ),
    "organisations": say("Store URLs of the organisations that the app serves, one per line. Leave empty for all."),
}
"""The meaning of each field, in words."""
