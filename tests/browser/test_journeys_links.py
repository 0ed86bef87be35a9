"""Getting back in and proving an address, in a real Chromium, each by the link of a mail that was sent (S48–S56, S62).

A link identifies the reader of its mail, so the pages speak the reader's language: the browser speaks the other one wherever
nobody begins at the sign-in.
"""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from idp import clock
from idp.actors import Person
from idp.audit import Origin
from idp.db import transaction
from idp.identity.accounts import invitations
from idp.identity.users import email_address
from idp.store import rate_limits
from tests.browser.conftest import Visitor
from tests.browser.links import ELSEWHERE, NEW, PRESSED, WORDS, button, choose, follow, press
from tests.conftest import Live
from tests.drivers.postman import Postman
from tests.drivers.words import (
    START_WITH_YOUR_CODE,
    VERIFY_YOUR_E_MAIL_ADDRESS,
    YOUR_SECOND_FACTOR_IS_UNBLOCKED,
    YOUR_SECOND_FACTOR_WAS_BLOCKED,
    shown,
)
from tests.factories import BY_TESTS, MadePerson

Visitors = Callable[..., Visitor]
Maker = Callable[..., MadePerson]
SAID = {
    "en-GB": {"differ": "The two passwords are not the same", "invited": "Your sign-in at Example Shoes",
              "paper": START_WITH_YOUR_CODE, "unfit": "Those details don't match",
              "blocked": YOUR_SECOND_FACTOR_WAS_BLOCKED, "open": "Unblock your second factor",
              "lift": "Unblock", "is_open": YOUR_SECOND_FACTOR_IS_UNBLOCKED, "not_yours": "That is not your password",
              "changed": "Your e-mail address was changed", "back": "Your e-mail address was restored",
              "verify": VERIFY_YOUR_E_MAIL_ADDRESS, "message": "Send me an e-mail", "sent": "We've sent you an e-mail",
              "begun": "From now on you sign in with"},
    "nl-NL": {"differ": "De twee wachtwoorden zijn niet gelijk", "invited": "Je account bij Example Shoes",
              "paper": "Begin met je code", "unfit": "Deze gegevens kloppen niet",
              "blocked": "Je tweede factor is geblokkeerd", "open": "Deblokkeer je tweede factor",
              "lift": "Deblokkeren", "is_open": "Je tweede factor is gedeblokkeerd",
              "not_yours": "Dat is niet je wachtwoord", "changed": "Je e-mailadres is gewijzigd",
              "back": "Je e-mailadres is hersteld", "verify": "Bevestig je e-mailadres", "message": "Stuur me een e-mail",
              "sent": "We hebben je een e-mail gestuurd", "begun": "Vanaf nu log je in met"},
}  # fmt: skip


@pytest.fixture
def make(live: Live, quiet_shoes: str, locale: str) -> Maker:
    """Make a person with an address who reads the language of this test: ``make("ann")``."""

    def person(username: str, **details: Any) -> MadePerson:
        known = {"email": f"{username}@shoes.example", "locale": locale[:2], **details}
        return live.factory.make_user(quiet_shoes, username, **known)

    return person


def sign_in(here: Visitor, person: MadePerson, password: str) -> Visitor:
    """Type name and password at the present sign-in page."""
    return here.fill(username=person.username, password=password).next()


def test_a_forgotten_password_is_replaced_and_the_code_still_asked(
    visitor: Visitors, make: Maker, postman: Postman, locale: str
) -> None:
    """S1, S50, S62: a user asks for a link at the sign-in, chooses a password, and signs in with the code. The link worked
    once.
    """
    ann, words = make("ann", with_totp=True), WORDS[locale]
    here = visitor(locale=locale).begin()
    here.page.get_by_role("link", name=words["forgot"]).click()
    here.reads(words["forgot"]).fill(username=ann.username)
    button(here, words["send"]).click()
    here.reads(words["look"])
    (mail,) = postman.bring("ann@shoes.example")
    assert mail.subject == words["new"]
    follow(here, mail.link, words["new"]).fill(new_password=NEW, new_password_again="something else").next()
    here.complains(SAID[locale]["differ"])
    choose(here, words)
    follow(visitor(locale=locale), mail.link, words["gone"])
    sign_in(here.begin(), ann, NEW).reads(words["code"])
    here.fill(code=ann.authenticator.code()).next()
    assert here.tokens().amr == ["pwd", "otp", "mfa"]


def test_an_invitation_by_mail_leads_to_a_first_password_and_in(
    visitor: Visitors, live: Live, make: Maker, postman: Postman, locale: str
) -> None:
    """V6.4.1, S62: the page says that this is the first password. The button on the next page begins the first sign-in."""
    noor, words = make("noor", name="Noor", password="", email_verified=False), WORDS[locale]
    with live.factory.context():
        organisation, user = live.factory.organisation(noor.organisation_id), live.factory.user(noor)
        invitations.invite(live.settings, organisation, user, BY_TESTS)
    (mail,) = postman.bring("noor@shoes.example")
    assert mail.subject == SAID[locale]["invited"]
    here = visitor(locale=ELSEWHERE[locale])
    choose(follow(here, mail.link, words["first"]), words)
    expect(here.page.locator("main")).to_contain_text(SAID[locale]["begun"])
    button(here, words["sign_in"]).click()
    sign_in(here, noor, NEW).reads(f"{words['hello']} Noor")


def test_a_code_on_paper_leads_to_a_first_password(visitor: Visitors, live: Live, make: Maker, locale: str) -> None:
    """V6.4.1, S62: a person without an address enters the code of the paper. A wrong letter is reported."""
    piet, words, sentences = make("piet", name="Piet", password="", email=""), WORDS[locale], SAID[locale]
    with live.factory.context():
        organisation, user = live.factory.organisation(piet.organisation_id), live.factory.user(piet)
        code = invitations.print_code(live.settings, organisation, user, BY_TESTS)
    here = visitor(locale=locale).open("/welcome").reads(sentences["paper"])
    here.fill(organisation=piet.store_url, username="PIET", code=code[:-1]).next().complains(sentences["unfit"])
    here.fill(code=code.upper()).next().reads(words["first"])
    choose(here, words)
    button(here, words["sign_in"]).click()
    sign_in(here, piet, NEW).reads(f"{words['hello']} Piet")


def test_a_blocked_second_factor_is_unblocked_with_link_and_password(
    visitor: Visitors, live: Live, make: Maker, postman: Postman, locale: str
) -> None:
    """N63-12, S56, S62: a mail follows the last wrong code. Its page asks for the password, then the code is accepted."""
    ann, words, sentences = make("ann", name="Ann", with_totp=True), WORDS[locale], SAID[locale]
    with live.factory.context(), transaction():
        for _ in range(live.settings.limits.hard_stop - 1):
            rate_limits.count_towards_stop(ann.organisation_id, ann.id, "totp", live.settings.limits.hard_stop, clock.now())
    here = visitor(locale=ELSEWHERE[locale])
    sign_in(here.begin(), ann, ann.password).fill(code="000000").next()
    (mail,) = postman.bring("ann@shoes.example")
    assert mail.subject == sentences["blocked"]
    follow(here, mail.link, sentences["open"]).fill(password="not the password").next().complains(sentences["not_yours"])
    here.fill(password=ann.password)
    button(here, sentences["lift"]).click()
    here.reads(sentences["is_open"])
    button(here, words["sign_in"]).click()
    sign_in(here, ann, ann.password).fill(code=ann.authenticator.code()).next().reads(f"{words['hello']} Ann")


def test_an_address_change_can_be_undone_from_the_former_address(
    visitor: Visitors, live: Live, make: Maker, postman: Postman, locale: str
) -> None:
    """S52, S62: one press confirms it. The old mailbox answers "this was not me", and gets a link to a new password."""
    ann, words, sentences, pressed = make("ann", name="Ann"), WORDS[locale], SAID[locale], PRESSED[locale]
    with live.factory.context():
        email_address.ask_change(live.settings, live.factory.user(ann), "thief@evil.example", Origin(Person(ann.id)))
    here = visitor(locale=ELSEWHERE[locale])
    press(here, postman.link("thief@evil.example"), pressed["address"])
    (mail,) = postman.bring("ann@shoes.example")
    assert mail.subject == sentences["changed"]
    press(here, mail.link, pressed["undo"])
    (restored,) = postman.bring("ann@shoes.example")
    assert restored.subject == sentences["back"]
    choose(follow(here, restored.link, words["new"]), words)
    button(here, words["sign_in"]).click()
    sign_in(here, ann, NEW).reads(f"{words['hello']} Ann")
    here.open("/account/address")
    expect(here.page.locator("main")).to_contain_text("ann@shoes.example")
    with live.factory.context():
        assert live.factory.user(ann).email == "ann@shoes.example"


def test_an_administrator_verifies_the_address_and_goes_on(
    visitor: Visitors, live: Live, make: Maker, postman: Postman, locale: str
) -> None:
    """S55, S62: the sign-in asks for it, the mail has the button, and the waiting sign-in ends at the app."""
    sentences = SAID[locale]
    boss = make("boss", role="administrator", with_totp=True, email_verified=False)
    here = visitor(locale=locale)
    sign_in(here.begin(), boss, boss.password).fill(code=boss.authenticator.code()).next().reads(sentences["verify"])
    button(here, sentences["message"]).click()
    expect(here.page.get_by_role("status").first).to_contain_text(shown(sentences["sent"]))
    waits_at = here.page.url
    (mail,) = postman.bring("boss@shoes.example")
    assert mail.subject == sentences["verify"]
    press(here, mail.link, PRESSED[locale]["verify"])
    here.page.goto(waits_at)
    assert here.tokens().acr == "mfa"
    with live.factory.context():
        assert live.factory.user(boss).email_verified_at is not None
