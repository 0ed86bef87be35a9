"""Names and codes have one normal form, when they are created and when they are typed (S2, S29, S30, S34, S42)."""

import unicodedata
from collections.abc import Callable

import pytest
from argon2 import PasswordHasher

from idp.config import Settings
from idp.db import transaction
from idp.errors import Invalid
from idp.identity.accounts import accounts, invitations
from idp.identity.credentials import password_reset
from idp.identity.organisations import organisations, shops
from idp.identity.user_fields import PersonDraft
from idp.mail.letters import compose
from idp.mail.messages import notify
from idp.store import outbox, users
from tests.drivers.browser import Browser
from tests.factories import BY_TESTS, PASSWORD, Factory, MadePerson

HIDDEN = "\u200b\ufeff\u00ad\u202e"
RAW = "ﬁets №5 Ångström ½"
"""A password that differs from its NFKC form, as another system hashed it."""


@pytest.fixture
def imported(factory: Factory, shoes: str) -> MadePerson:
    """Create a user whose hash another system made of the text as it was typed."""
    assert unicodedata.normalize("NFKC", RAW) != RAW
    foreign = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(RAW)
    return factory.make_user(shoes, "ivo", password="", password_hash=foreign)


def test_an_imported_password_is_accepted_and_rehashed(
    factory: Factory, journey, clock, new_browser, imported: MadePerson
) -> None:
    """S30: the raw form is accepted at the first sign-in, and any keyboard's form after it. A wrong password never is."""
    for wrong in (RAW.replace("5", "6"), unicodedata.normalize("NFKC", RAW)):
        assert journey(imported).begin().password(wrong).browser.status == 422
    journey(imported).begin().password(RAW).tokens()
    for form in ("NFKC", "NFD"):
        journey(imported, browser=new_browser()).begin().password(unicodedata.normalize(form, RAW)).tokens()
    with factory.context():
        assert factory.settings.hasher.verify(str(factory.user(imported).password_hash), unicodedata.normalize("NFKC", RAW))


def test_the_number_of_hashes_does_not_reveal_an_account(
    factory: Factory, journey, imported: MadePerson, monkeypatch: pytest.MonkeyPatch, clock
) -> None:
    """V6.3.8: how many hashes a wrong password costs depends only on the typed text, never on the account."""
    hasher, counted = type(factory.settings.hasher), list[str]()
    verify = hasher.verify
    monkeypatch.setattr(hasher, "verify", lambda self, phc, text: (counted.append(text), verify(self, phc, text))[1])
    tries = []
    for username in ("ivo", "nobody-here"):
        walk = journey(imported).begin()
        counted.clear()
        walk.browser.fill(organisation="example-shoes").submit() if "organisation" in walk.browser.fields else None
        walk.browser.fill(username=username, password=RAW + "x").submit()
        tries.append(len(counted))
    assert tries[0] == tries[1] == 2


@pytest.mark.parametrize("typed", ["j{0}a{0}n", "{0}JAN{0}", "ｊａｎ", " jan\u00a0"])
def test_pasted_usernames_and_store_urls_are_found(journey, jan: MadePerson, clock, typed: str) -> None:
    """S29, S30: they may come from a mail, a chat or a right-to-left text."""
    browser = journey(jan).begin(organisation=f"example{HIDDEN}-shoes{HIDDEN}").browser
    browser.fill(username=typed.format(HIDDEN), password=PASSWORD).submit()
    assert "code" in browser.fields


@pytest.mark.parametrize("shape", ["{0}-{1}", "{0} {1}", "{0}{1}\u200b", "\u2068{0}\u00a0{1}\u2069", "wide", "arabic"])
def test_a_code_is_accepted_in_any_grouping(journey, jan: MadePerson, clock, shape: str) -> None:
    """S34: with a hyphen, a space, invisible characters, in full width or with other digits."""
    code = jan.authenticator.code()
    base = {"wide": 0xFF10, "arabic": 0x0660}.get(shape)
    typed = "".join(chr(base + int(digit)) for digit in code) if base else shape.format(code[:3], code[3:])
    assert journey(jan).begin().password().code(typed).tokens().acr == "mfa"


def test_pasted_recovery_codes_and_one_time_passwords_work(
    factory: Factory, settings: Settings, journey, jan: MadePerson, clock, postman
) -> None:
    """S42, S49: a mail program or word processor may add characters."""
    code = jan.recovery_codes[0].upper().replace("-", f" \u2013 {HIDDEN}")
    walk = journey(jan).begin().password().recovery_code(code)
    assert walk.browser.status == 200
    assert "recovery code is not right" not in walk.browser.text
    with factory.context():
        password_reset.send_one_time_password(
            settings, factory.organisation(jan.organisation_id), factory.user(jan), BY_TESTS
        )
    (mail,) = [mail for mail in postman.bring("jan@shoes.example") if "one-time" in mail.subject.lower()]
    password = next(word for word in mail.text.split() if word.count("-") == 3)
    again = journey(jan).begin(prompt="login").password(f" {password.upper().replace('-', ' ')}{HIDDEN}")
    assert "code" in again.browser.fields


def test_a_printed_invitation_is_accepted_in_any_form(factory: Factory, settings: Settings, shoes: str, new_browser) -> None:
    """ASVS 6.4.1: in full width, with spaces."""
    kim = factory.make_user(shoes, "kim", password="")
    with factory.context():
        code = invitations.print_code(settings, factory.organisation(shoes), factory.user(kim), BY_TESTS)
    wide = "".join(chr(ord(letter) + 0xFEE0) if letter != "-" else " " for letter in code)
    browser = new_browser().open("/welcome")
    browser.fill(organisation=f"\ufeffexample-shoes{HIDDEN}", username=f"k{HIDDEN}im", code=wide).submit()
    assert "new_password" in browser.fields or "password" in browser.fields, browser.text


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("an{0}na", "anna"), ("anna\u00a0b", "anna b"), ("\u0430nna", ""), ("jan\u043de", ""), ("an\u0378na", ""), ("{0}", "")],
)
def test_look_alike_usernames_are_refused_everywhere(factory: Factory, enter, anna, shoes, typed: str, kept: str) -> None:
    """S2, S13: every interface removes invisible characters, and refuses mixed alphabets and unassigned letters."""
    browser = enter(anna, "/admin/example-shoes/people/add").fill(username=typed.format(HIDDEN)).submit()
    assert browser.status == (200 if kept and kept != "anna" else 422)
    with factory.context():
        organisation = factory.organisation(shoes)
        if kept == "anna":
            assert "is taken" in browser.text
        elif kept:
            assert users.user_named(shoes, kept).username == kept
        else:
            with pytest.raises(Invalid):
                accounts.create(factory.settings, organisation, PersonDraft.of(username=typed.format(HIDDEN)), BY_TESTS)


def test_every_interface_stores_visible_names(factory: Factory, enter, anna, shoes, browser: Browser) -> None:
    """Names of people, organisations, groups, shops and apps are one line without invisible characters."""
    hidden = f"De {HIDDEN}Schoen\u00a0\u00a0winkel"
    enter(anna, "/account/details").fill(name=hidden).submit()
    browser.open("/admin/example-shoes/settings").fill(name=hidden, login_hours="24").submit()
    browser.open("/admin/example-shoes/groups").fill(name=hidden).submit()
    browser.open("/admin/example-shoes/shops").fill(code="dam-1", name=hidden).submit()
    with factory.context():
        assert factory.user(anna).name == "De Schoen winkel"
        assert factory.organisation(shoes).name == "De Schoen winkel"
        assert organisations.store.group_named(shoes, "de schoen winkel").name == "De Schoen winkel"
        assert organisations.store.shop_at(shoes, "DAM-1").name == "De Schoen winkel"
    with pytest.raises(Invalid):
        factory.make_client("hidden", client_name=hidden)


@pytest.mark.parametrize("code", ["a,b", "a b", "a;b", "é-1", "a/b", "a\tb", "x" * 64, "", "АМС"])
def test_every_interface_accepts_only_ascii_shop_codes(factory: Factory, enter, anna, shoes, code: str) -> None:
    """Claims: a code has letters, digits, hyphens, dots and underscores, so that apps can split and compare it."""
    browser = enter(anna, "/admin/example-shoes/shops").fill(code=code, name="Dam").submit()
    assert browser.status == 422
    with factory.context(), transaction(), pytest.raises(Invalid):
        shops.create(shoes, {"code": code, "name": "Dam"}, BY_TESTS)


def test_shop_codes_and_group_names_are_unique_in_any_case(factory: Factory, enter, anna, shoes, browser: Browser) -> None:
    """Claims: no two of an organisation differ only in case, width or hidden characters. A comma is refused."""
    enter(anna, "/admin/example-shoes/shops").fill(code="Dam-1", name="Dam").submit()
    for again in ("dam-1", "DAM-1", f"Dam{HIDDEN}-1"):
        assert browser.open("/admin/example-shoes/shops").fill(code=again, name="Dam").submit().status == 422
    factory.make_group(shoes, "Store managers")
    for again in ("store managers", f"Store{HIDDEN} managers", "Ｓtore managers", "Store, managers"):
        assert browser.open("/admin/example-shoes/groups").fill(name=again).submit().status == 422
    with factory.context():
        group = organisations.store.group_named(shoes, "STORE MANAGERS")
    browser.open(f"/admin/example-shoes/groups/{group.id}").fill(name="Store Managers").submit()
    with factory.context():
        assert organisations.store.group(shoes, group.id).name == "Store Managers"


@pytest.mark.parametrize(
    ("sender", "leaves"),
    [
        ("Schoenen <post@bücher.example>", "Example Shoes <post@xn--bcher-kva.example>"),
        ("Schoe\u200bnen <post@shoes.example>", "Example Shoes <post@shoes.example>"),
        ("post@shoes.example", "Example Shoes <post@shoes.example>"),
    ],
)
def test_the_sender_of_mail_is_normalised_like_recipients(
    configure: Callable[..., Settings], factory: Factory, jan: MadePerson, sender: str, leaves: str
) -> None:
    """RFC 5891: the host has A-labels, and the name is the organisation's."""
    with factory.context():
        with transaction():
            notify(factory.settings, jan.organisation_id, jan.id, "password_changed")
        assert str(compose(configure(mail={"sender": sender}), outbox.mails()[0])["From"]) == leaves
