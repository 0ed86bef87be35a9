"""Users of every role open every route of the profile and the console, and reach only their own pages (S13)."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.drivers.browser import Browser
from tests.drivers.roles import OWN, ROLES, WHO, addresses, people, sign_in, values
from tests.factories import MadePerson

__all__ = ["people", "values"]

ISSUER = "https://id.example.com"


def test_the_table_names_every_page_of_the_console(app: Flask) -> None:
    """A new page must declare the roles that may use it."""
    there = {rule.endpoint for rule in app.url_map.iter_rules() if rule.endpoint.startswith("admin.")}
    assert there == set(WHO)


UNKNOWN_HERE = {
    "admin.edit_policy", "admin.remove_policy", "admin.resend_mail", "admin.withdraw_ownership", "admin.remove_passkey",
    "admin.remove_authenticator_app",
    "admin.export_file", "admin.download_export", "admin.discard_export",
}  # fmt: skip
"""Their objects do not exist in these tests, so 404 is right for allowed roles too."""


@pytest.mark.parametrize("role", ROLES)
def test_each_role_reaches_only_its_own_pages(
    app: Flask, new_browser: Callable[..., Browser], people: dict[str, MadePerson], values, role: str
) -> None:
    """S13: allowed roles get 200, and all others 404 and never 403, for GET and POST alike."""
    sign_in(new_browser(), people["employee"])
    browser = sign_in(new_browser(address="192.0.2.8"), people[role])
    token = browser.value("csrf_token")
    for endpoint, (address, methods) in addresses(app, "admin.", values()).items():
        may = role in WHO[endpoint]
        status = browser.open(address).status
        if endpoint == "admin.tested":
            assert status == 400, "the page needs a test that this browser began"
            continue
        assert status == (200 if may else 404) or (may and endpoint in UNKNOWN_HERE and status == 404), (endpoint, status)
        assert "/sign-in/" not in browser.url, endpoint
        if "POST" in methods and not may:
            assert browser.send("POST", ISSUER + address, [("csrf_token", token)]).status == 404, endpoint
        if "POST" in methods and may:
            assert browser.send("POST", ISSUER + address, []).status == 403, f"{endpoint} accepts forms of other sites"


@pytest.mark.parametrize("role", ROLES)
def test_every_signed_in_user_reaches_only_their_own_profile(
    app: Flask, new_browser: Callable[..., Browser], people: dict[str, MadePerson], role: str
) -> None:
    """Every page of the profile opens to every signed-in user. Ids of other users are unknown there."""
    browser = sign_in(new_browser(), people[role])
    for endpoint, (address, methods) in addresses(app, OWN, {}).items():
        if "GET" in methods:
            compulsory = endpoint in ("account.ask_to_remove", "account.ask_password")
            about_another = endpoint in ("account.ask_to_remove_passkey", "account.ask_to_remove_authenticator_app")
            expected = {403, 200} if compulsory else {404} if about_another else {200}
            assert browser.open(address).status in expected, endpoint


def test_every_page_without_a_session_leads_to_the_sign_in(app: Flask, browser: Browser, people, values) -> None:
    """The answer reveals nothing of the page's content."""
    browser.open("/")
    token = browser.value("csrf_token")
    for prefix in ("admin.", OWN):
        for endpoint, (address, methods) in addresses(app, prefix, values()).items():
            if endpoint in ("account.home", "account.sign_in", "account.sign_out", "admin.tested"):
                continue
            for method in methods:
                browser.send(method, ISSUER + address, [("csrf_token", token)] if method == "POST" else [])
                assert "/sign-in/" in browser.url, (method, endpoint)
                assert browser.status == 200


def test_the_console_does_not_reveal_which_organisations_exist(browser: Browser, people) -> None:
    """S29: the consoles of an unknown organisation and of an existing one look the same."""
    seen = []
    for store_url in ("example-shoes", "nowhere"):
        browser.forget_cookies().open(f"/admin/{store_url}/people")
        seen.append((browser.status, browser.heading))
    assert seen[0] == seen[1]
