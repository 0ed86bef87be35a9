"""Sign-in does not reveal which users exist (V6.3.8, security.md 18)."""

import re
from collections.abc import Callable

import pytest
from flask import Flask

from idp import clock
from idp.db import transaction
from idp.store import users
from tests.drivers.browser import Browser
from tests.drivers.entered_secrets import SECRETS, WRONG
from tests.web.conftest import Shop


def answer_to(shop: Shop, username: str, password: str = WRONG, tries: int = 1) -> dict[str, object]:
    """Return the visible part of the response, without random values and without the name itself."""
    browser = shop.at_password()
    for _ in range(tries):
        browser.fill(username=username, password=password).submit()
    body = SECRETS.sub(r"\1…", browser.html).replace(username, "NAME")
    headers = sorted(
        (name, value)
        for name, value in browser.headers
        if name not in ("Content-Length", "Date", "Set-Cookie", "X-Request-Id")
    )
    return {"status": browser.status, "body": body, "headers": headers, "cookies": sorted(browser.cookies)}


@pytest.fixture
def people(shop: Shop) -> dict[str, str]:
    """Return a username for each state of a user."""
    for name in ("known", "gone", "bare"):
        shop.factory.make_user(shop.organisation_id, name, password="" if name == "bare" else shop.ann.password)
    gone = shop.factory.make_user(shop.organisation_id, "disabled")
    with shop.factory.context(), transaction():
        users.change_user(shop.organisation_id, gone.id, disabled_at=clock.now())
    return {"has a factor": "ann", "has none": "known", "is disabled": "disabled", "has no password": "bare"}


def test_a_wrong_password_looks_like_an_unknown_username(shop: Shop, people: dict[str, str]) -> None:
    """V6.3.8: status, page, headers and cookies are the same in every state."""
    nobody = answer_to(shop, "nobody")
    assert nobody["status"] == 422
    for who, username in people.items():
        assert answer_to(shop, username) == nobody, who


def test_a_disabled_user_looks_like_an_unknown_user(shop: Shop, people: dict[str, str]) -> None:
    """V6.3.8: the right password of a disabled user looks like a wrong one."""
    assert answer_to(shop, "disabled", shop.ann.password) == answer_to(shop, "nobody", shop.ann.password)
    assert answer_to(shop, "bare", shop.ann.password) == answer_to(shop, "nobody", shop.ann.password)


def test_rate_limits_look_the_same_for_an_unknown_username(shop: Shop, people: dict[str, str]) -> None:
    """V6.3.8, security.md 18: the rate limit counts unknown usernames in the same way."""
    nobody = answer_to(shop, "nobody", tries=6)
    assert nobody["status"] == 429
    for who, username in people.items():
        waiting = answer_to(shop, username, tries=6)
        assert _seconds_alike(waiting) == _seconds_alike(nobody), who


def _seconds_alike(answer: dict[str, object]) -> str:
    return re.sub(r"\b[1-3]\b", "2", str(answer))


def test_an_unknown_shop_looks_like_a_known_one(shop: Shop, app: Flask) -> None:
    """S29, V6.3.8: the same page asks for the password, and the same message refuses it."""
    shop.factory.make_organisation("another-shop")

    def seen(store_url: str) -> tuple[int, str, int, str]:
        browser: Browser = shop.browser().open(shop.party.authorize_url()).fill(organisation=store_url).submit()
        first = browser.status, cleaned(browser.html, store_url)
        browser.fill(username="ann", password=WRONG).submit()
        return *first, browser.status, cleaned(browser.html, store_url)

    cleaned: Callable[[str, str], str] = lambda body, name: SECRETS.sub(r"\1…", body).replace(name, "SHOP")  # noqa: E731 — one line, used in one place
    assert seen("example-shoes") == seen("no-such-shop-here")
