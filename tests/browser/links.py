"""Mailed links in a real Chromium: opened as the mail gives them, and the texts of their pages, by language."""

from dataclasses import dataclass

from playwright.sync_api import Locator

from tests.browser.conftest import Visitor
from tests.drivers.chromium import look

NEW = "violet harbour kettle 9"
ELSEWHERE = {"en-GB": "nl-NL", "nl-NL": "en-GB"}
"""A browser that speaks the other language than who reads the mail."""


@dataclass(frozen=True)
class Press:
    """What a page that asks for one press says: its heading, its button, and the heading of what is told then."""

    title: str
    button: str
    done: str


WORDS = {
    "en-GB": {"forgot": "Forgot your password?", "send": "Send me a link", "look": "Look in your mail",
              "new": "Choose a new password", "first": "Choose a password", "set": "Set password",
              "is_set": "Your password is set", "gone": "This link does not work any more", "hello": "Hello",
              "sign_in": "Sign in", "code": "Enter your code", "set_up": "Set up a second factor",
              "codes": "Save your recovery codes"},
    "nl-NL": {"forgot": "Wachtwoord vergeten?", "send": "Stuur me een link", "look": "Kijk in je mail",
              "new": "Kies een nieuw wachtwoord", "first": "Kies een wachtwoord", "set": "Wachtwoord instellen",
              "is_set": "Je wachtwoord is ingesteld", "gone": "Deze link werkt niet meer", "hello": "Hallo",
              "sign_in": "Inloggen", "code": "Vul je code in", "set_up": "Stel een tweede factor in",
              "codes": "Bewaar je herstelcodes"},
}  # fmt: skip
"""What more than one of these journeys reads."""

PRESSED = {
    "en-GB": {
        "address": Press("Confirm your e-mail address", "Confirm this address", "Your e-mail address is confirmed"),
        "verify": Press("Verify your e-mail address", "Verify e-mail address", "Your e-mail address is verified"),
        "undo": Press("Take the change back?", "This was not me", "The change was taken back"),
        "recovery": Press("Confirm the recovery of your account", "Confirm the recovery", "The waiting time has begun"),
        "cancel": Press("Stop the recovery of the owner?", "Stop the recovery", "The recovery was stopped"),
        "ownership": Press("Become the owner?", "Become the owner", "You are the owner now"),
        "withdraw": Press("Take the offer back?", "Take the offer back", "The offer was taken back"),
    },
    "nl-NL": {
        "address": Press("Bevestig je e-mailadres", "Dit adres bevestigen", "Je e-mailadres is bevestigd"),
        "verify": Press("Bevestig je e-mailadres", "E-mailadres bevestigen", "Je e-mailadres is bevestigd"),
        "undo": Press("De wijziging terugdraaien?", "Dit was ik niet", "De wijziging is teruggedraaid"),
        "recovery": Press("Bevestig het herstel van je account", "Het herstel bevestigen", "De wachttijd is begonnen"),
        "cancel": Press(
            "Het herstel van de eigenaar tegenhouden?", "Het herstel tegenhouden", "Het herstel is tegengehouden"
        ),
        "ownership": Press("Wil je eigenaar worden?", "Eigenaar worden", "Je bent nu eigenaar"),
        "withdraw": Press("Het aanbod intrekken?", "Aanbod intrekken", "Het aanbod is ingetrokken"),
    },
}


def button(here: Visitor, name: str) -> Locator:
    """The button that says just this."""
    return here.page.get_by_role("button", name=name, exact=True)


def follow(here: Visitor, link: str, heading: str) -> Visitor:
    """Open a link of a mail and wait for its page."""
    here.page.goto(link)
    look(here.page, f"link {heading}")
    return here.reads(heading)


def press(here: Visitor, link: str, words: Press) -> Visitor:
    """Open a link whose page asks for one press, and press."""
    follow(here, link, words.title)
    return confirm(here, words)


def confirm(here: Visitor, words: Press) -> Visitor:
    """Press the button of the page that is there, and read what was done."""
    button(here, words.button).click()
    here.reads(words.done)
    look(here.page, f"link done {words.done}")
    return here


def choose(here: Visitor, words: dict[str, str]) -> Visitor:
    """Fill in a new password at the page that asks for it."""
    here.fill(new_password=NEW, new_password_again=NEW)
    button(here, words["set"]).click()
    here.reads(words["is_set"])
    look(here.page, f"link done {words['is_set']}")
    return here
