"""The Basic, Form Post and Hybrid plans: sessions, hints and request objects."""

import pytest
import time_machine

from idp import clock
from tests.conformance.conftest import BASIC, HYBRID, plans
from tests.conformance.suite import Suite, unsigned
from tests.drivers.relying_party import Refused, error_of

PLAN = plans(*BASIC, *HYBRID)


@PLAN
def test_oidcc_prompt_login(suite: Suite) -> None:
    """Core §3.1.2.1: the person is asked again, though signed in. The ID token tells the later time."""
    with time_machine.travel(clock.now(), tick=False) as turned:
        first = suite.tokens()
        turned.shift(5)
        assert "password" in suite.open(prompt="login").fields
        again = suite.tokens(prompt="login")
    assert (again.claims["sub"], again.claims["auth_time"] > first.claims["auth_time"]) == (first.claims["sub"], True)


@PLAN
def test_oidcc_prompt_none_not_logged_in(suite: Suite) -> None:
    """Core §3.1.2.6: nobody is signed in, and no page is shown."""
    suite.open(prompt="none")
    assert error_of(suite.answer) == "login_required"


@PLAN
def test_oidcc_prompt_none_logged_in(suite: Suite) -> None:
    """Core §3.1.2.1: the same person, and the time of the first sign-in."""
    first = suite.tokens()
    suite.open(prompt="none")
    again = suite.redeem(suite.answer()["code"])
    assert [again.claims[name] for name in ("sub", "auth_time")] == [first.claims[name] for name in ("sub", "auth_time")]


@PLAN
def test_oidcc_max_age_1(suite: Suite) -> None:
    """Core §3.1.2.1: after more than a second the person is asked again, and auth_time is later."""
    with time_machine.travel(clock.now(), tick=False) as turned:
        first = suite.tokens()
        turned.shift(5)
        assert "password" in suite.open(max_age="1").fields
        again = suite.tokens(max_age="1")
    assert again.claims["auth_time"] > first.claims["auth_time"]


@PLAN
def test_oidcc_max_age_10000(suite: Suite) -> None:
    """Core §3.1.2.1: the sign-in is young enough, so nobody is asked."""
    first = suite.tokens()
    suite.open(max_age="10000")
    assert suite.redeem(suite.answer()["code"]).claims["auth_time"] == first.claims["auth_time"]


@PLAN
def test_oidcc_id_token_hint(suite: Suite) -> None:
    """Core §3.1.2.1: with prompt=none, the hinted person's tokens come without a page."""
    first = suite.tokens()
    suite.open(prompt="none", id_token_hint=first.id_token)
    assert suite.redeem(suite.answer()["code"]).claims["sub"] == first.claims["sub"]


def _request_object(suite: Suite, **claims: str) -> str:
    known = {"iss": suite.client.client_id, "aud": suite.scene.settings.issuer, "client_id": suite.client.client_id}
    return unsigned({**known, "response_type": "code", "scope": "openid", **suite.variant, **claims})


@PLAN
def test_oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(suite: Suite) -> None:
    """Core §6.1: where metadata does not offer ``none``, an unsigned request object is refused and never ignored."""
    offered = suite.metadata.get("request_object_signing_alg_values_supported", [])
    assert "none" not in offered
    suite.open(request=_request_object(suite, nonce="of-the-object"))
    with pytest.raises(Refused) as refused:
        suite.answer()
    is_on = suite.metadata["request_parameter_supported"]
    assert refused.value.error == ("invalid_request_object" if is_on else "request_not_supported")


@PLAN
def test_oidcc_ensure_request_object_with_redirect_uri(suite: Suite) -> None:
    """RFC 9101 §5: an address that only an unsigned object names gets nothing."""
    elsewhere = "https://shop.example.com/elsewhere"
    page = suite.open(redirect_uri=elsewhere, request=_request_object(suite, redirect_uri=elsewhere))
    assert (page.status, page.left_for) == (400, None)


@PLAN
def test_oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(suite: Suite) -> None:
    """Core §6.2: an address of a request object that nobody registered is not fetched."""
    suite.open(request_uri="https://shop.example.com/request.jwt")
    with pytest.raises(Refused) as refused:
        suite.answer()
    is_on = suite.metadata["request_uri_parameter_supported"]
    allowed = ("invalid_request_uri", "invalid_request") if is_on else ("request_uri_not_supported",)
    assert refused.value.error in allowed
