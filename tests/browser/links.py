"""Open mailed links in a real Chromium, as the mail gives them, and list the texts of their pages, by language."""

from dataclasses import dataclass

from playwright.sync_api import Locator

from tests.browser.conftest import Visitor
from tests.drivers.words import (
    BECOME_THE_OWNER,
    CHECK_YOUR_E_MAIL,
    CHOOSE_A_NEW_PASSWORD,
    CHOOSE_A_PASSWORD,
    ENTER_YOUR_CODE,
    FORGOT_YOUR_PASSWORD,
    SAVE_YOUR_RECOVERY_CODES,
    SET_UP_A_SECOND_FACTOR,
    STOP_THE_RECOVERY,
    THE_CHANGE_WAS_UNDONE,
    THE_OFFER_WAS_WITHDRAWN,
    THE_RECOVERY_WAS_STOPPED,
    THE_WAITING_TIME_HAS_BEGUN,
    THIS_LINK_DOES_NOT_WORK_ANY_MORE,
    THIS_WAS_NOT_ME,
    VERIFY_E_MAIL_ADDRESS,
    VERIFY_YOUR_E_MAIL_ADDRESS,
    WITHDRAW_THE_OFFER,
    YOU_ARE_THE_OWNER_NOW,
    YOUR_E_MAIL_ADDRESS_IS_VERIFIED,
    YOUR_PASSWORD_IS_SET,
    shown,
)

NEW = "violet harbour kettle 9"
ELSEWHERE = {"en-GB": "nl-NL", "nl-NL": "en-GB"}
"""The language of a browser that differs from that of the mail's reader."""


@dataclass(frozen=True)
class Press:
    """Hold the texts of a page that asks for one press: its heading, its button, and the heading of its result."""

    title: str
    button: str
    done: str


WORDS = {
    "en-GB": {"forgot": FORGOT_YOUR_PASSWORD, "send": "Send me a link", "look": CHECK_YOUR_E_MAIL,
              "new": CHOOSE_A_NEW_PASSWORD, "first": CHOOSE_A_PASSWORD, "set": "Set password",
              "is_set": YOUR_PASSWORD_IS_SET, "gone": THIS_LINK_DOES_NOT_WORK_ANY_MORE, "hello": "Hello",
              "sign_in": "Sign in", "code": ENTER_YOUR_CODE, "set_up": SET_UP_A_SECOND_FACTOR,
              "codes": SAVE_YOUR_RECOVERY_CODES},
    "nl-NL": {"forgot": "Wachtwoord vergeten?", "send": "Stuur me een link", "look": "Bekijk je e-mail",
              "new": "Kies een nieuw wachtwoord", "first": "Kies een wachtwoord", "set": "Wachtwoord instellen",
              "is_set": "Je wachtwoord is ingesteld", "gone": "Deze link werkt niet meer", "hello": "Hallo",
              "sign_in": "Inloggen", "code": "Vul je code in", "set_up": "Stel een tweede factor in",
              "codes": "Bewaar je herstelcodes"},
}  # fmt: skip
"""Texts that several of these journeys read."""

PRESSED = {
    "en-GB": {
        "address": Press("Verify your e-mail address", "Verify this address", YOUR_E_MAIL_ADDRESS_IS_VERIFIED),
        "verify": Press(VERIFY_YOUR_E_MAIL_ADDRESS, VERIFY_E_MAIL_ADDRESS, YOUR_E_MAIL_ADDRESS_IS_VERIFIED),
        "undo": Press("Undo the change?", THIS_WAS_NOT_ME, THE_CHANGE_WAS_UNDONE),
        "recovery": Press("Confirm the recovery of your account", "Confirm the recovery", THE_WAITING_TIME_HAS_BEGUN),
        "cancel": Press("Stop the recovery of the owner's account?", STOP_THE_RECOVERY, THE_RECOVERY_WAS_STOPPED),
        "ownership": Press(BECOME_THE_OWNER, "Become the owner", YOU_ARE_THE_OWNER_NOW),
        "withdraw": Press("Withdraw the offer?", WITHDRAW_THE_OFFER, THE_OFFER_WAS_WITHDRAWN),
    },
    "nl-NL": {
        "address": Press("Bevestig je e-mailadres", "Dit adres bevestigen", "Je e-mailadres is bevestigd"),
        "verify": Press("Bevestig je e-mailadres", "E-mailadres bevestigen", "Je e-mailadres is bevestigd"),
        "undo": Press("De wijziging ongedaan maken?", "Dit was ik niet", "De wijziging is ongedaan gemaakt"),
        "recovery": Press("Bevestig het herstel van je account", "Herstel bevestigen", "De wachttijd is begonnen"),
        "cancel": Press("Het herstel van het account van de eigenaar stoppen?", "Herstel stoppen", "Het herstel is gestopt"),
        "ownership": Press("Wil je eigenaar worden?", "Eigenaar worden", "Je bent nu eigenaar"),
        "withdraw": Press("Het aanbod intrekken?", "Aanbod intrekken", "Het aanbod is ingetrokken"),
    },
}


def button(here: Visitor, name: str) -> Locator:
    """Return the button with exactly this text."""
    return here.page.get_by_role("button", name=shown(name), exact=True)


def follow(here: Visitor, link: str, heading: str) -> Visitor:
    """Open a link of a mail and wait for its page."""
    here.page.goto(link)
    return here.reads(heading)


def press(here: Visitor, link: str, words: Press) -> Visitor:
    """Open a link whose page asks for one press, and press."""
    follow(here, link, words.title)
    return confirm(here, words)


def confirm(here: Visitor, words: Press) -> Visitor:
    """Press the button of the present page, and read the result."""
    button(here, words.button).click()
    here.reads(words.done)
    return here


def choose(here: Visitor, words: dict[str, str]) -> Visitor:
    """Fill in a new password at the page that asks for it."""
    here.fill(new_password=NEW, new_password_again=NEW)
    button(here, words["set"]).click()
    here.reads(words["is_set"])
    return here
