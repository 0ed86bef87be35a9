"""Read an authorization request (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1, RFC 7636, RFC 9470).

``CHECKS`` is the request on one screen. The order of its rows is a security property (RFC 6749 §4.1.2.1): "If the request
fails due to a missing, invalid, or mismatching redirection URI, or if the client identifier is missing or invalid, the
authorization server […] MUST NOT automatically redirect the user-agent". So errors of the first rows are shown to the
person; those of the others are sent to the address that the first rows have found.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from idp.oauth import authorization_checks as checks
from idp.oauth import request_sources
from idp.oauth.authorization_checks import Draft
from idp.oauth.authorization_response import Destination
from idp.oauth.clients import RegisteredClient, terms
from idp.oauth.id_token_hints import shorten_hint
from idp.oauth.provider import Provider
from idp.oauth.request_parameters import Parameters
from idp.oauth.resource_indicators import scope_words
from idp.oauth.rich_requests import in_words
from idp.signin.requirements import ClientTerms, Needs

RETURN_TO = "/oauth/authorize"
MOST_LOCALES = 10


def _open_request(draft: Draft) -> None:
    request_sources.open_request(draft, PARAMETERS)


CHECKS: Mapping[tuple[str, ...], Callable[[Draft], None]] = {
    ("client_id",): checks.check_client_id,
    ("request", "request_uri"): _open_request,
    ("redirect_uri",): checks.check_redirect_uri,
    (): checks.check_faults,
    ("registration",): checks.check_registration,
    ("response_type",): checks.check_response_type,
    ("prompt",): checks.check_prompt,
    ("claims",): checks.check_claims,
    ("response_mode",): checks.check_response_mode,
    ("authorization_details",): checks.check_authorization_details,
    ("scope", "resource"): checks.check_scope,
    ("nonce",): checks.check_nonce,
    ("code_challenge", "code_challenge_method"): checks.check_code_challenge,
    ("max_age",): checks.check_max_age,
    ("acr_values",): checks.check_acr_values,
    ("id_token_hint",): checks.check_id_token_hint,
    ("organisation",): checks.check_organisation,
    ("dpop_jkt",): checks.check_dpop_jkt,
    ("state", "display", "claims_locales"): checks.take_as_sent,
    ("login_hint", "ui_locales"): checks.check_hints,
}
"""The parameters of each check, and the check. No parameters: whatever could not be read, in the order in which it came."""
PARAMETERS = frozenset(name for names in CHECKS for name in names)
"""Every parameter that is understood; others are ignored (RFC 6749 §3.1)."""
NOT_OF_BROWSERS = frozenset(
    (
        checks.check_faults,
        checks.check_authorization_details,
        checks.check_scope,
        checks.check_max_age,
        checks.check_acr_values,
        checks.check_organisation,
        checks.check_hints,
    )
)
"""The checks of a request that no browser brings (RFC 8628): it has no address, no code and no nonce."""
WITHOUT_BROWSER = frozenset(name for names, check in CHECKS.items() if check in NOT_OF_BROWSERS for name in names)
"""The parameters of such a request."""


@dataclass(frozen=True)
class AuthorizationRequest:
    """A valid request: the client, where and how it is answered, what its code is bound to, and what the sign-in needs.

    ``claims``: the requested claims by section, known ones only. ``needs.carried``: the parameters as they came, to be read
    again after the sign-in; of an ``id_token_hint`` the sealed form.
    """

    client: RegisteredClient
    destination: Destination
    nonce: str
    code_challenge: str
    claims: Mapping[str, list[str]]
    needs: Needs
    dpop_jkt: str
    asked_scope: str
    is_hybrid: bool
    """An ID token comes with the code."""

    @property
    def redirect_uri(self) -> str:
        """Return the address of the answer."""
        return self.destination.redirect_uri

    @property
    def names_redirect_uri(self) -> bool:
        """Return whether the request names the address: then it must be named again at redemption (RFC 6749 §4.1.3)."""
        return "redirect_uri" in self.needs.carried


def read_request(draft: Draft) -> AuthorizationRequest:
    """Return the request, checked; raises ``OAuthError``, which may be sent to ``draft.destination`` where there is one."""
    for check in CHECKS.values():
        check(draft)
    return _finished(draft)


def read_without_browser(
    provider: Provider, client: RegisteredClient, parameters: Mapping[str, str], return_to: str, carried: Mapping[str, str]
) -> Needs:
    """Return what a sign-in must reach for a request that no browser brings. Raises ``OAuthError``.

    ``return_to``: the page of ours that the sign-in leads to. ``carried``: by what the request is found again.
    """
    draft = Draft(provider, Parameters(parameters), "")
    draft.client = client
    for check in CHECKS.values():
        if check in NOT_OF_BROWSERS:
            check(draft)
    return _needs(draft, _terms(draft, ""), return_to, carried)


def _finished(draft: Draft) -> AuthorizationRequest:
    needs = _needs(draft, _terms(draft, draft.redirect_uri), RETURN_TO, _carried(draft.provider, draft.parameters))
    return AuthorizationRequest(
        draft.client, draft.destination, draft.get("nonce"), draft.code_challenge, draft.claims.names, needs,
        draft.get("dpop_jkt"), draft.get("scope"), draft.is_hybrid,
    )  # fmt: skip


def _terms(draft: Draft, redirect_uri: str) -> ClientTerms:
    """Return what a sign-in must know of the client. ``redirect_uri``: where the answer goes; empty for nowhere."""
    words, details = scope_words(draft.provider, draft.scopes), in_words(draft.provider, draft.details)
    return terms(draft.client, redirect_uri, draft.provider.settings, words, details)


def _needs(draft: Draft, client: ClientTerms, return_to: str, carried: Mapping[str, str]) -> Needs:
    """Return the needs. The client's ``minimum_acr`` is enforced whatever the request says."""
    return Needs(
        return_to=return_to,
        resumes=True,
        acr=draft.acr,
        minimum_level=max(1, client.minimum_level),
        max_age=draft.max_age,
        prompt=draft.prompt,
        subject=draft.subject,
        login_hint=draft.get("login_hint"),
        organisation=draft.get("organisation"),
        ui_locales=tuple(draft.get("ui_locales").split()[:MOST_LOCALES]),
        scopes=draft.scopes,
        details=draft.details,
        client=client,
        carried=carried,
    )


def _carried(provider: Provider, parameters: Parameters) -> Mapping[str, str]:
    """Return the parameters without an ID token in them: they are kept with the sign-in, and in its forms."""
    hint = parameters.get("id_token_hint")
    return {**parameters.values, "id_token_hint": shorten_hint(provider, hint)} if hint else parameters.values
