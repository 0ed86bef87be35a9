"""An authorization request, validated (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1, RFC 7636, RFC 9470)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from idp.identity.organisations.settings import normal_store_url
from idp.oauth import request_object
from idp.oauth.authorization_response import mode_of
from idp.oauth.claims_request import ClaimsAsked, read_claims
from idp.oauth.clients import RegisteredClient
from idp.oauth.errors import OAuthError, invalid_request
from idp.oauth.id_token_hints import read_hint, shorten_hint
from idp.oauth.pkce import challenge_of
from idp.oauth.provider import Provider
from idp.oauth.request_parameters import LONGEST_NONCE, WHOLE, Parameters
from idp.oauth.test_sign_in import permission

PROMPTS = ("none", "login", "consent", "select_account")
PARAMETERS = frozenset(
    (
        "response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "response_mode", "code_challenge",
        "code_challenge_method", "prompt", "max_age", "acr_values", "claims", "id_token_hint", "login_hint", "ui_locales",
        "organisation", *request_object.PARAMETERS,
    )
)  # fmt: skip
SECONDS = re.compile(r"[0-9]{1,9}")
SUBJECT = re.compile(r"[a-z2-7]{26}")
LONGEST_ACR = 255


@dataclass(frozen=True)
class Destination:
    """Where answers to a request go: a client that exists and an address that is its own."""

    client: RegisteredClient
    redirect_uri: str


@dataclass(frozen=True)
class AuthorizationRequest:
    """What a client asks for.

    ``carried``: the parameters as they came, to be read again on the way back; of an ``id_token_hint`` the sealed form.
    """

    client: RegisteredClient
    redirect_uri: str
    redirect_uri_sent: bool
    mode: str
    state: str
    scopes: tuple[str, ...]
    nonce: str
    code_challenge: str
    claims: ClaimsAsked
    prompt: tuple[str, ...]
    max_age: int | None
    acr: tuple[str, ...]
    subject: str
    login_hint: str
    ui_locales: tuple[str, ...]
    organisation: str
    carried: Mapping[str, str]


def destination_of(provider: Provider, parameters: Parameters, browser_id: str = "") -> Destination:
    """Client and address, before anything else is looked at; raises faults that are shown, never sent.

    The address is one of the client's own; or our page for a trial, where ``browser_id`` has leave for it.
    """
    for name in (WHOLE, "client_id", "redirect_uri"):
        if name in parameters.faults:
            raise invalid_request(f"The {name or 'request'} {parameters.faults[name]}.")
    client = provider.clients.get(parameters.get("client_id"))
    if client is None:
        raise invalid_request("The client_id is missing or no client has it.")
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri:
        if not client.check_redirect_uri(redirect_uri) and not permission.is_given(provider, browser_id, parameters):
            raise invalid_request("The redirect_uri is not one that is registered for this client, byte for byte.")
        return Destination(client, redirect_uri)
    # OpenID Connect Core §3.1.2.1: redirect_uri is REQUIRED. OAuth 2.1 §2.3.2 lets it be left out where just one exists.
    only = client.get_default_redirect_uri()
    if only is None or "scope" in parameters.faults or "openid" in parameters.get("scope").split(" "):
        raise invalid_request("The redirect_uri is missing.")
    return Destination(client, only)


def read_asked(provider: Provider, parameters: Parameters, destination: Destination) -> AuthorizationRequest:
    """Everything else; what is raised here may be sent to the destination."""
    parameters.insist()
    client = destination.client
    request_object.refuse(parameters)
    _check_response_type(client, parameters.get("response_type"))
    prompt, claims = _prompt(parameters.get("prompt")), read_claims(parameters.get("claims"))
    return AuthorizationRequest(
        client=client,
        redirect_uri=destination.redirect_uri,
        redirect_uri_sent=bool(parameters.get("redirect_uri")),
        mode=_mode(parameters.get("response_mode"), destination.redirect_uri),
        state=parameters.get("state"),
        scopes=_scopes(client, parameters.get("scope")),
        nonce=_nonce(parameters.get("nonce")),
        code_challenge=challenge_of(parameters),
        claims=claims,
        prompt=prompt,
        max_age=_max_age(client, parameters.get("max_age")),
        acr=_acr(provider, client, parameters, claims),
        subject=_subject(provider, parameters.get("id_token_hint"), claims.subject),
        login_hint=parameters.get("login_hint"),
        ui_locales=tuple(parameters.get("ui_locales").split()[:10]),
        organisation=_organisation(parameters.get("organisation")),
        carried=_carried(provider, parameters),
    )


def _check_response_type(client: RegisteredClient, response_type: str) -> None:
    if not response_type:
        raise invalid_request("The response_type is missing.")
    # RFC 9700 §2.1.2: no tokens in the authorization response, so there is no flow but that of the code.
    if response_type != "code":
        raise OAuthError("unsupported_response_type", "Only the response_type code is supported.")
    if not client.check_response_type("code") or not client.check_grant_type("authorization_code"):
        raise OAuthError("unauthorized_client", "The client is not registered for the authorization code flow.")


def _mode(asked: str, redirect_uri: str) -> str:
    if asked and asked != mode_of(asked):
        raise invalid_request("The response_mode must be query or form_post.")
    if asked == "form_post" and urlsplit(redirect_uri).scheme not in ("https", "http"):
        raise invalid_request("The response_mode form_post needs an http or https address.")
    return mode_of(asked)


def _scopes(client: RegisteredClient, scope: str) -> tuple[str, ...]:
    """Unknown and unregistered scopes are left out (OpenID Connect Core §3.1.2.1: SHOULD be ignored)."""
    granted = client.get_allowed_scope(scope).split()
    if not granted:
        raise OAuthError("invalid_scope", "None of the scopes asked for is known and registered for this client.")
    return tuple(granted)


def _prompt(text: str) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(_words(text)))
    if not set(words) <= set(PROMPTS):
        raise invalid_request("The prompt has a word that is not known.")
    # OpenID Connect Core §3.1.2.1: "If this parameter contains none with any other value, an error is returned."
    if "none" in words and len(words) > 1:
        raise invalid_request("The prompt none stands alone.")
    return words


def _nonce(text: str) -> str:
    if len(json.dumps(text)) > LONGEST_NONCE:
        raise invalid_request("The nonce is too long.")
    return text


def _words(text: str) -> list[str]:
    """Split at spaces alone: other white space is no separator, but a character that no known word has."""
    return [word for word in text.split(" ") if word]


def _max_age(client: RegisteredClient, text: str) -> int | None:
    if not text:
        return client.metadata.get("default_max_age")
    if not SECONDS.fullmatch(text):
        raise invalid_request("The max_age must be a number of seconds, 0 or more.")
    return int(text)


def _acr(provider: Provider, client: RegisteredClient, parameters: Parameters, claims: ClaimsAsked) -> tuple[str, ...]:
    """design.md "Asked": essential ``acr`` goes before ``acr_values``, before the client's ``default_acr_values``."""
    names = provider.settings.acr.names
    if claims.acr_essential is not None:
        known = tuple(name for name in claims.acr_essential if name in names)
        # OpenID Connect Core §5.5.1.1: an essential acr that cannot be given is "a failed authentication attempt".
        if not known:
            raise OAuthError("unmet_authentication_requirements", "None of the essential acr values is known.")
        return known
    values = _words(parameters.get("acr_values"))
    if not all(value in names or (value.isascii() and len(value) <= LONGEST_ACR) for value in values):
        raise invalid_request("The acr_values has a value that cannot be the name of an acr.")
    for asked in (values, claims.acr, client.metadata.get("default_acr_values", ())):
        known = tuple(name for name in asked if name in names)
        if known:
            return known
    return ()


def _subject(provider: Provider, sent: str, claimed: str | None) -> str:
    """Return the only ``sub`` that may come out; empty where anybody may.

    Core §3.1.2.2: the server "MUST NOT reply with an ID Token or Access Token for a different user", and where the hinted
    person is not there it "SHOULD return an error, such as login_required" (§3.1.2.1). A hint that cannot be verified may
    have been meant for anybody, so it is answered in the same way, and never by a token for whoever is signed in.
    """
    hint = read_hint(provider, sent)
    wanted = {subject for subject in (hint.subject if hint else None, claimed) if subject is not None}
    if (sent and hint is None) or len(wanted) > 1 or not all(SUBJECT.fullmatch(subject) for subject in wanted):
        raise OAuthError("login_required", "The id_token_hint or sub does not name a person who can sign in.")
    return next(iter(wanted), "")


def _organisation(text: str) -> str:
    """Return the store URL asked for. One that no organisation can have would be a sign-in that nobody can finish."""
    if text and not normal_store_url(text):
        raise invalid_request("The organisation is not a store URL.")
    return text


def _carried(provider: Provider, parameters: Parameters) -> Mapping[str, str]:
    """Return the parameters without an ID token in them: they are kept with the sign-in, and in its forms."""
    hint = parameters.get("id_token_hint")
    return {**parameters.values, "id_token_hint": shorten_hint(provider, hint)} if hint else parameters.values
