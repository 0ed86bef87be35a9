"""Check every cookie that a complete journey sets."""

from collections.abc import Callable

import pytest
from flask import Flask

from idp.app import create_app
from idp.config import Settings
from tests.drivers.applications import close
from tests.drivers.browser import Browser
from tests.drivers.relying_party import RelyingParty
from tests.web.conftest import Recorder, Shop


def cookies_of(recorder: Recorder) -> dict[str, list[list[str]]]:
    """Return the attributes of each time a cookie was set, in lower case, by its name."""
    found: dict[str, list[list[str]]] = {}
    for heard in recorder.heard:
        for line in heard.headers.getlist("Set-Cookie"):
            pair, *attributes = [part.strip() for part in line.split(";")]
            found.setdefault(pair.partition("=")[0], []).append([one.lower() for one in attributes])
            assert len(line) < 4096
    return found


def walk(shop: Shop, browser: Browser) -> None:
    """Sign in and remember the device, change the language, and sign out."""
    browser.open(shop.party.authorize_url()).fill(username="ann", password=shop.ann.password).submit()
    browser.submit("language=nl").fill(code=shop.ann.authenticator.code(), remember_device=True).submit()
    shop.allow(browser).open("/")
    assert "ann" in browser.text
    browser.submit(next(one.text for form in browser.page.forms if "sign-out" in form.action for one in form.buttons))
    assert "ann" not in browser.text


def test_over_https_every_cookie_belongs_to_the_host_only(shop: Shop, recorder: Recorder) -> None:
    """V3.3.1–V3.3.5: it is Secure, HttpOnly, SameSite, __Host-, small, for every path and without a domain."""
    walk(shop, shop.browser())
    found = cookies_of(recorder)
    assert set(found) == {"__Host-browser", "__Host-login", "__Host-device", "__Host-language"}
    for times in found.values():
        for attributes in times:
            assert {"secure", "httponly", "path=/"} <= set(attributes)
            assert {"samesite=lax", "samesite=strict"} & set(attributes)
            assert not [one for one in attributes if one.startswith("domain")]


def test_on_a_loopback_address_cookies_work_without_https(shop: Shop, configure: Callable[..., Settings]) -> None:
    """V3.3.1's exception for trials: http on loopback accepts neither Secure nor the prefix."""
    settings = configure(issuer="http://localhost:8000")
    app = create_app(settings)
    try:
        made = Recorder(app.wsgi_app)
        app.wsgi_app = made  # type: ignore[method-assign] # Flask's documented way to put something before it
        here = Shop(app, settings, shop.factory, shop.organisation_id, shop.ann, shop.made, _party(shop, app, settings))
        walk(here, here.browser())
        found = cookies_of(made)
        assert set(found) == {"browser", "login", "device", "language"}
        for times in found.values():
            assert all("secure" not in attributes and "httponly" in attributes for attributes in times)
        assert not [heard for heard in made.heard if "Strict-Transport-Security" in heard.headers]
    finally:
        close(app)


def _party(shop: Shop, app: Flask, settings: Settings) -> RelyingParty:
    return RelyingParty(app, settings.issuer, shop.made.client_id, shop.made.redirect_uri, secret=shop.made.secret)


def test_a_cookie_of_another_name_is_ignored(shop: Shop) -> None:
    """V3.3.3: a plain cookie of a sub-domain, or one without a name, never replaces the host's own."""
    browser = shop.signed_in()
    held = browser.cookies["__Host-login"]
    for line in (f"login={held}", f"=__Host-login={held}", f"__host-login={held}", f"__Secure-login={held}"):
        answer = shop.ask("GET", "/account/security", headers={"Cookie": line})
        assert answer.status_code == 303, line
        assert answer.headers["Location"].startswith("/sign-in/")


@pytest.mark.both_engines
def test_an_invalid_cookie_is_an_anonymous_browser(shop: Shop) -> None:
    """V7.2.1: an unknown or broken cookie means an anonymous browser, and never a server error."""
    for name in ("browser", "login", "device", "language"):
        for value in ("", "x", "." * 50, "A" * 4000, "\x7f\x01", "\xe9", "a.b.c", "%00", '"', '"\\000."', "nl\\000"):
            for path in ("/", "/account/security", "/sign-in/" + "A" * 43):
                answer = shop.ask("GET", path, headers={"Cookie": f"__Host-{name}={value}"})
                assert answer.status_code in (200, 303, 404), (name, value, path)


def test_each_new_proof_gets_a_new_session_cookie(shop: Shop) -> None:
    """V7.2.4: sign-in replaces a planted cookie, and the former one opens nothing."""
    browser = shop.at_password()
    assert "__Host-login" not in browser.cookies
    browser.client.set_cookie("__Host-login", "planted." + "A" * 43, domain="id.example.com", secure=True)
    browser.fill(username="ann", password=shop.ann.password).submit()
    browser.fill(code=shop.ann.authenticator.code()).submit()
    assert not browser.cookies["__Host-login"].startswith("planted")
