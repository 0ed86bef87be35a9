"""Recovery codes (S41–S46)."""

import pytest

from idp.identity.credentials import recovery_codes
from idp.store import recovery_codes as code_rows
from tests.drivers.authenticator import Authenticator
from tests.drivers.set_up import key_on, set_up
from tests.drivers.words import MAKE_NEW_CODES
from tests.factories import Factory


def unspent(factory: Factory, person) -> int:
    with factory.context():
        row = code_rows.active_recovery_set(person.organisation_id, person.id)
        return code_rows.unspent_recovery_codes(row.organisation_id, row.id) if row else 0


@pytest.fixture
def ann(factory: Factory, quiet_shoes: str):
    return factory.make_user(quiet_shoes, "ann", with_totp=True, recovery_codes=4, email="ann@shoes.example")


def test_a_recovery_code_replaces_the_code_of_the_app(factory: Factory, journey, ann, clock) -> None:
    """S41, S42, S45: a link leads to the field. Then the page asks "still have your phone?", and the user continues."""
    walk = journey(ann).begin().password()
    walk.recovery_code(ann.recovery_codes[2])
    assert walk.browser.left_for is None
    walk.browser.submit("choice=carry_on")
    tokens = walk.tokens()
    assert (tokens.acr, tokens.amr) == ("mfa", ["pwd", "recovery", "mfa"])
    assert unspent(factory, ann) == 3


@pytest.mark.parametrize("write", [str.upper, lambda code: code.replace("-", ""), lambda code: f"  {code} "])
def test_case_hyphen_and_spaces_do_not_matter(factory: Factory, journey, ann, write, clock) -> None:
    """S42: in any order, with or without the hyphen, in upper or lower case."""
    walk = journey(ann).begin().password().recovery_code(write(ann.recovery_codes[3]))
    assert walk.browser.submit("choice=carry_on").left_for is not None


def test_a_code_works_once(factory: Factory, journey, new_browser, ann, clock) -> None:
    """S42: the second use is refused."""
    journey(ann).begin().password().recovery_code(ann.recovery_codes[0])
    other = journey(ann, browser=new_browser()).begin().password().recovery_code(ann.recovery_codes[0])
    assert "not right" in other.browser.errors[0]
    assert unspent(factory, ann) == 3


def test_a_wrong_recovery_code_shows_an_error(journey, ann, clock) -> None:
    """S42: another code still works."""
    walk = journey(ann).begin().password().recovery_code("aaaaaaa-aaaaaaa")
    assert "not right" in walk.browser.errors[0]
    walk.recovery_code(ann.recovery_codes[0])
    assert walk.browser.submit("choice=carry_on").left_for is not None


def test_the_second_to_last_code_shows_a_notice(journey, new_browser, ann, clock) -> None:
    """S43: with one code left, the page asks the user to set up again for new codes."""
    for code in ann.recovery_codes[:2]:
        walk = journey(ann, browser=new_browser()).begin().password().recovery_code(code)
        assert "last" not in walk.browser.text
    walk = journey(ann, browser=new_browser()).begin().password().recovery_code(ann.recovery_codes[2])
    assert "one recovery code" in walk.browser.text.lower()
    assert walk.browser.offers("choice=again")


def test_setting_up_again_after_a_recovery_code(factory: Factory, journey, ann, clock) -> None:
    """S45: the new phone and new codes replace the old ones at once."""
    walk = journey(ann).begin().password().recovery_code(ann.recovery_codes[0])
    walk.browser.submit("choice=again")
    phone, codes = set_up(walk.browser)
    assert walk.tokens().acr == "mfa"
    assert unspent(factory, ann) == 12
    assert not set(codes) & set(ann.recovery_codes)
    clock(minutes=2)
    walk.begin(prompt="login").password().code(ann.authenticator.code())
    assert walk.browser.left_for is None, "the old phone still works"
    assert walk.code(phone.code()).tokens().acr == "mfa"


def test_the_last_code_opens_only_the_set_up(factory: Factory, journey, new_browser, ann, clock) -> None:
    """S44: it leads directly to the set-up. It is spent when the set-up succeeds, so a closed browser locks nobody out."""
    with factory.context():
        from idp.db import transaction

        row = code_rows.active_recovery_set(ann.organisation_id, ann.id)
        for code in ann.recovery_codes[:3]:
            digest = recovery_codes.digest_of(factory.settings, row, code)
            with transaction():
                assert code_rows.burn_recovery_code(row.organisation_id, row.id, digest, row.created_at)
    last = ann.recovery_codes[3]
    closed = journey(ann, browser=new_browser()).begin().password().recovery_code(last)
    assert closed.browser.left_for is None
    assert not closed.browser.offers("not_now")
    assert unspent(factory, ann) == 1, "closing the browser would lock the user out"
    walk = journey(ann).begin().password().recovery_code(last)
    phone, _ = set_up(walk.browser)
    assert walk.tokens().acr == "mfa"
    assert unspent(factory, ann) == 12
    late = closed.browser.submit("next")
    assert "password" in late.fields, "the last code worked twice"
    clock(minutes=1)
    closed.password().code(phone.code())
    assert closed.browser.left_for is not None, "the other browser cannot sign in with the new app"
    assert unspent(factory, ann) == 12


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en", ["2 recovery codes are left.", "1 recovery code is left."]),
        ("nl", ["Er zijn nog 2 herstelcodes over.", "Er is nog 1 herstelcode over."]),
    ],
)
def test_mails_tell_the_codes_left_in_the_readers_language(
    factory: Factory, journey, new_browser, quiet_shoes: str, postman, clock, locale: str, words: list[str]
) -> None:
    """S53, S44, S62: each use is reported with the number of codes left.
    The last code is reported after the set-up spends it.
    """
    kim = factory.make_user(quiet_shoes, "kim", with_totp=True, recovery_codes=3, email="kim@shoes.example", locale=locale)
    for code, words_for in zip(kim.recovery_codes, words, strict=False):
        journey(kim, browser=new_browser()).begin().password().recovery_code(code)
        (mail,) = postman.bring()
        assert words_for in mail.text
    walk = journey(kim).begin().password().recovery_code(kim.recovery_codes[2])
    assert postman.bring() == [], "the last code was reported before it was spent"
    set_up(walk.browser)
    mails = postman.bring("kim@shoes.example")
    assert len(mails) == 2
    used, again = sorted(mails, key=lambda mail: "app" in mail.subject)
    assert not any(words_for in used.text for words_for in words)
    assert "app" in again.subject


@pytest.mark.both_engines
def test_the_last_code_ends_with_its_set(factory: Factory, journey, new_browser, quiet_shoes: str, clock) -> None:
    """S22, S28, S44: a thief enters it, and then the user makes new codes. The thief's set-up has no effect."""
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True, recovery_codes=1)
    thief = journey(ann, browser=new_browser()).begin().password().recovery_code(ann.recovery_codes[0]).browser
    thief.submit("next").submit("next")
    thief.fill(code=Authenticator(key_on(thief)).code()).submit()
    walk = journey(ann).begin().password().code()
    walk.browser.open("/account/security").submit(MAKE_NEW_CODES).submit("next")
    walk.browser.fill(password=ann.password).submit().fill(noted=True).submit()
    assert "12 unused codes" in walk.browser.text
    thief.fill(noted=True).submit()
    assert "password" in thief.fields, "the thief's sign-in outlived its recovery code"
    clock(minutes=1)
    assert journey(ann, browser=new_browser()).begin().password().code().browser.left_for is not None


def test_the_use_of_a_code_is_reported_by_mail(factory: Factory, journey, ann, clock) -> None:
    """S53."""
    journey(ann).begin().password().recovery_code(ann.recovery_codes[0])
    with factory.context():
        from idp.store import outbox

        mails = [(mail.template, mail.recipient) for mail in outbox.mails()]
    assert mails == [("recovery_code_used", "ann@shoes.example")]
