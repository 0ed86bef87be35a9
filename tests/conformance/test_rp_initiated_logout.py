"""The RP-Initiated Logout plan."""

from urllib.parse import urlencode

from tests.conformance.conftest import plans
from tests.conformance.suite import BYE, Suite
from tests.drivers.browser import Browser
from tests.drivers.relying_party import error_of

PLAN = plans("oidcc-rp-initiated-logout-certification-test-plan")


def _log_out(suite: Suite, **params: str) -> Browser:
    path = suite.metadata["end_session_endpoint"].removeprefix(suite.scene.settings.issuer)
    return suite.browser.open(f"{path}?{urlencode(params)}" if params else path)


def _is_signed_in(suite: Suite) -> bool:
    suite.open(prompt="none")
    return error_of(suite.answer) != "login_required"


def _asks_and_signs_out(suite: Suite, page: Browser) -> None:
    """Check that a page asks first, leads nowhere, and signs out by its button."""
    assert (page.status, page.left_for) == (200, None)
    signs_out = [form.action for form in page.page.forms if "/oauth/logout" in form.action]
    assert signs_out, page.text
    assert _is_signed_in(suite)


@PLAN
def test_oidcc_rp_initiated_logout_discovery_endpoint_verification(suite: Suite) -> None:
    """§2.1: the endpoint is named, by https."""
    assert suite.metadata["end_session_endpoint"].startswith("https://")


@PLAN
def test_oidcc_rp_initiated_logout(suite: Suite) -> None:
    """§2, §3: a hint of the session, a registered address and a state: signed out, and back with the state."""
    token = suite.tokens().id_token or ""
    page = _log_out(suite, id_token_hint=token, post_logout_redirect_uri=BYE, state="s t")
    assert page.left_for == f"{BYE}?state=s%20t"
    assert not _is_signed_in(suite)


@PLAN
def test_oidcc_rp_initiated_logout_no_state(suite: Suite) -> None:
    """§3: without a state there is none."""
    token = suite.tokens().id_token or ""
    assert _log_out(suite, id_token_hint=token, post_logout_redirect_uri=BYE).left_for == BYE
    assert not _is_signed_in(suite)


@PLAN
def test_oidcc_rp_initiated_logout_bad_post_logout_redirect_uri(suite: Suite) -> None:
    """§3: an address that is not registered is not followed."""
    token = suite.tokens().id_token or ""
    page = _log_out(suite, id_token_hint=token, post_logout_redirect_uri="https://shop.example.com/elsewhere", state="s")
    assert page.left_for is None


@PLAN
def test_oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri(suite: Suite) -> None:
    """§3: an address is compared as a whole."""
    token = suite.tokens().id_token or ""
    assert _log_out(suite, id_token_hint=token, post_logout_redirect_uri=f"{BYE}?foo=bar").left_for is None


@PLAN
def test_oidcc_rp_initiated_logout_modified_id_token_hint(suite: Suite) -> None:
    """§2: a hint whose signature is wrong proves nothing."""
    token = suite.tokens().id_token or ""
    changed = token[:-6] + ("AAAAAA" if not token.endswith("AAAAAA") else "BBBBBB")
    page = _log_out(suite, id_token_hint=changed, post_logout_redirect_uri=BYE, state="s")
    assert page.left_for is None
    assert _is_signed_in(suite)


@PLAN
def test_oidcc_rp_initiated_logout_bad_id_token_hint(suite: Suite) -> None:
    """§2: a hint that is no token proves nothing."""
    suite.tokens()
    page = _log_out(suite, id_token_hint="not a token", post_logout_redirect_uri=BYE, state="s")
    assert page.left_for is None
    assert _is_signed_in(suite)


@PLAN
def test_oidcc_rp_initiated_logout_no_id_token_hint(suite: Suite) -> None:
    """§2: without a hint the person is asked."""
    suite.tokens()
    page = _log_out(suite, post_logout_redirect_uri=BYE, state="s")
    assert (page.status, page.left_for) == (200, None)
    assert _is_signed_in(suite)


@PLAN
def test_oidcc_rp_initiated_logout_no_post_logout_redirect_uri(suite: Suite) -> None:
    """§3: without an address the person stays here, signed out."""
    token = suite.tokens().id_token or ""
    page = _log_out(suite, id_token_hint=token, state="s")
    assert (page.status, page.left_for) == (200, None)
    assert not _is_signed_in(suite)


@PLAN
def test_oidcc_rp_initiated_logout_no_params(suite: Suite) -> None:
    """§2: a bare request asks the person."""
    suite.tokens()
    _asks_and_signs_out(suite, _log_out(suite))


@PLAN
def test_oidcc_rp_initiated_logout_only_state(suite: Suite) -> None:
    """§2: a state alone is a bare request."""
    suite.tokens()
    _asks_and_signs_out(suite, _log_out(suite, state="s"))
