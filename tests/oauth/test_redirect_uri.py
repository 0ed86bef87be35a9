"""Redirect addresses are checked at registration and match byte for byte at use (RFC 9700 §2.1, RFC 8252)."""

from urllib.parse import urlencode

import pytest

from idp.db import transaction
from idp.errors import Invalid
from idp.oauth.redirect_uris import check_page, check_redirect, is_registered
from idp.store import clients

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
    "https://app.example:00080/cb", "https://app.example:/cb", "https://app.example:65536/cb", "https://app.example:+1/cb",
    "http://127.0.0.1:0/cb", "http://127.0.0.1:99999/cb", "http://127.0.0.1:00080/cb", "http://[::1]:0/cb", "http://[::1]:/cb",
    "https://" + "a" * 64 + ".example/cb", "https://app." + "b" * 64 + "/cb", "https://" + "a.b" * 90 + ".example/cb",
    "https://1.2.3/cb", "https://256.1.1.1/cb", "https://010.1.1.1/cb", "https://0x7f.1/cb", "https://app.0x1/cb",
    "https://1.2.3.4.5/cb", "https://[::1%25eth0]/cb", "https://[:::1]/cb", "https://[1:2]/cb",
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "ftp://a.example/",
    "com.example.app:/cb", "https://" + "a" * 2000 + ".example/", None, 7, ["https://app.example/cb"],
]  # fmt: skip
NATIVE_GOOD = ["com.example.app:/cb", "com.example.app:/oauth/cb?x=1"]
NATIVE_BAD = ["app:/cb", "com.example.app://host/cb", "com.example.app:cb", "javascript:/x", "com.example.app:"]


@pytest.mark.parametrize("address", GOOD)
def test_valid_addresses_are_registered(address):
    """O21-01: an https address, or http on loopback, is accepted."""
    assert check_redirect("redirect_uris", address, native=False) == address


@pytest.mark.parametrize("address", BAD, ids=repr)
def test_ambiguous_redirect_addresses_are_not_registered(address):
    """R97-01, R97-15, V1.2.2, O21-01: programs read such addresses in different ways."""
    with pytest.raises(Invalid):
        check_redirect("redirect_uris", address, native=False)


@pytest.mark.parametrize("address", NATIVE_GOOD)
def test_private_schemes_with_a_dot_are_for_native_apps(address):
    """RFC 8252 §7.1: only native apps may register them."""
    assert check_redirect("redirect_uris", address, native=True) == address


@pytest.mark.parametrize("address", [*NATIVE_BAD, *(bad for bad in BAD if bad != "com.example.app:/cb")], ids=repr)
def test_native_apps_cannot_register_ambiguous_addresses(address):
    """O21-18: the same addresses are refused for native apps."""
    with pytest.raises(Invalid):
        check_redirect("redirect_uris", address, native=True)


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:x", "http://app.example/", "com.example.app:/x"])
def test_pages_of_a_client_are_web_addresses(address):
    """V1.2.2: pages link to the logo, policy and terms, so script addresses are refused."""
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
    "javascript:alert(1)", "http://localhost:8001/other", "http://127.0.0.2/cb", "http://127.0.0.1.evil.example/cb",
    "http://127.0.0.1:80@evil.example/cb", "http://127.0.0.1:999999/cb", "http://127.0.0.1:/cb", "http://127.0.0.1:80/other",
    "https://127.0.0.1/cb", "http://127.0.0.1:8\\@evil.example/cb", "http://[::1]:5000/cb", "http://[::1]/cb?x=2",
    "http://127.0.0.1:0/cb", "http://127.0.0.1:99999/cb", "http://127.0.0.1:65536/cb", "http://127.0.0.1:00080/cb",
    "http://127.0.0.1:08/cb", "http://[::1]:0/cb?x=1", "http://[::1]:99999/cb?x=1", "http://[::1]:/cb?x=1",
    "http://[::2]:5000/cb?x=1", "http://0.0.0.0/cb", "http://[::ffff:127.0.0.1]/cb",
]  # fmt: skip


@pytest.mark.parametrize("address", OTHER)
def test_an_address_with_one_different_byte_is_refused(address):
    """R97-01: native apps match exactly too. Only the port of a loopback address may differ."""
    assert not is_registered(address, REGISTERED, any_loopback_port=True)


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:51234/cb", "http://[::1]:1/cb?x=1", "http://[::1]/cb?x=1", "http://localhost:8001/cb"],
)
def test_native_apps_listen_on_any_loopback_port(address):
    """RFC 8252 §7.3: only native apps may use any loopback port."""
    assert is_registered(address, REGISTERED, any_loopback_port=True)
    assert not is_registered(address, REGISTERED, any_loopback_port=False)


@pytest.mark.parametrize("address", ["http://localhost:80/cb", "http://[::1]/cb", "http://localhost/cb"])
def test_one_loopback_name_never_stands_for_another(address):
    """RFC 8252 §8.3: ``localhost`` may be resolved to another address, so only an app that registered it uses it."""
    assert not is_registered(address, ("http://127.0.0.1/cb",), any_loopback_port=True)
    assert not is_registered("http://127.0.0.1/cb", ("http://localhost/cb",), any_loopback_port=True)


NATIVE = ["com.example.app:/cb", "http://localhost/cb", "http://127.0.0.1/cb"]


def test_a_native_app_signs_in_and_out_by_its_own_addresses(scene):
    """RFC 8252 §7.1, §7.3: a private scheme, and a listener on any port; also where people go after signing out."""
    options = {"redirect_uris": NATIVE, "post_logout_redirect_uris": NATIVE, "application_type": "native"}
    party = scene.party("native", public=True, **options)
    for address in ("com.example.app:/cb", "http://localhost:49152/cb", "http://127.0.0.1:49152/cb"):
        party.redirect_uri = address
        assert scene.tokens(party).claims["sub"] == scene.person.id
        hint = party.tokens.id_token
        query = urlencode({"id_token_hint": hint, "post_logout_redirect_uri": address})
        assert scene.browser.open(f"{party.metadata['end_session_endpoint']}?{query}").left_for == address


def test_a_web_app_with_a_secret_has_one_loopback_port(scene):
    """RFC 8252 §7.3 is about native apps; any other app on loopback is compared exactly."""
    party = scene.party(redirect_uri="http://localhost:8001/cb")
    assert scene.browser.open(party.authorize_url(redirect_uri="http://localhost:8002/cb")).status == 400


CLOSE = {
    "http://app.example:8443/a/cb?x=1": "but for its scheme",
    "https://app.example/a/cb?x=1": "but for its port",
    "https://app.example:8443/b/cb?x=1": "but for its path",
    "https://app.example:8443/a/cb": "but for its query",
    "https://evil.example:8443/a/cb?x=1": "but for its host",
    "http://app.example/a/cb?x=1": "but for its scheme and its port",
    "https://two.example/cb/": "without the final slash",
    "https://three.example": "with a final slash",
    "https://two.example/CB": "with other capitals",
    "https://two.example/c%62": "with other characters percent-encoded",
    " https://two.example/cb": "without the spaces around it",
    "https://two.example/cb#x": "without the fragment",
}
FAR = ["https://evil.example/x", "https://[::1", "http://two.example:99999/x", "nonsense", "javascript:alert(1)", "com.a:/b"]


def test_the_developer_reads_what_was_sent_and_how_close_it_is(scene):
    """The page names parts of the address that was sent. A stranger reads no registered address on it."""
    registered = ["https://app.example:8443/a/cb?x=1", "https://two.example/cb", "https://three.example/"]
    party = scene.party(redirect_uris=registered)
    for sent, hint in {**CLOSE, **dict.fromkeys(FAR, "")}.items():
        page = scene.browser.open(party.authorize_url(redirect_uri=sent))
        assert (page.status, page.left_for) == (400, None)
        assert (f"A registered address is the same {hint}." in page.text) if hint else ("A registered" not in page.text), (
            sent
        )
        assert sent.strip() in page.text
        assert not [one for one in registered if one not in sent and one in page.text], sent


@pytest.mark.parametrize(
    ("sent", "hint"),
    [(" webshop", "without the spaces around it"), ("WebShop", "in small letters"), ("shop", ""), ("", "")],
)
def test_the_developer_reads_which_client_id_was_sent(scene, sent, hint):
    """A copied space or capital is named."""
    page = scene.browser.open(scene.party().authorize_url(client_id=sent))
    assert page.status == 400
    assert ("A client has it" in page.text) is bool(hint)
    assert hint in page.text


@pytest.mark.parametrize("more", [{}, {"prompt": "none"}, {"scope": "bogus"}, {"response_type": "token"}])
def test_an_unregistered_address_gets_a_page_never_a_redirect(scene, more):
    """R97-02, R97-20: this holds whatever else is wrong with the request."""
    party = scene.party(redirect_uri="https://app.example/cb")
    for address in [*OTHER, "https://evil.example/", "\x00", "x" * 5000, "é", "https://app.example/\r\nX: y"]:
        answer = scene.browser.open(party.authorize_url(redirect_uri=address, **more))
        assert (answer.status, answer.left_for) == (400, None), address
        assert "Location" not in answer.headers


def test_an_unknown_client_gets_a_page_that_says_so(scene):
    """R97-20: an unknown client has no address to trust."""
    party = scene.party()
    answer = scene.browser.open(party.authorize_url(client_id="nobody"))
    assert answer.status == 400
    assert "client_id" in answer.text


def test_another_clients_redirect_address_is_refused(scene):
    """V10.4.1: an address belongs to one client."""
    mine = scene.party(redirect_uri="https://app.example/cb")
    scene.party("other", redirect_uri="https://other.example/cb")
    assert scene.browser.open(mine.authorize_url(redirect_uri="https://other.example/cb")).status == 400


def test_openid_requests_must_name_even_the_only_address(scene):
    """Core §3.1.2.1: redirect_uri is REQUIRED. A plain OAuth request may omit the only address (OAuth 2.1 §2.3.2)."""
    party = scene.party()
    assert scene.browser.open(party.authorize_url(redirect_uri=None)).status == 400
    assert scene.sign_in(party, redirect_uri=None, scope="profile").startswith(party.redirect_uri)


def test_with_two_addresses_one_must_be_named(scene):
    """O21-02: we cannot choose between them."""
    party = scene.party(redirect_uris=["https://app.example/cb", "https://app.example/cb2"])
    assert scene.browser.open(party.authorize_url(redirect_uri=None, scope="profile")).status == 400


def test_a_native_app_gets_a_page_for_an_invalid_port(scene):
    """Such a port caused a bare 500 after the view. Only 1 to 65535, in one spelling, are ports."""
    party = scene.party("native", public=True, application_type="native", redirect_uri="http://127.0.0.1/cb")
    for port in ("0", "99999", "65536", "00080", "", "080"):
        answer = scene.browser.open(party.authorize_url(redirect_uri=f"http://127.0.0.1:{port}/cb", prompt="none"))
        assert (answer.status, answer.left_for) == (400, None), port
        assert "redirect_uri" in answer.text
    for port in ("1", "80", "8080", "65535"):
        address = f"http://127.0.0.1:{port}/cb"
        answer = scene.browser.open(party.authorize_url(redirect_uri=address, prompt="none"))
        assert (answer.left_for or "").startswith(f"{address}?error=login_required"), port


STORED = ["https://" + "a" * 64 + ".example/cb", "https://app.example:0/cb", "https://app.example:99999/cb",
          "https://app.example:00080/cb", "https://b\u00fccher.example/cb", "https://[::1/cb"]  # fmt: skip


def test_a_stored_address_that_breaks_a_newer_rule_is_refused(scene, ask):
    """Use runs the same check as registration. Sign-in shows the error page, and sign-out does not redirect."""
    party = scene.party()
    with scene.factory.context(), transaction():
        row = clients.client(party.client_id)
        metadata = {**row.metadata_, "redirect_uris": STORED, "post_logout_redirect_uris": STORED}
        clients.change_client(party.client_id, metadata_=metadata)
    for address in STORED:
        assert scene.browser.open(party.authorize_url(redirect_uri=address, prompt="none")).status == 400, address
        query = {"client_id": party.client_id, "post_logout_redirect_uri": address}
        assert "Location" not in ask("GET", "/oauth/logout", query_string=query).headers, address
    assert scene.browser.open(party.authorize_url(redirect_uri=None, scope="profile")).status == 400


EXACT = [
    "https://app.example:443/cb", "https://app.example:80/cb?a=[1]&b='c'&d=(e)!$*"[:-1], "https://app.example/a%7eb;c=d,e",
    "https://xn--bcher-kva.example/cb", "https://xn--a.example/cb?x=%C3%A9", "https://app.example/cb?", "https://app.example/?a=b&",
    "https://[2001:db8:0:0::1]:8443/cb", "https://app.example", "https://app.example/cb/?q=a+b",
]  # fmt: skip


def test_the_location_is_the_registered_address_byte_for_byte(scene, ask):
    """No code between the view and the socket rewrites the address."""
    party = scene.party(redirect_uris=EXACT, post_logout_redirect_uris=EXACT)
    for address in EXACT:
        query = party.authorize_url(redirect_uri=address, prompt="none").partition("?")[2]
        assert ask("GET", "/oauth/authorize", query_string=query).headers["Location"].startswith(address), address
        query = urlencode({"client_id": party.client_id, "post_logout_redirect_uri": address})
        assert ask("GET", "/oauth/logout", query_string=query).headers["Location"] == address


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_response_fails_while_it_is_sent(scene, ask, method):
    """This includes the router's own redirects and odd paths and queries."""
    for path in (
        "//oauth//authorize",
        "//[",
        "/\\evil.example",
        "/admin//x:99999/",
        "/sign-in/\u0439",
        "//%5b::1/x",
        "/..//x",
    ):
        for query in ("", "a=[", "%ff=%fe", "redirect_uri=http://127.0.0.1:99999/", "a=\xd0\xb9"):
            raw = {"PATH_INFO": path.encode().decode("latin-1"), "QUERY_STRING": query}
            assert ask(method, "/", environ_overrides=raw).status_code < 500, (path, query)


@pytest.mark.parametrize("back", ["/caf\u00e9", "/\u0665?x=\u0439", "/a b", "/[::1", "/x:99999"])
def test_a_return_path_with_any_characters_is_followed(scene, back):
    """Our own path in a posted form is encoded to characters that a header may contain."""
    scene.browser.open(scene.party().authorize_url())
    token = scene.browser.value("csrf_token")
    answer = scene.browser.client.post(
        "/language", base_url=scene.settings.issuer, data={"csrf_token": token, "language": "nl", "back": back}
    )
    assert answer.status_code == 303
    assert answer.headers["Location"].isascii()
