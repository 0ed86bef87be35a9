"""The entry in an authenticator app (S26) follows the key-URI format, for every name that the forms accept."""

import re
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from flask import Flask

from idp.db import transaction
from idp.identity.credentials import totp
from idp.identity.organisations import organisations
from idp.store import users
from tests.drivers.authenticator import Authenticator
from tests.drivers.browser import Browser
from tests.factories import BY_TESTS, PASSWORD, Factory, MadePerson

NAMES = [
    ("Example Shoes", "jan"),
    ("Shoes: the shop", "a:b:c"),
    ("100% Shoes / Söhne & Co? #1", "jan+test@shoes.example"),
    (":", ":"),
    ("鞋" * 200, "用户" * 100),
    ("👞" * 200, "👟" * 120),
    ("w" * 200, "x" * 254),
]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch, app: Flask) -> list[str]:
    """Record the text of each QR code that the pages draw."""
    seen: list[str] = []
    draw = app.jinja_env.globals["qr"]
    monkeypatch.setitem(app.jinja_env.globals, "qr", lambda text: (seen.append(text), draw(text))[1])
    return seen


def _set_up(browser: Browser) -> Authenticator:
    browser.submit("next")
    if "password" in browser.fields:
        browser.fill(password=PASSWORD).submit()
    browser.submit("next")
    found = re.search(r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}", browser.text)
    assert found, browser.text
    phone = Authenticator(found.group())
    browser.fill(code=phone.code()).submit()
    browser.fill(noted=True).submit()
    return phone


@pytest.mark.parametrize(
    ("shop", "username"), NAMES, ids=["plain", "colons", "signs", "only-colons", "han", "emoji", "long"]
)
def test_every_name_gives_a_valid_entry(
    factory: Factory, journey, clock, drawn: list[str], shop: str, username: str
) -> None:
    """S19, S26, key-URI format: the label has one colon, counting encoded ones, and begins with the issuer."""
    at = factory.make_organisation("shop", name=shop)
    factory.make_group(at)
    person = factory.make_user(at, username, groups=["2FA"])
    walk = journey(person).begin(organisation="shop").password()
    _set_up(walk.browser)
    assert walk.tokens().acr == "mfa"
    parts = urlsplit(drawn[0])
    label, asked = unquote(parts.path.removeprefix("/")), parse_qs(parts.query)
    assert (parts.scheme, parts.netloc, label.count(":"), parts.path.count("/")) == ("otpauth", "totp", 1, 1)
    assert label.partition(":")[0] == asked["issuer"][0]
    assert label.partition(":")[2].strip()
    assert len(drawn[0]) < 700, "the QR code is too dense for a phone"


def test_setting_up_again_after_a_rename_keeps_the_entry(
    factory: Factory, enter, clock, anna: MadePerson, shoes: str, browser: Browser, drawn: list[str]
) -> None:
    """S26, S28: the app overwrites its entry, even if the organisation and the user have other names by then."""
    enter(anna, "/account/security")
    for _ in range(2):
        browser.send("POST", f"{browser.issuer}/account/factor/set-up", [("csrf_token", _token(browser))])
        phone = _set_up(browser)
        with factory.context(), transaction():
            organisations.change(factory.organisation(shoes), {"name": "Other: Shoes"}, BY_TESTS)
            users.change_user(shoes, anna.id, username="annabel", username_key="annabel")
        clock(seconds=60)
        browser.open("/account/security")
    assert phone
    labels = [urlsplit(uri).path for uri in drawn]
    assert len(labels) >= 2
    assert set(labels) == {"/Sleutel:anna%20%28Example%20Shoes%29"}


def _token(browser: Browser) -> str:
    return browser.page.forms[0].fields["csrf_token"][0]


def test_a_set_up_in_progress_keeps_one_colon_in_its_label() -> None:
    """A set-up that an earlier release began has stored ``Example Shoes: anna``."""
    assert totp.uri("SECRET", "Sleu:tel", "Example Shoes: anna") == (
        "otpauth://totp/Sleu-tel:Example%20Shoes-%20anna?secret=SECRET&issuer=Sleu-tel"
    )
