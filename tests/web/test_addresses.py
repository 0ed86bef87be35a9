"""The client's address and our own name come from the configuration. Request headers change them only if configured."""

from collections.abc import Callable

import pytest

from idp.app import create_app
from idp.config import Settings
from idp.store import audit
from tests.drivers.applications import close
from tests.web.conftest import Shop

EVIL = "evil.example"
SPOOFS = [
    {"Host": EVIL},
    {"Host": f"id.example.com:443@{EVIL}"},
    {"Host": f"id.example.com.{EVIL}"},
    {"X-Forwarded-Host": EVIL, "X-Forwarded-Proto": "http", "X-Forwarded-Port": "8080", "X-Forwarded-Prefix": f"//{EVIL}"},
    {"Forwarded": f"for=203.0.113.9;host={EVIL};proto=http"},
    {"X-Original-URL": "/account/security", "X-Rewrite-URL": f"https://{EVIL}/"},
    {"X-HTTP-Method-Override": "DELETE", "X-Host": EVIL, "X-Forwarded-Server": EVIL},
    {"Referer": f"https://{EVIL}/", "Origin": f"https://{EVIL}"},
]


@pytest.mark.parametrize("spoof", SPOOFS, ids=lambda spoof: ",".join(spoof))
def test_no_header_changes_our_own_name(shop: Shop, spoof: dict[str, str]) -> None:
    """V4.1.3, security.md 11: links, redirects, issuer and discovery come from the configuration only."""
    query = shop.party.authorize_url().partition("?")[2]
    plain = shop.ask("GET", "/.well-known/openid-configuration")
    asked = {
        "/.well-known/openid-configuration": "",
        "/oauth/authorize": query,
        "/": "",
        "/account/security": "",
        "/no-such-page": "",
        "/oauth/logout": "",
    }
    for path, query_string in asked.items():
        answer = shop.ask("GET", path, headers=spoof, query_string=query_string)
        assert answer.status_code in (200, 303, 404), path
        assert EVIL not in answer.get_data(as_text=True), path
        assert not answer.headers.get("Location", "/").startswith(("http", "//")), path
        if path.startswith("/.well-known"):
            assert answer.get_data() == plain.get_data()


def test_the_answer_to_the_app_names_the_configured_issuer(shop: Shop) -> None:
    """RFC 9207, V4.1.3: no header of a proxy changes ``iss`` or the issuer of the ID token."""
    browser = shop.at_code()
    browser._headers |= {"X-Forwarded-Host": EVIL, "Forwarded": f"host={EVIL}", "X-Forwarded-Proto": "http"}
    browser.fill(code=shop.ann.authenticator.code()).submit()
    shop.allow(browser)
    assert shop.party.callback(browser.left_for).claims["iss"] == shop.settings.issuer


def addresses(shop: Shop) -> list[str]:
    """Return the addresses of wrong passwords in the audit log."""
    with shop.factory.context():
        return [row.address for row in audit.rows(shop.organisation_id) if row.event == "password:wrong"]


def guess(shop: Shop, peer: str, forwarded: str) -> None:
    """Enter one wrong password."""
    browser = shop.browser(address=peer).open(shop.party.authorize_url())
    browser._headers["X-Forwarded-For"] = forwarded
    browser.fill(username="ann", password="a wrong one, though long").submit()
    assert browser.status == 422


@pytest.mark.parametrize(
    "forwarded", ["203.0.113.9", "10.0.0.1", "127.0.0.1", "junk", "", ",,,", "203.0.113.9:80", "a" * 3000]
)
def test_a_client_cannot_choose_its_own_ip_address(shop: Shop, forwarded: str) -> None:
    """V15.3.4: without a configured proxy, X-Forwarded-For is ignored."""
    guess(shop, "198.51.100.4", forwarded)
    assert addresses(shop) == ["198.51.100.4"]


@pytest.mark.parametrize(
    ("peer", "forwarded", "believed"),
    [
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.1", "203.0.113.9, junk", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("10.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("10.0.0.1", "[2001:DB8::7]", "2001:db8::7"),
        ("10.0.0.1", "203.0.113.9, [::ffff:10.0.0.2]:80", "203.0.113.9"),
        ("10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("::ffff:198.51.100.4", "203.0.113.9", "198.51.100.4"),
        ("fd00::1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9:99:1", "10.0.0.1"),
        ("10.0.0.1", "[203.0.113.9", "10.0.0.1"),
        ("10.0.0.1", "٢٠٣.0.113.9", "10.0.0.1"),
        ("10.0.0.1", "fe80::1%eth0", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("198.51.100.4", "203.0.113.9", "198.51.100.4"),
        ("11.0.0.1", "203.0.113.9", "11.0.0.1"),
    ],
)
def test_a_configured_proxy_is_trusted_from_the_end_of_its_list(
    shop: Shop, configure: Callable[..., Settings], peer: str, forwarded: str, believed: str
) -> None:
    """V15.3.4: the last address that is no proxy of ours is the client's. The client wrote the entries before it."""
    behind = create_app(configure(server={"trusted_proxies": ["::ffff:10.0.0.0/104", "fd00::/8"]}))
    try:
        shop.app = behind
        guess(shop, peer, forwarded)
        assert addresses(shop) == [believed]
    finally:
        close(behind)
