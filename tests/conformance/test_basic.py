"""The Basic, Form Post and Hybrid plans: sign-in, claims, userinfo."""

import json
from urllib.parse import parse_qsl

import pytest
import time_machine

from idp import clock
from tests.conformance.conftest import BASIC, FULL, HYBRID, plans
from tests.conformance.suite import Suite, header_of
from tests.drivers.relying_party import Refused, error_of

PLAN = plans(*BASIC, *HYBRID)
IN_BASIC = plans(*BASIC)
IN_HYBRID = plans(*HYBRID)
PROFILE = set(FULL) - {"email", "phone_number", "address", "time_zone"} | {"zoneinfo", "preferred_username"}


@PLAN
def test_oidcc_server(suite: Suite) -> None:
    """Core §3.1: a whole code flow. The ID token and the token response are what they must be, userinfo has the same sub."""
    tokens = suite.tokens()
    assert tokens.raw["expires_in"] > 0
    assert {"iss", "sub", "aud", "exp", "iat", "nonce", "auth_time"} <= tokens.claims.keys()
    assert suite.client.userinfo()["sub"] == tokens.claims["sub"]
    assert len(tokens.claims["sub"]) <= 255


@PLAN
def test_oidcc_response_type_missing(suite: Suite) -> None:
    """RFC 6749 §4.1.2.1: the client is told with state that the request is invalid."""
    suite.open(response_type=None)
    with pytest.raises(Refused) as refused:
        suite.answer()
    assert refused.value.error in ("invalid_request", "unsupported_response_type")


@PLAN
def test_oidcc_idtoken_signature(suite: Suite) -> None:
    """Core §3.1.3.7: signed by RS256, the default, with a kid of the key set."""
    header = header_of(suite.tokens().id_token or "")
    assert header["alg"] == "RS256"
    assert header["kid"]


@IN_BASIC
def test_oidcc_idtoken_unsigned(suite: Suite) -> None:
    """Core §2: ``none`` is for providers that offer it. This one does not."""
    assert "none" not in suite.metadata["id_token_signing_alg_values_supported"]


@PLAN
def test_oidcc_userinfo_get(suite: Suite) -> None:
    """Core §5.3.1: by GET, with the token in the header."""
    assert suite.tokens().claims["sub"] == suite.client.userinfo()["sub"]


@PLAN
def test_oidcc_userinfo_post_header(suite: Suite, ask) -> None:
    """Core §5.3.1: by POST, with the token in the header."""
    tokens = suite.tokens()
    answer = ask("POST", "/oauth/userinfo", headers={"Authorization": f"Bearer {tokens.access_token}"})
    assert (answer.status_code, answer.get_json()["sub"]) == (200, tokens.claims["sub"])


@PLAN
def test_oidcc_userinfo_post_body(suite: Suite, ask) -> None:
    """RFC 6750 §2.2: by POST, with the token in the body."""
    tokens = suite.tokens()
    answer = ask("POST", "/oauth/userinfo", data={"access_token": tokens.access_token})
    assert (answer.status_code, answer.get_json()["sub"]) == (200, tokens.claims["sub"])


@IN_BASIC
def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(suite: Suite) -> None:
    """Core §3.1.2.1: the nonce is optional in the code flow. Without one the ID token has none."""
    assert "nonce" not in suite.tokens(nonce=None).claims


@IN_HYBRID
def test_oidcc_ensure_request_without_nonce_fails(suite: Suite) -> None:
    """Core §3.3.2.11: where an ID token comes with the code, a nonce is required."""
    suite.open(nonce=None)
    assert error_of(suite.answer) == "invalid_request"


@PLAN
def test_oidcc_scope_profile(suite: Suite) -> None:
    """Core §5.4: every claim of the scope that the person has."""
    suite.tokens(scope="openid profile")
    assert suite.client.userinfo().keys() >= PROFILE


@PLAN
def test_oidcc_scope_email(suite: Suite) -> None:
    """Core §5.4: the address, and whether it is verified, as a Boolean."""
    suite.tokens(scope="openid email")
    found = suite.client.userinfo()
    assert (found["email"], found["email_verified"]) == (FULL["email"], True)


@PLAN
def test_oidcc_scope_address(suite: Suite) -> None:
    """Core §5.1.1: an object."""
    suite.tokens(scope="openid address")
    assert suite.client.userinfo()["address"] == FULL["address"]


@PLAN
def test_oidcc_scope_phone(suite: Suite) -> None:
    """Core §5.4: the number, and whether it is verified, as a Boolean."""
    suite.tokens(scope="openid phone")
    found = suite.client.userinfo()
    assert (found["phone_number"].replace(" ", ""), found["phone_number_verified"]) == ("+31201234567", False)


@PLAN
def test_oidcc_scope_all(suite: Suite) -> None:
    """Core §5.4: all of them together."""
    suite.tokens(scope="openid profile email address phone")
    assert suite.client.userinfo().keys() >= PROFILE | {"email", "address", "phone_number"}


@PLAN
def test_oidcc_alternate_happy_flow(suite: Suite, ask) -> None:
    """Another client, scopes in another order, a redirect address with a query, and the token type in lower case."""
    tokens = suite.tokens(suite.second, scope="email openid")
    answer = ask("GET", "/oauth/userinfo", headers={"Authorization": f"bearer {tokens.access_token}"})
    assert answer.get_json()["email"] == FULL["email"]


@PLAN
def test_oidcc_display_page(suite: Suite) -> None:
    """Core §3.1.2.1: accepted."""
    assert suite.tokens(display="page").claims["sub"]


@PLAN
def test_oidcc_display_popup(suite: Suite) -> None:
    """Core §3.1.2.1: accepted."""
    assert suite.tokens(display="popup").claims["sub"]


@PLAN
def test_oidcc_ui_locales(suite: Suite) -> None:
    """Core §3.1.2.1: a language that is not there is no error."""
    assert suite.tokens(ui_locales="se").claims["sub"]


@PLAN
def test_oidcc_claims_locales(suite: Suite) -> None:
    """Core §5.2: the same for claims."""
    assert suite.tokens(claims_locales="se").claims["sub"]


@PLAN
def test_oidcc_login_hint(suite: Suite) -> None:
    """Core §3.1.2.1: the page knows the person, or not; it is no error."""
    assert suite.tokens(login_hint=str(FULL["email"])).claims["sub"]


@PLAN
def test_oidcc_ensure_request_with_unknown_parameter_succeeds(suite: Suite) -> None:
    """RFC 6749 §3.1: unknown parameters are ignored."""
    assert suite.tokens(extra="foobar").claims["sub"]


@PLAN
def test_oidcc_ensure_request_with_acr_values_succeeds(suite: Suite) -> None:
    """Core §5.5.1.1: acr_values is a voluntary claim; an unknown value is no error. The answer tells the level."""
    assert suite.tokens(acr_values="urn:mace:incommon:iap:silver pwd").claims["acr"]


@PLAN
def test_oidcc_claims_essential(suite: Suite) -> None:
    """Core §5.5: an essential claim comes from userinfo without its scope."""
    suite.tokens(claims=json.dumps({"userinfo": {"name": {"essential": True}}}))
    assert suite.client.userinfo()["name"] == FULL["name"]


@IN_BASIC
def test_oidcc_ensure_post_request_succeeds(suite: Suite) -> None:
    """Core §3.1.2.1: the authorization endpoint takes POST."""
    suite.tokens()
    address, _, query = suite.url().partition("?")
    suite.browser.send("POST", address, parse_qsl(query))
    assert suite.redeem(suite.answer()["code"]).claims["sub"]


@PLAN
def test_oidcc_ensure_registered_redirect_uri(suite: Suite) -> None:
    """RFC 6749 §3.1.2.4: an address that is not registered gets nothing; the person sees the error."""
    page = suite.open(redirect_uri="https://shop.example.com/elsewhere")
    assert (page.status, page.left_for) == (400, None)


@PLAN
def test_oidcc_server_client_secret_post(suite: Suite) -> None:
    """RFC 6749 §2.3.1: a client that sends its secret in the body."""
    assert suite.tokens(suite.posting).claims["sub"]


@PLAN
def test_oidcc_ensure_request_with_valid_pkce_succeeds(suite: Suite) -> None:
    """RFC 7636: a challenge and its verifier."""
    code = suite.scene.code(suite.client, **suite.variant)
    assert suite.client.redeem(code).claims["sub"]


@PLAN
def test_oidcc_codereuse(suite: Suite) -> None:
    """RFC 6749 §4.1.2: the second use of a code is refused."""
    code = suite.code()
    suite.redeem(code)
    assert error_of(lambda: suite.redeem(code)) == "invalid_grant"


@PLAN
def test_oidcc_codereuse_30seconds(suite: Suite) -> None:
    """RFC 6749 §4.1.2: after half a minute too, and the tokens of the first use are revoked."""
    with time_machine.travel(clock.now(), tick=False) as turned:
        code = suite.code()
        tokens = suite.redeem(code)
        turned.shift(30)
        assert error_of(lambda: suite.redeem(code)) == "invalid_grant"
        assert "invalid_token" in error_of(lambda: suite.client.userinfo(tokens.access_token))


@PLAN
def test_oidcc_refresh_token(suite: Suite) -> None:
    """Core §12: new tokens of the same person, time and audience. Another client cannot use the refresh token."""
    first = suite.tokens(scope="openid offline_access", prompt="consent")
    again = suite.client.refresh()
    assert again.access_token != first.access_token
    for name in ("iss", "sub", "aud", "auth_time"):
        assert again.claims[name] == first.claims[name], name
    assert error_of(lambda: suite.second.refresh(first.refresh_token)) == "invalid_grant"
