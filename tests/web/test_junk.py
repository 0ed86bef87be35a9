"""Junk in an address, a header or a credential is refused or not found. It never causes a server error."""

import base64

import pytest

from tests.web.conftest import Shop

DEVICES = ["x\x00y", "\x00", "é", "x" * 3000, "\xff", "\ud7ff", "..", "%00", " "]


@pytest.mark.both_engines
def test_junk_in_an_address_is_not_found(shop: Shop) -> None:
    """V2.2.1, V16.5.4: an invalid id in a path finds no device and causes no error. PostgreSQL accepts no NUL in a text."""
    browser = shop.signed_in()
    token = browser.open("/account/security").value("csrf_token")
    for device in DEVICES:
        path = f"/account/devices/{device}/forget".encode().decode("latin-1")
        over = {"PATH_INFO": path}
        answer = browser.client.post("/", data={"csrf_token": token}, base_url=browser.issuer, environ_overrides=over)
        assert answer.status_code in (303, 404), ascii(device)
        for page in (f"/sign-in/{device}", f"/sign-in/{device}/recovery-codes.txt", f"/oauth/authorize/{device}"):
            over = {"PATH_INFO": page.encode().decode("latin-1")}
            answer = browser.client.get("/", base_url=browser.issuer, environ_overrides=over)
            leads_on = page.startswith("/oauth/") and answer.status_code == 303 and answer.location in ("/", "/sign-in")
            assert leads_on or answer.status_code == 404, ascii(page)


@pytest.mark.parametrize("header", ["Cookie", "Accept-Language", "User-Agent", "X-Forwarded-For", "Referer", "Content-Type"])
def test_junk_in_a_header_is_ignored(shop: Shop, header: str) -> None:
    """V4.1.3, V16.5.4: this holds for broken and for huge headers."""
    for value in ("", ";", "\x01", "é", "=", "q=1;q", "a" * 9000, ",".join("a" * 500), "__Host-browser", '"', "nl;q=nan"):
        for path in ("/", "/oauth/authorize", "/account/security", "/oauth/userinfo"):
            assert shop.ask("GET", path, headers={header: value}).status_code in (200, 303, 400, 401), (path, value[:20])


@pytest.mark.both_engines
def test_junk_as_a_client_or_token_is_refused(shop: Shop) -> None:
    """V10.4, security.md 19: NUL, invalid UTF-8 and broken escapes in Basic and Bearer identify no client."""
    pairs = [
        b"a\x00b:secret",
        b"webshop:\x00",
        b"%00:%00",
        b"\xff:\xff",
        b"%ff:%ff",
        b":",
        b"",
        b"a" * 5000 + b":b",
        b"%ud800:x",
    ]
    words = [base64.b64encode(pair).decode() for pair in pairs] + ["!", "====", "\xe9", "a b c"]
    for word in words:
        for scheme in ("Basic", "basic", "Bearer", "Digest", ""):
            asked = {"Authorization": f"{scheme} {word}".strip()}
            grant = {"grant_type": "refresh_token", "refresh_token": "x.y"}
            answer = shop.ask("POST", "/oauth/token", headers=asked, data=grant)
            assert answer.status_code in (400, 401), (scheme, word)
            assert shop.ask("GET", "/oauth/userinfo", headers=asked).status_code in (400, 401), (scheme, word)
    for bearer in ("\x00.x", "%00.x", ".", "..", "a.", ".a", "a" * 26 + ".", "é.é"):
        grant = {
            "grant_type": "refresh_token",
            "refresh_token": bearer,
            "client_id": "webshop",
            "client_secret": shop.made.secret,
        }
        assert shop.ask("POST", "/oauth/token", data=grant).status_code in (400, 401), bearer


@pytest.mark.parametrize(
    "referrer", ["http://[::1", "//[", "https://id.example.com//[::1?answer=x", "http://\u2100.example/"]
)
def test_a_referrer_that_is_no_address_leads_nowhere(shop: Shop, referrer: str) -> None:
    """V2.2.1, V16.5.4: pages find their way back by it, and forms what was typed before. It may hold anything."""
    browser = shop.signed_in()
    token = browser.open("/account/security").value("csrf_token")
    sent = {"base_url": browser.issuer, "headers": {"Referer": referrer.encode().decode("latin-1")}}
    for page in ("/account/passkeys", "/account/authenticator-apps", "/account/address", "/account/factor/remove"):
        assert browser.client.get(page, **sent).status_code in (200, 303), page
    for form in ("/language", "/account/name", "/account/language"):
        answer = browser.client.post(form, data={"csrf_token": token, "language": "nl", "name": "Ann"}, **sent)
        assert answer.status_code == 303, form


def test_a_query_that_is_no_utf_8_reaches_the_console(shop: Shop) -> None:
    """V2.2.1, V16.5.4: the way back from a sign-in holds the query. The console's front door and its lists keep theirs."""
    email = "anna@shoes.example"
    anna = shop.factory.make_user(shop.organisation_id, "anna", role="administrator", with_totp=True, email=email)
    browser = shop.browser(address="192.0.2.8").open("/admin/example-shoes/people")
    browser.fill(username="anna", password=anna.password).submit()
    browser.fill(code=anna.authenticator.code()).submit()
    for page in ("/admin/example-shoes/people", "/admin/example-shoes/audit", "/admin/example-shoes/shops"):
        over = {"QUERY_STRING": "q=\xff\xfe"}
        assert browser.client.get(page, base_url=browser.issuer, environ_overrides=over).status_code == 200, page
