"""A refused or cross-site request changes nothing at the browser: no cookie is set or deleted, no browser is noted."""

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
    """What a page of anybody's own sign-in holds: an attacker may copy it into a page of theirs."""
    page = shop.at_password()
    return {name: page.value(name) for name in ("request", "step", "csrf_token")} | {"username": "ann", "password": "x"}


@pytest.mark.parametrize("headers", [CROSS_SITE, OLDER, NO_REFERRER], ids=["fetch metadata", "origin", "null"])
def test_a_form_posted_from_another_site_sets_no_cookie(shop: Shop, recorder: Recorder, headers: dict[str, str]) -> None:
    """SameSite=Lax cookies do not come with a cross-site POST, but browsers store what its answer sets (every route)."""
    form, before = stale_form(shop), rows(shop)
    recorder.heard.clear()
    for path in paths(shop.app):
        shop.ask("POST", path, headers=headers, data=form)
    assert len(recorder.heard) > 60
    assert not [heard.path for heard in recorder.heard if "Set-Cookie" in heard.headers]
    assert rows(shop) == before


@pytest.mark.parametrize("headers", [EMBEDDED, FRAMED], ids=["image", "frame"])
def test_what_another_site_embeds_sets_no_cookie(shop: Shop, recorder: Recorder, headers: dict[str, str]) -> None:
    """An image or a frame comes without our cookies: no cookie came, which does not mean that there is none."""
    before = rows(shop)
    asked = shop.party.authorize_url().removeprefix(shop.settings.issuer + "/oauth/authorize?")
    for path in paths(shop.app):
        shop.ask("GET", path, headers=headers, query_string=asked)
    assert not [heard.path for heard in recorder.heard if "Set-Cookie" in heard.headers]
    assert rows(shop) == before
    told = shop.ask("GET", "/oauth/authorize", headers=headers, query_string=asked)
    assert "error=login_required" in told.headers["Location"]


def test_an_app_may_send_people_here_by_a_link_or_a_redirect(shop: Shop) -> None:
    """The top-level GET from an app's site is cross-site too: it begins the sign-in, and this browser gets its cookie."""
    asked = shop.party.authorize_url().removeprefix(shop.settings.issuer + "/oauth/authorize?")
    told = shop.ask("GET", "/oauth/authorize", headers=CROSS_SITE, query_string=asked)
    assert told.status_code == 303
    assert "__Host-browser" in told.headers["Set-Cookie"]


def test_a_refused_request_sets_and_deletes_no_cookie(shop: Shop, recorder: Recorder) -> None:
    """Every route, every method, known and unknown browsers: with 400 and more nothing changes at the browser."""
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
    """422 and 429 at the sign-in and the forms beside it leave the cookies as they are."""
    browser = shop.at_password()
    recorder.heard.clear()
    for _ in range(6):
        browser.fill(username="ann", password="wrong").submit()
    browser.open("/reset").submit()
    assert not [heard.path for heard in recorder.heard if "Set-Cookie" in heard.headers]


def test_an_answer_to_another_sites_request_does_not_end_a_test_of_an_app(shop: Shop) -> None:
    """The console's trial cookie is deleted by its own answer only: any site may send a browser to our callback."""
    browser = shop.browser()
    browser.client.set_cookie("__Host-trial", "held", domain="id.example.com", secure=True)
    assert browser.open("/admin/test/callback?code=x&state=y").status == 400
    assert browser.cookies["__Host-trial"] == "held"


def test_a_stale_form_without_cookies_opens_the_sign_in_again_by_a_get(shop: Shop) -> None:
    """S60: nothing is set with a POST that brought no cookie; the GET that follows brings the browser's own, if any."""
    browser = shop.at_password()
    held, form = dict(browser.cookies), {"request": browser.value("request"), "step": "password", "username": "ann"}
    told = shop.ask("POST", "/sign-in/" + "A" * 43, data=form)
    assert told.status_code == 303
    assert "Set-Cookie" not in told.headers
    browser.open(told.headers["Location"])
    assert browser.cookies == held  # this browser was known all along
    assert browser.value("username") == "ann"
    assert "username=" not in told.headers["Location"]
