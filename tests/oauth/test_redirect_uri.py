"""Redirect addresses (RFC 9700 §2.1, RFC 8252): what may be registered, and byte for byte at use."""

import pytest

from idp.errors import Invalid
from idp.oauth.addresses import check_page, check_redirect, is_registered

GOOD = [
    "https://app.example/cb",
    "https://app.example",
    "https://app.example:8443/cb?x=1&y=a%20b",
    "http://localhost:8001/callback",
    "http://127.0.0.1/cb",
    "http://[::1]:9000/cb",
    "https://xn--bcher-kva.example/cb",
]
BAD = [
    "", "/cb", "app.example/cb", "//app.example/cb", "https:/app.example/cb", "https:app.example", "https:///cb",
    "http://app.example/cb", "http://127.0.0.2/cb", "http://0.0.0.0/cb", "http://2130706433/cb", "http://127.1/cb",
    "https://app.example/cb#", "https://app.example/cb#x", "https://user@app.example/cb", "https://a:b@app.example/cb",
    "https://app.example\\@evil.example/cb", "https://app.example/..;/cb", "https://app.example/a/../cb",
    "https://app.example/./cb", "https://app.example/%2e%2e/cb", "https://app.example/%2E./cb", "https://app.example/a%2fb",
    "https://app.example/a%5cb", "https://app.example/%252e", "https://app.example/%00", "https://app.example/%0d%0a",
    "https://app.example/%", "https://app.example/%zz", "HTTPS://app.example/cb", "https://APP.example/cb",
    "https://*.example/cb", "https://app.example/*", "https://app.example/c b", "https://app.example/cb\n", " https://a.example",
    "https://bücher.example/cb", "https://app.example:0/cb", "https://app.example:99999/cb", "https://app.example:x/cb",
    "https://app..example/cb", "https://.example/cb", "https://-a.example/cb", 'https://app.example"/cb',
    "https://app.example/<script>", "https://app.example/{x}", "https://[::1/cb", "https://[v1.x]/cb",
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "ftp://a.example/",
    "com.example.app:/cb", "https://" + "a" * 2000 + ".example/", None, 7, ["https://app.example/cb"],
]  # fmt: skip
NATIVE_GOOD = ["com.example.app:/cb", "com.example.app:/oauth/cb?x=1"]
NATIVE_BAD = ["app:/cb", "com.example.app://host/cb", "com.example.app:cb", "javascript:/x", "com.example.app:"]


@pytest.mark.parametrize("address", GOOD)
def test_good_addresses_are_registered(address):
    """O21-01."""
    assert check_redirect("redirect_uris", address, native=False) == address


@pytest.mark.parametrize("address", BAD, ids=repr)
def test_what_could_be_read_in_two_ways_is_not_registered(address):
    """R97-01, R97-15, V1.2.2, O21-01."""
    with pytest.raises(Invalid):
        check_redirect("redirect_uris", address, native=False)


@pytest.mark.parametrize("address", NATIVE_GOOD)
def test_private_schemes_with_a_dot_are_for_native_apps(address):
    """RFC 8252 §7.1."""
    assert check_redirect("redirect_uris", address, native=True) == address


@pytest.mark.parametrize("address", [*NATIVE_BAD, *(bad for bad in BAD if bad != "com.example.app:/cb")], ids=repr)
def test_native_apps_too_register_only_clear_addresses(address):
    """O21-18."""
    with pytest.raises(Invalid):
        check_redirect("redirect_uris", address, native=True)


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:x", "http://app.example/", "com.example.app:/x"])
def test_pages_of_a_client_are_web_addresses(address):
    """V1.2.2: logo, policy and terms are shown to people as links."""
    with pytest.raises(Invalid):
        check_page("logo_uri", address)


REGISTERED = ("https://app.example/cb", "http://127.0.0.1/cb", "http://[::1]:5000/cb?x=1", "http://localhost/cb")
OTHER = [
    "https://app.example/cb/", "https://app.example/cb?", "https://app.example/cb?x=1", "https://app.example/cb#",
    "https://app.example:443/cb", "https://APP.example/cb", "HTTPS://app.example/cb", "https://app.example/CB",
    "https://app.example//cb", "https://app.example/./cb", "https://app.example/a/../cb", "https://app.example/%63b",
    "https://app.example/cb%00", "https://app.example/c", "https://app.example/cbx", "https://app.example.evil.example/cb",
    "https://app.example@evil.example/cb", "https://evil.example/?https://app.example/cb", "http://app.example/cb",
    "https://app.example\\.evil.example/cb", " https://app.example/cb", "https://app.example/cb ", "//app.example/cb",
    "javascript:alert(1)", "http://localhost:8001/cb", "http://127.0.0.2/cb", "http://127.0.0.1.evil.example/cb",
    "http://127.0.0.1:80@evil.example/cb", "http://127.0.0.1:999999/cb", "http://127.0.0.1:/cb", "http://127.0.0.1:80/other",
    "https://127.0.0.1/cb", "http://127.0.0.1:8\\@evil.example/cb", "http://[::1]:5000/cb", "http://[::1]/cb?x=2",
    "http://[::2]:5000/cb?x=1", "http://0.0.0.0/cb", "http://[::ffff:127.0.0.1]/cb",
]  # fmt: skip


@pytest.mark.parametrize("address", OTHER)
def test_any_other_byte_is_another_address(address):
    """R97-01: also for native apps, for whom only a loopback port may differ."""
    assert not is_registered(address, REGISTERED, any_loopback_port=True)


@pytest.mark.parametrize("address", ["http://127.0.0.1:51234/cb", "http://[::1]:1/cb?x=1", "http://[::1]/cb?x=1"])
def test_native_apps_listen_on_any_loopback_port(address):
    """RFC 8252 §7.3; nobody else does."""
    assert is_registered(address, REGISTERED, any_loopback_port=True)
    assert not is_registered(address, REGISTERED, any_loopback_port=False)


@pytest.mark.parametrize("more", [{}, {"prompt": "none"}, {"scope": "bogus"}, {"response_type": "token"}])
def test_an_unregistered_address_gets_a_page_never_a_redirect(scene, more):
    """R97-02, R97-20: whatever else is wrong with the request."""
    party = scene.party(redirect_uri="https://app.example/cb")
    for address in [*OTHER, "https://evil.example/", "\x00", "x" * 5000, "é", "https://app.example/\r\nX: y"]:
        answer = scene.browser.open(party.authorize_url(redirect_uri=address, **more))
        assert (answer.status, answer.left_for) == (400, None), address
        assert "Location" not in answer.headers


def test_an_unknown_client_gets_a_page_that_says_so(scene):
    """R97-20."""
    party = scene.party()
    answer = scene.browser.open(party.authorize_url(client_id="nobody"))
    assert answer.status == 400
    assert "client_id" in answer.text


def test_another_clients_address_is_not_mine(scene):
    """V10.4.1."""
    mine = scene.party(redirect_uri="https://app.example/cb")
    scene.party("other", redirect_uri="https://other.example/cb")
    assert scene.browser.open(mine.authorize_url(redirect_uri="https://other.example/cb")).status == 400


def test_openid_requests_name_their_address_even_if_there_is_only_one(scene):
    """Core §3.1.2.1: redirect_uri is REQUIRED; a plain OAuth request may leave out the only one (OAuth 2.1 §2.3.2)."""
    party = scene.party()
    assert scene.browser.open(party.authorize_url(redirect_uri=None)).status == 400
    assert scene.sign_in(party, redirect_uri=None, scope="profile").startswith(party.redirect_uri)


def test_with_two_addresses_one_must_be_named(scene):
    """O21-02."""
    party = scene.party(redirect_uris=["https://app.example/cb", "https://app.example/cb2"])
    assert scene.browser.open(party.authorize_url(redirect_uri=None, scope="profile")).status == 400
