"""Places that scanners look for do not exist, and get the usual page for a wrong address."""

import re
import sqlite3

import pytest

from tests.drivers.page import Page
from tests.web.conftest import Shop

PLACES = [
    "/.git/HEAD",
    "/.git/config",
    "/.env",
    "/.svn/entries",
    "/.well-known/../.env",
    "/static/",
    "/static/css/",
    "/static/css",
    "/static/../",
    "/static/../pages.py",
    "/static/../../config.py",
    "/static/..%2fpages.py",
    "/static/..\\pages.py",
    "/static/css/theme.css.map",
    "/static/css/theme.css~",
    "/static/\x00",
    "/static/css/theme.css\x00.html",
    "/bootstrap/static/",
    "/bootstrap/static/../__init__.py",
    "/sleutel.sqlite3",
    "/idp.toml",
    "/config.toml",
    "/console",
    "/debug",
    "/server-status",
    "/metrics",
    "/health",
    "/openapi.json",
    "/apidoc/openapi.json",
    "/admin.php",
    "/wp-login.php",
    "/" + "a" * 6000,
    "/\xff\xfe",
    "/<script>alert(1)</script>",
    "/{{7*7}}",
    "/\\evil.example",
    "/%2e%2e/%2e%2e/etc/passwd",
]


@pytest.mark.parametrize("path", PLACES, ids=lambda path: ascii(path)[:40])
def test_places_that_scanners_look_for_do_not_exist(shop: Shop, path: str) -> None:
    """V13.4.1, V13.4.3, V13.4.5, V13.4.7: the page is that of any wrong address and reveals nothing."""
    answer = shop.ask("GET", path)
    assert answer.status_code == 404
    page = Page(answer.get_data(as_text=True))
    assert page.heading == "This page does not exist"
    assert ("/", "Go to the home page") in page.links
    assert not answer.headers.getlist("Set-Cookie")


@pytest.mark.parametrize("path", ["//", "//evil.example/", "/static//etc/passwd", "///evil.example//", "/account//security"])
def test_doubled_slashes_redirect_only_to_the_issuer(shop: Shop, path: str) -> None:
    """V3.7.2, V4.1.3: the router merges doubled slashes. It redirects to the issuer, whatever Host says."""
    answer = shop.ask("GET", path, headers={"Host": "evil.example"})
    assert answer.status_code in (200, 308, 404)
    assert answer.headers.get("Location", shop.settings.issuer + "/").startswith(shop.settings.issuer + "/")


def test_the_not_found_page_speaks_dutch(shop: Shop) -> None:
    """S62: a wrong address gets a page in the reader's language."""
    page = Page(shop.ask("GET", "/weg", headers={"Accept-Language": "nl-NL,nl;q=0.9,en;q=0.5"}).get_data(as_text=True))
    assert page.language == "nl"
    assert page.heading not in ("", "This page does not exist")


VALUES = re.compile(r'value="[^"]*"')
"""Tokens, and the address to which a picked language leads back."""


@pytest.mark.parametrize("query", ["__debugger__=yes&cmd=resource&f=style.css", "debug=1", "XDEBUG_SESSION_START=1"])
def test_no_debugger_answers(shop: Shop, query: str) -> None:
    """V13.4.2: the front page ignores parameters of debuggers."""
    plain, asked = shop.ask("GET", "/"), shop.ask("GET", "/", query_string=query)
    assert asked.status_code == 200
    assert VALUES.sub("", asked.get_data(as_text=True)) == VALUES.sub("", plain.get_data(as_text=True))


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)  # the test makes a trigger, which needs the file of SQLite
def test_a_server_error_reveals_only_its_number(shop: Shop, capfd: pytest.CaptureFixture[str], database_url: str) -> None:
    """V16.5.1, V16.5.4, V16.2.5: the page has a number to ask about, but no trace, version or query.
    The log has the rest, without secrets.
    """
    browser = shop.at_password()
    with sqlite3.connect(database_url.removeprefix("sqlite:///")) as breaker:
        broken = "BEFORE INSERT ON auth_failures BEGIN SELECT RAISE(ABORT, 'a fault of ours'); END"
        breaker.execute(f"CREATE TRIGGER broken {broken}")
    breaker.close()
    browser.fill(username="ann", password="canary-in-the-coal-mine").submit()
    assert browser.status == 500
    assert browser.heading == "Something went wrong"
    for word in ("Traceback", "sqlite", "SQL", "failures", "Flask", "Werkzeug", "Python", "canary", "/idp/"):
        assert word not in browser.html, word
    logged = "".join(capfd.readouterr())
    number = browser.text.partition("this reference:")[2].split()[0]
    assert number in logged
    assert "a fault of ours" in logged
    assert "canary" not in logged
    assert shop.ann.id not in logged, "the log contains values of a query"
    with sqlite3.connect(database_url.removeprefix("sqlite:///")) as mender:
        mender.execute("DROP TRIGGER broken")
    mender.close()
    assert shop.signed_in().left_for is not None
