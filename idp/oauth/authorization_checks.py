"""Check an authorization request, with a function for each check: it raises ``OAuthError``, or notes what it found.

Their order is the table in ``authorization_request``.
"""

import json
import re
from dataclasses import dataclass, field

from idp.identity.organisations.settings import normal_store_url
from idp.identity.scopes import beyond
from idp.oauth import address_hints
from idp.oauth.authorization_response import Destination
from idp.oauth.claims_request import ClaimsRequest, read_claims
from idp.oauth.client_metadata import HYBRID, RESPONSE_TYPES
from idp.oauth.clients import RegisteredClient
from idp.oauth.errors import OAuthError, invalid_request
from idp.oauth.id_token_hints import read_hint
from idp.oauth.pkce import challenge_of, demand_of
from idp.oauth.provider import Provider
from idp.oauth.request_parameters import LONGEST_NONCE, WHOLE, Parameters
from idp.oauth.resource_indicators import requested_scopes
from idp.oauth.response_modes import check_mode, mode_of
from idp.oauth.rich_requests import Detail, read_details
from idp.oauth.security_profile import is_fapi
from idp.oauth.test_sign_in import permission

DISPLAYS = ("page", "popup", "touch", "wap")
PROMPTS = ("none", "login", "consent", "select_account")
SECONDS = re.compile(r"[0-9]{1,9}")
THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
LONGEST_ACR = 255
CLIENT_IS_DISABLED = "unauthorized_client"
"""The error for a disabled client. Before an address is known to be the client's, no other check raises it."""
NO_CLAIMS = ClaimsRequest({})


@dataclass
class Draft:
    """Hold a request while it is checked: its parameters, and what the checks have found so far.

    ``browser_id``: the browser that brings it, which may have permission for a test sign-in; empty if the app pushes it
    itself (``is_pushing``). ``redirect_uri`` is empty until it is known to be an address that may get the answer.
    """

    provider: Provider
    parameters: Parameters
    browser_id: str = ""
    is_pushing: bool = False
    client: RegisteredClient = field(init=False)
    redirect_uri: str = ""
    response_type: str = ""
    claims: ClaimsRequest = NO_CLAIMS
    scopes: tuple[str, ...] = ()
    details: tuple[Detail, ...] = ()
    code_challenge: str = ""
    prompt: tuple[str, ...] = ()
    max_age: int | None = None
    acr: tuple[str, ...] = ()
    subject: str = ""

    def get(self, name: str) -> str:
        """Return a parameter; empty where omitted."""
        return self.parameters.get(name)

    @property
    def is_hybrid(self) -> bool:
        """Return whether an ID token comes with the code (Core §3.3)."""
        return self.response_type == HYBRID

    @property
    def destination(self) -> Destination:
        """Return where the answer goes, errors too, once an address is known to be the client's."""
        mode = mode_of(self.parameters.values, self.redirect_uri)
        return Destination(self.client, self.redirect_uri, mode, self.get("state"))


def check_client_id(draft: Draft) -> None:
    """Find the client. A client id or address that cannot be read is refused first: no app can be told then."""
    for name in (WHOLE, "client_id", "redirect_uri"):
        if name in draft.parameters.faults:
            raise invalid_request(f"The {name or 'request'} {draft.parameters.faults[name]}.")
    client = draft.provider.clients.even_disabled(draft.get("client_id"))
    if client is not None and client.disabled:
        raise OAuthError(CLIENT_IS_DISABLED, "The client is disabled.")
    if client is None:
        close = _close_id(draft.provider, draft.get("client_id"))
        raise invalid_request(f"The client_id is missing or no client has it. {close}".rstrip())
    draft.client = client


def _close_id(provider: Provider, sent: str) -> str:
    """Return a sentence for the developer where a client has the id that was sent, written slightly differently."""
    for text, how in ((sent.strip(), "without the spaces around it"), (sent.lower(), "in small letters")):
        if text != sent and provider.clients.get(text):
            return f"A client has it {how}."
    return ""


def check_redirect_uri(draft: Draft) -> None:
    """Take an address of the client's own; or our page for a test sign-in, if this browser has permission for it."""
    sent = draft.get("redirect_uri")
    if not sent:
        draft.redirect_uri = _only_redirect_uri(draft)
        return
    is_own = draft.client.check_redirect_uri(sent)
    if not is_own and not permission.is_given(draft.provider, draft.browser_id, draft.parameters):
        why = "The redirect_uri is not one that is registered for this client, byte for byte."
        raise invalid_request(f"{why} {address_hints.describe(sent, draft.client.redirect_uris)}".rstrip())
    draft.redirect_uri = sent


def _only_redirect_uri(draft: Draft) -> str:
    """Return the client's only address. OpenID Connect and FAPI 2.0 require redirect_uri; OAuth 2.1 §2.3.2 does not."""
    only = "" if is_fapi(draft.client.metadata) else draft.client.default_redirect_uri
    if not only or "scope" in draft.parameters.faults or "openid" in draft.get("scope").split(" "):
        raise invalid_request("The redirect_uri is missing.")
    return only


def check_faults(draft: Draft) -> None:
    """Refuse a request with a parameter that could not be read."""
    draft.parameters.insist()


def check_registration(draft: Draft) -> None:
    """Refuse registration in the request (Core §7.2.1)."""
    if draft.get("registration"):
        raise OAuthError("registration_not_supported", "The parameter registration is not supported.")


def check_response_type(draft: Draft) -> None:
    """Refuse every flow but code and hybrid, and those that the client may not use."""
    response_type = draft.get("response_type")
    if not response_type:
        raise invalid_request("The response_type is missing.")
    # The words have no order (RFC 6749 §3.1.1). RFC 9700 §2.1.2: no access token in the authorization response.
    draft.response_type = " ".join(sorted(response_type.split(" ")))
    if draft.response_type not in RESPONSE_TYPES:
        raise OAuthError("unsupported_response_type", "Only the response_type code is supported.")
    if draft.is_hybrid and not draft.client.check_response_type(HYBRID):
        raise OAuthError("unsupported_response_type", "The client is not registered for this response_type.")
    if not draft.client.check_response_type(draft.response_type) or not draft.client.check_grant_type("authorization_code"):
        raise OAuthError("unauthorized_client", "The client is not registered for the authorization code flow.")


def check_prompt(draft: Draft) -> None:
    """Take the known words, each once."""
    words = tuple(dict.fromkeys(_words(draft.get("prompt"))))
    if not set(words) <= set(PROMPTS):
        raise invalid_request("The prompt has a word that is not known.")
    # OpenID Connect Core §3.1.2.1: "If this parameter contains none with any other value, an error is returned."
    if "none" in words and len(words) > 1:
        raise invalid_request("The prompt none stands alone.")
    draft.prompt = words


def check_claims(draft: Draft) -> None:
    """Read the requested claims."""
    draft.claims = read_claims(draft.get("claims"))


def check_response_mode(draft: Draft) -> None:
    """Refuse a response mode that is unknown or cannot reach the address."""
    check_mode(draft.parameters.values, draft.redirect_uri)


def check_authorization_details(draft: Draft) -> None:
    """Read what the person is to allow once (RFC 9396)."""
    draft.details = read_details(draft.provider, draft.client, draft.get("authorization_details"))


def check_scope(draft: Draft) -> None:
    """Leave out unknown and unregistered scopes (OpenID Connect Core §3.1.2.1: SHOULD be ignored).

    Single claims of ``claims`` (§5.5) join them, where the client is registered for a scope that has them; and the scopes of
    the APIs that ``resource`` names (RFC 8707).
    """
    sent = draft.get("scope")
    of_apis: tuple[str, ...] = ()
    if draft.get("resource"):
        types = [detail["type"] for detail in draft.details]
        of_apis = requested_scopes(draft.provider, draft.client, draft.get("resource"), sent, types)
    scopes = (*draft.client.allowed_scopes(sent), *of_apis)
    if not scopes:
        raise OAuthError("invalid_scope", "None of the scopes asked for is known and registered for this client.")
    names = {name for section in draft.claims.names.values() for name in section}
    draft.scopes = (*scopes, *beyond(scopes, names, draft.client.usable_scopes)) if names else scopes


def check_nonce(draft: Draft) -> None:
    """Refuse a nonce that would make the ID token too long, and a hybrid request without one (Core §3.3.2.11)."""
    if draft.is_hybrid and not (draft.get("nonce") and "openid" in draft.scopes):
        raise invalid_request("An answer with an ID token needs a nonce and the scope openid.")
    if len(json.dumps(draft.get("nonce"))) > LONGEST_NONCE:
        raise invalid_request("The nonce is too long.")


def check_code_challenge(draft: Draft) -> None:
    """Take the PKCE challenge (RFC 7636). A nonce protects a code as well if an ID token will carry it (Core §3.1.2.1)."""
    demand = demand_of(draft.client.metadata, draft.provider.settings)
    has_nonce = "openid" in draft.scopes and bool(draft.get("nonce"))
    draft.code_challenge = challenge_of(draft.parameters, demand, has_nonce=has_nonce)


def check_max_age(draft: Draft) -> None:
    """Take the seconds, or the client's ``default_max_age``."""
    sent = draft.get("max_age")
    if sent and not SECONDS.fullmatch(sent):
        raise invalid_request("The max_age must be a number of seconds, 0 or more.")
    draft.max_age = int(sent) if sent else draft.client.metadata.get("default_max_age")


def check_acr_values(draft: Draft) -> None:
    """Take the essential ``acr`` before ``acr_values``, and those before the client's ``default_acr_values``."""
    names, essential = draft.provider.settings.acr.names, draft.claims.acr_essential
    if essential is not None:
        draft.acr = tuple(name for name in essential if name in names)
        # OpenID Connect Core §5.5.1.1: an essential acr that cannot be given is "a failed authentication attempt".
        if not draft.acr:
            raise OAuthError("unmet_authentication_requirements", "None of the essential acr values is known.")
        return
    values = _words(draft.get("acr_values"))
    if not all(value in names or (value.isascii() and len(value) <= LONGEST_ACR) for value in values):
        raise invalid_request("The acr_values has a value that cannot be the name of an acr.")
    listed = (values, draft.claims.acr, draft.client.metadata.get("default_acr_values", ()))
    known = (tuple(name for name in one if name in names) for one in listed)
    draft.acr = next(filter(None, known), ())


def check_id_token_hint(draft: Draft) -> None:
    """Take the only ``sub`` that may come out; empty where every user may.

    Core §3.1.2.2: the server "MUST NOT reply with an ID Token or Access Token for a different user", and where the hinted
    person is not there it "SHOULD return an error, such as login_required" (§3.1.2.1). A hint that cannot be verified may
    have been meant for anybody. So it gets the same answer, and never a token of the user who happens to be signed in.
    """
    sent = draft.get("id_token_hint")
    hint = read_hint(draft.provider, sent)
    wanted = {hint.user_id} if hint else set()
    if draft.claims.subject is not None:
        wanted.add(draft.provider.subjects.user_id(draft.client, draft.claims.subject))
    if (sent and hint is None) or len(wanted) > 1 or not all(wanted):
        raise OAuthError("login_required", "The id_token_hint or sub does not name a person who can sign in.")
    draft.subject = next(iter(wanted), "")


def check_organisation(draft: Draft) -> None:
    """Refuse text that cannot be a store URL: nobody could finish that sign-in."""
    if draft.get("organisation") and not normal_store_url(draft.get("organisation")):
        raise invalid_request("The organisation is not a store URL.")


def check_hints(_: Draft) -> None:
    """Take any hint and any languages: they fill in and choose, and decide nothing."""


def check_dpop_jkt(draft: Draft) -> None:
    """Refuse what cannot be the thumbprint of a key: no proof could match it (RFC 9449 §10)."""
    if draft.get("dpop_jkt") and not THUMBPRINT.fullmatch(draft.get("dpop_jkt")):
        raise invalid_request("The dpop_jkt must be a SHA-256 thumbprint as base64url.")


def take_as_sent(_: Draft) -> None:
    """Take any text, or none.

    Our pages fit every ``display``: they are narrow, work by touch and open in popups. No claim has a language of its own.
    """


def _words(text: str) -> list[str]:
    """Split at spaces alone: other white space is no separator, but part of an unknown word."""
    return [word for word in text.split(" ") if word]
