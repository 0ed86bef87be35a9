"""One place decides the language of a page (S62). Errors, sign-out, links and forgotten passwords follow it too."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask

from idp import languages
from idp.config import Settings
from idp.crypto import Hasher
from idp.db import transaction
from idp.errors import Busy
from idp.identity import email_links
from idp.identity.organisations import settings as organisation_settings
from idp.web import request_context as browsers
from tests.drivers.browser import Browser
from tests.drivers.relying_party import RelyingParty
from tests.drivers.words import BACK_TO_SIGNING_IN
from tests.factories import Factory, MadeClient, MadePerson

NewBrowser = Callable[..., Browser]


def spoken(page: Browser) -> str:
    """Return the page's language, after a check that attribute, header and words agree."""
    found = re.search(r'<html lang="(\w+)"', page.html)
    assert found is not None, page.html[:200]
    language = found.group(1)
    assert page.headers["Content-Language"] == language
    assert {"nl": "Naar de inhoud", "en": "Skip to the content"}[language] in page.html
    return language


@dataclass(frozen=True)
class Shop:
    """An organisation and a relying app of it."""

    factory: Factory
    organisation_id: str
    app: RelyingParty

    def person(self, **details: Any) -> MadePerson:
        """Return a user of the organisation."""
        return self.factory.make_user(self.organisation_id, "ann", **details)


@pytest.fixture
def shop(app: Flask, factory: Factory, settings: Settings) -> Shop:
    """Return an organisation that is not the only one, and an app that serves both."""
    factory.make_organisation("another-shop")
    organisation_id = factory.make_organisation(settings={"offer_set_up": False})
    made: MadeClient = factory.make_client()
    return Shop(
        factory,
        organisation_id,
        RelyingParty(app, settings.issuer, made.client_id, made.redirect_uri, secret=made.secret),
    )


def signed_in(shop: Shop, person: MadePerson, browser: Browser, **params: str) -> Browser:
    """Return a browser in which a user is signed in at the app."""
    browser.open(shop.app.authorize_url(**params)).fill(organisation=person.store_url).submit()
    browser.fill(username=person.username, password=person.password).submit()
    assert browser.left_for
    return browser


@pytest.mark.parametrize(
    ("picked", "asked", "cookie", "accepted", "country", "language"),
    [
        ("en", "nl", "nl", "nl", "NL", "en"),
        ("", "en", "nl", "nl", "NL", "en"),
        ("", "is nl-BE en", "en", "en", "", "nl"),
        ("", "", "nl", "en", "", "nl"),
        ("", "", "", "is, nl-NL;q=0.5, en;q=0.2", "", "nl"),
        ("", "", "", "nl;q=0, en", "NL", "en"),
        ("", "", "", "nlx, enm", "NL", "nl"),
        ("", "", "", "is", "NL", "nl"),
        ("", "", "", "*", "BE", "nl"),
        ("", "", "", "is", "AU", "en"),
        ("", "", "", "is", "IS", "en"),
        ("", "", "", "", "", "en"),
    ],
)
def test_the_language_follows_the_order_of_precedence(
    factory: Factory, app: Flask, settings: Settings, new_browser: NewBrowser,
    picked: str, asked: str, cookie: str, accepted: str, country: str, language: str,
) -> None:  # fmt: skip
    """S62, OIDC Core §3.1.2.1: picked here, ui_locales, this browser's last pick, Accept-Language, the organisation's."""
    organisation_id = factory.make_organisation(country=country)
    made = factory.make_client(organisations=(organisation_id,))
    relying = RelyingParty(app, settings.issuer, made.client_id, made.redirect_uri, secret=made.secret)
    browser = new_browser(languages=accepted)
    if cookie:
        browser.client.set_cookie("__Host-language", cookie, domain="id.example.com", secure=True)
    browser.open(relying.authorize_url(**({"ui_locales": asked} if asked else {})))
    if picked:
        browser.submit(f"language={picked}")
    assert spoken(browser) == language
    assert spoken(browser.click({"nl": "Wachtwoord vergeten", "en": "Forgot your password"}[language])) == language


def test_a_typed_organisation_does_not_choose_the_language(shop: Shop, new_browser: NewBrowser) -> None:
    """S29: otherwise the language would reveal which store URLs exist."""
    shop.factory.make_organisation("dutch-shop", country="NL")
    for typed in ("dutch-shop", "no-such-shop"):
        page = new_browser(languages="is").open(shop.app.authorize_url()).fill(organisation=typed).submit()
        assert spoken(page) == "en", typed


def test_an_error_of_an_apps_request_uses_the_apps_language(shop: Shop, browser: Browser) -> None:
    """S62: we know the language with the request, whatever is wrong with the rest of it."""
    for wrong in ({"client_id": "nobody"}, {"redirect_uri": "https://evil.example/"}):
        page = browser.open(shop.app.authorize_url(ui_locales="nl", **wrong))
        assert (page.status, spoken(page)) == (400, "nl")
    page = browser.open("/oauth/logout?post_logout_redirect_uri=https%3A%2F%2Fevil.example&ui_locales=nl-NL")
    assert spoken(page) == "nl"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/no-such-page", 404),
        ("/sign-in/unknown", 404),
        ("/oauth/authorize/unknown", 200),
        ("/admin/another-shop/people", 404),
    ],
)
def test_a_refusal_uses_the_signed_in_users_language(shop: Shop, browser: Browser, path: str, status: int) -> None:
    """S62: pages without another wish follow the user's choice, and so does the page of an unknown sign-in (S60)."""
    page = signed_in(shop, shop.person(locale="nl"), browser).open(path)
    assert (page.status, spoken(page)) == (status, "nl")


def test_a_foreign_form_is_refused_in_the_signed_in_users_language(shop: Shop, browser: Browser) -> None:
    """S62: 403 is decided before any view reads the session."""
    page = signed_in(shop, shop.person(locale="nl"), browser)
    refused = page.send("POST", "https://id.example.com/account/name", [("csrf_token", "forged")])
    assert (refused.status, spoken(refused)) == (403, "nl")


def test_a_busy_server_answers_in_the_language_of_the_sign_in(
    shop: Shop, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S62: the posted form contains the app's request, so a 503 within a step knows its language."""
    page = browser.open(shop.app.authorize_url(ui_locales="nl")).fill(organisation="example-shoes").submit()

    def busy(_: Hasher) -> None:
        raise Busy

    monkeypatch.setattr(Hasher, "slot", busy)
    page.fill(username="ann", password="a sturdy kettle sings 42").submit()
    assert (page.status, spoken(page)) == (503, "nl")


def test_signing_out_uses_the_users_language_to_its_end(shop: Shop, browser: Browser) -> None:
    """S62: the question, the answer, and the page after the sign-out, when there is no session."""
    ann = shop.person(locale="nl")
    asked = signed_in(shop, ann, browser).open("/oauth/logout")
    assert spoken(asked) == "nl"
    assert spoken(asked.submit("choice=sign_out")) == "nl"
    page = signed_in(shop, ann, Browser(browser.client.application, "https://id.example.com")).open("/")
    assert spoken(page.submit("Uitloggen")) == "nl"


def test_signing_out_for_an_app_uses_the_apps_language(shop: Shop, browser: Browser) -> None:
    """RP-Initiated Logout §2: ui_locales sets the language of the question and of the page after it."""
    asked = signed_in(shop, shop.person(locale="en"), browser).open("/oauth/logout?ui_locales=nl")
    assert spoken(asked) == "nl"
    assert spoken(asked.submit("choice=sign_out")) == "nl"


def test_pages_linked_from_a_sign_in_keep_its_language(shop: Shop, browser: Browser) -> None:
    """S62: "forgot password" uses the app's language, or the picked one, also on the way back.
    It is the same for every user.
    """
    page = browser.open(shop.app.authorize_url(ui_locales="nl")).fill(organisation="example-shoes").submit()
    assert spoken(page.click("Wachtwoord vergeten")) == "nl"
    assert spoken(page.submit("language=en")) == "en"
    assert spoken(page.fill(organisation="example-shoes", username="ann").submit()) == "en"
    assert spoken(page.click(BACK_TO_SIGNING_IN)) == "en"


def test_a_picked_language_wins_over_the_signed_in_users(shop: Shop, browser: Browser) -> None:
    """S62: the button works even if the signed-in user chose another language."""
    page = signed_in(shop, shop.person(locale="nl"), browser).open("/reset")
    assert spoken(page) == "nl"
    assert spoken(page.submit("language=en")) == "en"


@pytest.mark.parametrize(
    ("own", "country", "language"), [("nl", "", "nl"), ("en", "NL", "en"), ("", "NL", "nl"), ("", "", "en")]
)
def test_a_mailed_link_uses_its_readers_language_even_when_refused(
    shop: Shop, new_browser: NewBrowser, settings: Settings, monkeypatch: pytest.MonkeyPatch,
    own: str, country: str, language: str,
) -> None:  # fmt: skip
    """S62: the user's choice comes first. Without it and the browser's, the organisation's first language counts."""
    organisation_id = shop.factory.make_organisation("third-shop", country=country)
    ann = shop.factory.make_user(organisation_id, "ann", email="ann@shoes.example", locale=own)
    with shop.factory.context(), transaction():
        token = email_links.make(settings, shop.factory.user(ann), "reset", {}, email_links.soon(settings))
    page = new_browser(languages="is").open(email_links.address_of(settings, "reset", token))
    assert spoken(page) == language

    def busy(_: Hasher) -> None:
        raise Busy

    monkeypatch.setattr(Hasher, "slot", busy)
    page.fill(new_password="a copper kettle hums 43", new_password_again="a copper kettle hums 43").submit()
    assert (page.status, spoken(page)) == (503, language)


def test_an_outage_page_finds_its_language_without_the_database(
    shop: Shop, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S62: the page uses the browser's language."""
    page = signed_in(shop, shop.person(locale="nl"), browser)

    def away(*_: object) -> None:
        raise RuntimeError("the database is away")

    monkeypatch.setattr("idp.identity.sessions.sessions.current", away)
    monkeypatch.setattr(browsers, "visit", away)
    refused = page.open("/no-such-page")
    assert (refused.status, spoken(refused)) == (404, "en")


KEPT = {
    "reset": ("/reset", {"organisation": "example-shoes", "username": " "}, {"organisation": "example-shoes"}),
    "welcome": ("/welcome", {"organisation": "example-shoes", "username": "ann", "code": "no"}, {"username": "ann"}),
    "console": ("/admin/example-shoes/shops", {"code": "not a code!", "name": "Amsterdam"}, {"name": "Amsterdam"}),
}


@pytest.mark.parametrize("kind", KEPT)
def test_a_language_picked_at_an_answer_keeps_the_entered_values(kind: str, shop: Shop, browser: Browser) -> None:
    """S62: the answer to a form appears in the other language, and the user types nothing again."""
    path, fields, typed = KEPT[kind]
    if kind == "console":
        person = shop.person(role="owner", with_totp=True, email="ann@shoes.example")
        browser.open(path).fill(organisation=person.store_url).submit()
        browser.fill(username=person.username, password=person.password).submit()
        browser.fill(code=person.authenticator.code()).submit()
    browser.open(path).fill(**fields).submit()
    assert (browser.status, spoken(browser)) == (422, "en"), browser.text
    for button, language in (("Nederlands", "nl"), ("English", "en")):
        browser.submit(button)
        assert (browser.status, spoken(browser), len(browser.errors)) == (422, language, 1)
        assert {name: browser.value(name) for name in typed} == typed


@pytest.mark.parametrize("accepted", [",".join(f"x{at}" for at in range(3_000)), "x" * 6_000])
def test_long_lists_of_languages_are_not_kept_in_memory(app: Flask, settings: Settings, monkeypatch, accepted: str) -> None:
    """Results are cached by the tags: strangers must not choose how much memory a thousand of them take."""
    kept: list[tuple[str, ...]] = []
    monkeypatch.setattr(languages, "_spoken", lambda tags: kept.append(tags) or ())
    app.test_client().get("/sign-in", base_url=settings.issuer, headers={"Accept-Language": accepted})
    assert kept
    assert max(sum(map(len, tags)) for tags in kept) < 2_000


def test_long_store_urls_are_not_kept_in_memory() -> None:
    """A field of a form may have 20,000 characters, and its normal form is cached too."""
    kept = organisation_settings._normal_store_url.cache_info().currsize
    assert organisation_settings.normal_store_url("shoes" * 200) == ""
    assert organisation_settings._normal_store_url.cache_info().currsize == kept
