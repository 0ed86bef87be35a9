"""The owner's mailed links work in a real Chromium: a recovery and its stop, an offer and its withdrawal (S48, S62)."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest
import time_machine
from playwright.sync_api import expect

from idp.actors import Person
from idp.audit import Origin
from idp.clock import now
from idp.db import transaction
from idp.identity.organisations import organisations
from idp.identity.ownership import owner_recovery, transfer
from tests.browser.conftest import Visitor
from tests.browser.links import ELSEWHERE, NEW, PRESSED, WORDS, choose, confirm, follow, press
from tests.conftest import Live
from tests.drivers.authenticator import Authenticator
from tests.drivers.postman import Postman, Received
from tests.drivers.words import (
    HAND_OVER_THE_OWNERSHIP,
    THE_OFFER_OF_OWNERSHIP_WAS_WITHDRAWN,
    THE_RECOVERY_WAS_STOPPED,
    shown,
)
from tests.factories import BY_TESTS, MadePerson

Visitors = Callable[..., Visitor]
Enter = Callable[..., Visitor]
Clock = Callable[..., None]
AT = "/admin/example-shoes"
OWNER, BOSS, IRIS = "owner@shoes.example", "boss@shoes.example", "iris@shoes.example"
SAID = {
    "en-GB": {"recover": "Do you want to get back into your account?", "recovered": "You can get back into your account",
              "announced": "Account recovery requested for the owner",
              "stopped": THE_RECOVERY_WAS_STOPPED,
              "offer": HAND_OVER_THE_OWNERSHIP, "sent": "iris gets the offer by e-mail.",
              "offered": "Will you be the owner of Example Shoes?",
              "waits": "iris was offered the ownership", "withdrawn": THE_OFFER_OF_OWNERSHIP_WAS_WITHDRAWN,
              "owned": "iris is now the owner of Example Shoes"},
    "nl-NL": {"recover": "Wil je weer in je account?", "recovered": "Je kunt weer in je account",
              "announced": "Accountherstel aangevraagd voor de eigenaar",
              "stopped": "Het herstel is gestopt", "offer": "Eigenaarschap overdragen",
              "sent": "iris krijgt het aanbod per e-mail.",
              "offered": "Word jij de eigenaar van Example Shoes?", "waits": "het eigenaarschap aangeboden",
              "withdrawn": "Het aanbod van het eigenaarschap is ingetrokken",
              "owned": "iris is nu eigenaar van Example Shoes"},
}  # fmt: skip


@pytest.fixture
def shop(live: Live, locale: str) -> dict[str, MadePerson]:
    """Make owner, administrator and new owner of an organisation whose mail is in the language of this test."""
    shoes = live.factory.make_organisation(settings={"offer_set_up": False})
    live.factory.make_organisation("another-shop")
    plain = {"with_totp": True, "locale": locale[:2]}
    people = {
        name: live.factory.make_user(shoes, name, role=role, email=f"{name}@shoes.example", name=name.title(), **plain)
        for name, role in (("owner", "owner"), ("boss", "administrator"), ("iris", "manager"))
    }
    with live.factory.context(), transaction():
        organisations.set_owner(live.factory.organisation(shoes), live.factory.user(people["owner"]), BY_TESTS)
    return people


@pytest.fixture
def clock() -> Iterator[Callable[..., None]]:
    """Turn the provider's clock forward; it keeps ticking: ``clock(hours=25)``."""
    with ExitStack() as travels:
        yield lambda **span: travels.enter_context(time_machine.travel(now() + timedelta(**span), tick=True))


def recover(live: Live, shop: dict[str, MadePerson], postman: Postman) -> dict[str, Received]:
    """Begin the recovery of the owner as an operator. Returns the mails about it, by address."""
    with live.factory.context():
        owner_recovery.start(live.settings, live.factory.organisation(shop["owner"].organisation_id), BY_TESTS)
    return {mail.to: mail for mail in postman.bring()}


def roles(live: Live, shop: dict[str, MadePerson]) -> list[str]:
    """Return the roles of the former owner and of the new one."""
    with live.factory.context():
        return [live.factory.user(shop[name]).role for name in ("owner", "iris")]


def test_owner_recovery_restores_access(
    visitor: Visitors, live: Live, shop: dict[str, MadePerson], postman: Postman, clock: Clock, locale: str
) -> None:
    """S48, S62: one press confirms it. After a day the owner chooses a password by a mailed link and sets up a factor."""
    owner, words, sentences = shop["owner"], WORDS[locale], SAID[locale]
    asked = recover(live, shop, postman)[OWNER]
    assert asked.subject == sentences["recover"]
    press(visitor(locale=ELSEWHERE[locale]), asked.link, PRESSED[locale]["recovery"])
    assert postman.bring() == [], "the waiting time was skipped"
    clock(hours=25)
    mails = {mail.subject: mail for mail in postman.bring(OWNER)}
    here = choose(follow(visitor(locale=locale), mails[sentences["recovered"]].link, words["new"]), words)
    here.begin(acr_values="mfa", organisation=owner.store_url)
    here.fill(username=owner.username, password=NEW).next().reads(words["set_up"])
    here.next().next()
    here.fill(code=Authenticator(here.page.locator("#key").inner_text()).code()).next().reads(words["codes"])
    here.page.locator("[name=noted]").check()
    assert here.next().tokens().amr == ["pwd", "otp", "mfa"]


def test_an_administrator_stops_the_recovery_of_the_owner(
    visitor: Visitors, live: Live, shop: dict[str, MadePerson], postman: Postman, locale: str
) -> None:
    """S48, S62: the announcement has the button. The owner is told, and the owner's own link no longer works."""
    sentences, mails = SAID[locale], recover(live, shop, postman)
    assert mails[BOSS].subject == sentences["announced"]
    here = visitor(locale=ELSEWHERE[locale])
    press(here, mails[BOSS].link, PRESSED[locale]["cancel"])
    assert [(mail.to, mail.subject) for mail in postman.bring()] == [(OWNER, sentences["stopped"])]
    follow(here, mails[OWNER].link, WORDS[ELSEWHERE[locale]]["gone"])
    with live.factory.context():
        assert live.factory.user(shop["owner"]).password_hash is not None


def test_the_ownership_is_offered_in_the_console_and_accepted_from_the_mail(
    enter: Enter, visitor: Visitors, live: Live, shop: dict[str, MadePerson], postman: Postman, locale: str
) -> None:
    """Owner transfer, S62: the owner gives the password, then the new owner both factors. Nothing changes before."""
    owner, iris, words, sentences = shop["owner"], shop["iris"], WORDS[locale], SAID[locale]
    here = enter(owner, f"{AT}/people/{iris.id}", locale=locale)
    here.page.get_by_role("link", name=sentences["offer"]).click()
    here.fill(password=owner.password)
    here.page.locator("main form [type=submit]").click()
    expect(here.page.get_by_role("status").first).to_have_text(shown(sentences["sent"]))
    (offered,) = postman.bring(IRIS)
    assert offered.subject == sentences["offered"]
    theirs = visitor(locale=locale)
    theirs.page.goto(offered.link)
    theirs.fill(username=iris.username, password=iris.password).next().reads(words["code"])
    theirs.fill(code=iris.authenticator.code()).next().reads(PRESSED[locale]["ownership"].title)
    assert roles(live, shop) == ["owner", "manager"]
    confirm(theirs, PRESSED[locale]["ownership"])
    assert roles(live, shop) == ["administrator", "owner"]
    assert {mail.subject for mail in postman.bring()} == {sentences["owned"]}
    expect(here.open(f"{AT}/ownership").page.get_by_role("link", name=iris.username, exact=True)).to_be_visible()


def test_the_owner_withdraws_the_offer_by_the_link_in_the_mail(
    enter: Enter, live: Live, shop: dict[str, MadePerson], postman: Postman, locale: str
) -> None:
    """Owner transfer, S62: one press withdraws it. Both are told, the console shows no offer, and the new owner's link no
    longer works.
    """
    owner, sentences = shop["owner"], SAID[locale]
    with live.factory.context():
        at, iris = live.factory.organisation(owner.organisation_id), live.factory.user(shop["iris"])
        transfer.offer(live.settings, at, iris, Origin(Person(owner.id)))
    links = {mail.to: mail.link for mail in postman.bring()}
    here = enter(owner, f"{AT}/ownership", locale=locale)
    offer = here.page.get_by_role("region").filter(has_text=sentences["waits"])
    expect(offer).to_be_visible()
    press(here, links[OWNER], PRESSED[locale]["withdraw"])
    assert {mail.to: mail.subject for mail in postman.bring()} == dict.fromkeys((OWNER, IRIS), sentences["withdrawn"])
    here.open(f"{AT}/ownership")
    expect(here.page.locator("h1")).to_be_visible()
    expect(offer).to_have_count(0)
    follow(here, links[IRIS], WORDS[locale]["gone"])
    assert roles(live, shop) == ["owner", "manager"]
