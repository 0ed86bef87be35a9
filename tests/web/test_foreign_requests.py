"""A refused or cross-site request sets and deletes no cookie, and makes no browser row."""

import pytest
from sqlalchemy import func, select

from idp.statements import values
from idp.store.browsers import Browser as BrowserRow
from tests.web.conftest import Recorder, Shop, paths

CROSS_SITE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
EMBEDDED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
FRAMED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
OLDER = {"Origin": "https://evil.example"}
NO_REFERRER = {"Origin": "null"}


def rows(shop: Shop) -> int:
    with shop.factory.context():
        return int(values(select(func.count()).select_from(BrowserRow))[0][0])


def stale_form(shop: Shop) -> dict[str, str]:
    """Return a form of the attacker's own sign-in, which a page of theirs may contain."""
    page = shop.at_password()
    return {name: page.value(name) for name in ("request", "step", "csrf_token")} | {"username": "ann", "password": "x"}


@pytest.mark.parametrize("headers", [CROSS_SITE, OLDER, NO_REFERRER], ids=["fetch metadata", "origin", "null"])
def test_a_form_posted_from_another_site_sets_no_cookie(shop: Shop, recorder: Recorder, headers: dict[str, str]) -> None:
    """A cross-site POST sends no SameSite=Lax cookies, but browsers store the cookies of its response (every route)."""
    form, before = stale_form(shop), rows(shop)
    recorder.heard.clear()
    for path in paths(shop.app):
        shop.ask("POST", path, headers=headers, data=form)
    assert len(recorder.heard) > 60
    assert not [heard.path for heard in recorder.heard if "Set-Cookie" in heard.headers]
    assert rows(shop) == before


@pytest.mark.parametrize("headers", [EMBEDDED, FRAMED], ids=["image", "frame"])
def test_an_embedded_request_sets_no_cookie(shop: Shop, recorder: Recorder, headers: dict[str, str]) -> None:
    """An image or a frame on another site sends no cookies, although the browser may have some."""
    before = rows(shop)
    asked = shop.party.authorize_url().removeprefix(shop.settings.issuer + "/oauth/authorize?")
    for path in paths(shop.app):
        shop.ask("GET", path, headers=headers, query_string=asked)
    assert not [heard.path for heard in recorder.heard if "Set-Cookie" in heard.headers]
    assert rows(shop) == before
    answer = shop.ask("GET", "/oauth/authorize", headers=headers, query_string=asked)
    assert "error=login_required" in answer.headers["Location"]


def test_an_app_may_send_users_here_by_a_link_or_a_redirect(shop: Shop) -> None:
    """The top-level GET from an app's site is cross-site too. It begins the sign-in, and the browser gets its cookie."""
    asked = shop.party.authorize_url().removeprefix(shop.settings.issuer + "/oauth/authorize?")
    answer = shop.ask("GET", "/oauth/authorize", headers=CROSS_SITE, query_string=asked)
    assert answer.status_code == 303
    assert "__Host-browser" in answer.headers["Set-Cookie"]


def test_a_refused_request_sets_and_deletes_no_cookie(shop: Shop, recorder: Recorder) -> None:
    """This holds for every route, every method, and known and unknown browsers, at each status of 400 and above."""
    known = shop.signed_in()
    recorder.heard.clear()
    for path in paths(shop.app):
        for method in ("GET", "POST", "PUT", "DELETE"):
            shop.ask(method, path)
            over = {"PATH_INFO": path}
            known.client.open("/", method=method, base_url=shop.settings.issuer, environ_overrides=over, buffered=True)
    shop.ask("POST", "/language", data={"x": "y" * 200_000})
    refused = [heard for heard in recorder.heard if heard.status >= 400]
    assert {403, 404, 405, 413} <= {heard.status for heard in refused}
    assert not [(heard.method, heard.path) for heard in refused if "Set-Cookie" in heard.headers]


def test_a_wrong_answer_sets_no_cookie(shop: Shop, recorder: Recorder) -> None:
    """422 and 429 at the sign-in and at related forms leave the cookies unchanged."""
    browser = shop.at_password()
    recorder.heard.clear()
    for _ in range(6):
        browser.fill(username="ann", password="wrong").submit()
    browser.open("/reset").submit()
    assert not [heard.path for heard in recorder.heard if "Set-Cookie" in heard.headers]


def test_another_sites_request_does_not_end_a_test_of_an_app(shop: Shop) -> None:
    """Any site may send a browser to our callback. Only the console's own answer deletes its trial cookie."""
    browser = shop.browser()
    browser.client.set_cookie("__Host-trial", "held", domain="id.example.com", secure=True)
    assert browser.open("/admin/test/callback?code=x&state=y").status == 400
    assert browser.cookies["__Host-trial"] == "held"


def test_a_stale_form_without_cookies_reopens_the_sign_in_by_a_get(shop: Shop) -> None:
    """S60: a POST without cookies sets none. The browser's own cookies come with the GET that follows."""
    browser = shop.at_password()
    held, form = dict(browser.cookies), {"request": browser.value("request"), "step": "password", "username": "ann"}
    answer = shop.ask("POST", "/sign-in/" + "A" * 43, data=form)
    assert answer.status_code == 303
    assert "Set-Cookie" not in answer.headers
    browser.open(answer.headers["Location"])
    assert browser.cookies == held  # we knew this browser before
    assert browser.value("username") == "ann"
    assert "username=" not in answer.headers["Location"]
