"""People of every role visit every page that they can reach by links alone, in both languages, in a real Chromium."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from babel.support import Translations
from flask import Flask
from playwright.sync_api import expect
from werkzeug.exceptions import MethodNotAllowed

from idp.resources import PACKAGE
from idp.store import operators
from idp.web.oauth_api import ENDPOINTS
from tests.browser.conftest import Visitor
from tests.conftest import Live
from tests.drivers.chromium import NARROWEST, check_accessible, check_fits, plug_in
from tests.drivers.page import Page
from tests.drivers.roles import OWN, RULING, WHO, addresses
from tests.factories import MadePerson

Visitors = Callable[..., Visitor]
LANGUAGES = ("en", "nl")
"""The languages of a walk, in order: it begins in English."""
WALKERS = ("employee", "manager", "administrator", "owner", "operator")
OF_OWNERS_OF_PASSKEYS = {"account.ask_to_remove_passkey"}
ONLY_WITHOUT_REQUIRED_FACTOR = {"account.ask_to_remove", "account.ask_password", "account.ask_to_remove_authenticator_app"}
OF_THINGS_NOBODY_MADE = {f"admin.import_{act}" for act in ("start", "cancel", "codes", "job", "refused")}
OF_THINGS_NOBODY_MADE |= {"admin.enable_organisation", "admin.export_file", "admin.download_export", "admin.discard_export"}
OF_THINGS_NOBODY_MADE |= {f"admin.{act}_own_policy" for act in ("edit", "end", "remove")} | {
    "admin.act_on_people",
    "admin.undo_people",
}
"""Pages of a job, of a policy and of a selection, which are not there before somebody makes them."""
HAS_A_PASSKEY = "employee"
SEEN = """() => {
    const own = one => [...one.childNodes].filter(node => node.nodeType === Node.TEXT_NODE).map(node => node.data);
    const codes = "body [lang], script, code, option[value='none']";
    const all = [...document.querySelectorAll("title, body *")].filter(one => !one.closest(codes));
    const told = all.flatMap(one => [...own(one), ...["aria-label", "placeholder", "title", "alt", "data-name"]
        .map(name => one.getAttribute(name) || "")]);
    return {
        language: document.documentElement.lang,
        headings: document.querySelectorAll("h1").length,
        texts: told.map(text => text.replace(/\\s+/g, " ").trim()).filter(Boolean),
    };
}"""
ENGLISH = re.compile(r"\b(the|your|you|this|that|which|from|they|are|and|not|who|what|has|have|with|without)\b", re.I)
"""English words that no Dutch sentence contains."""


@dataclass(frozen=True)
class Place:
    """Hold the target of a link: a path with its query. ``is_page``: it is shown, not kept as a file."""

    path: str
    is_page: bool


@pytest.fixture(scope="module")
def untranslated() -> Callable[[str], bool]:
    """Return whether a text is a sentence of ours that has a different Dutch one."""
    catalogue = Translations.load(PACKAGE / "translations", ["nl"], "messages")._catalog  # type: ignore[attr-defined] # the only list of what is translated
    dutch = {str(text) for text in catalogue.values()}
    english = {key for key, text in catalogue.items() if isinstance(key, str) and key and key != text} - dutch
    return lambda text: text in english or bool(ENGLISH.search(text))


def sign_in(here: Visitor, person: MadePerson) -> Visitor:
    """Sign in from the front page with a code, and let the device be remembered."""
    here.open("/").next().fill(organisation=person.store_url).next()
    here.fill(username=person.username, password=person.password).next()
    here.page.locator("[name=remember_device]").check()
    here.fill(code=person.authenticator.code()).next()
    expect(here.page.locator("h1")).to_contain_text(person.username)
    return here


def add_passkey(here: Visitor, person: MadePerson) -> None:
    """Add a passkey to a person with every other factor."""
    plug_in(here.page)
    here.open("/account/passkeys")
    here.page.locator("main [data-with-passkeys] button").click()
    here.fill(password=person.password).next()
    here.page.locator("main form[data-passkey] [type=submit]").click()
    here.page.locator("[name=noted]").check()
    here.next()
    here.open("/account/passkeys")
    expect(here.page.locator(".devices li")).to_have_count(1)
    here.open("/account/address")  # a change needs the strongest factor that the person has
    here.page.locator("main form[data-passkey] [type=submit]").click()
    expect(here.page.locator("[name=email]")).to_be_visible()


def links_of(here: Visitor, path: str, endpoint: str) -> tuple[bool, list[str]]:
    """Open an address in English. Returns whether it is a page, and the paths of ours that its links and forms lead to."""
    answer = here.page.request.get(here.live.settings.issuer + path)
    assert (answer.status, "/sign-in/" in answer.url) == (200, False), f"a link leads to {path} ({endpoint})"
    if not answer.headers["content-type"].startswith("text/html"):
        return False, []
    page = Page(answer.text())
    assert (page.language, len(page.headings)) == ("en", 1), path
    led = [*(href for href, _ in page.links), *(form.action for form in page.forms)]
    found = (urldefrag(urljoin(answer.url, href)).url for href in led)
    return True, [one.removeprefix(here.live.settings.issuer) for one in found if one.startswith(here.live.settings.issuer)]


def places_of(here: Visitor) -> dict[str, Place]:
    """Return the first place of each endpoint that links lead to from the front page. A link that is refused fails."""
    routes = here.live.app.url_map.bind("localhost")
    waiting, places = ["/"], dict[str, Place]()
    for path in waiting:  # the list grows during the walk
        if urlsplit(path).path in ENDPOINTS:  # an address for machines
            links_of(here, path, "machines")
            continue
        try:
            endpoint, _ = routes.match(urlsplit(path).path)
        except MethodNotAllowed:  # a form that only takes a POST
            continue
        is_page, linked = links_of(here, path, endpoint)
        if endpoint.startswith((OWN, "admin.")):
            places.setdefault(endpoint, Place(path, is_page))
        waiting += [one for one in dict.fromkeys(linked) if one not in waiting]
    return places


def theirs(app: Flask, role: str) -> set[str]:
    """Return the addresses that a role may see by the table of tests/web/test_roles.py, as far as they are read by GET."""
    shown = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    own = {endpoint for endpoint in shown if endpoint.startswith(OWN)}
    closed = ONLY_WITHOUT_REQUIRED_FACTOR if role in RULING else set()
    without = set() if role == HAS_A_PASSKEY else OF_OWNERS_OF_PASSKEYS
    ruled = {endpoint for endpoint in shown & set(WHO) - OF_THINGS_NOBODY_MADE if role in WHO[endpoint]}
    return (own - closed - without) | ruled


def is_first(endpoint: str, role: str) -> bool:
    """Return whether no walker before this one sees the page. A page of the profile is the same for all."""
    return role == (WALKERS[0] if endpoint.startswith(OWN) else next(one for one in WALKERS if one in WHO[endpoint]))


@pytest.fixture
def look_at(untranslated: Callable[[str], bool]) -> Callable[..., None]:
    """Open a page and check it: ``look_at(visitor, path, language)``."""

    def open_one(here: Visitor, path: str, language: str, *, status: int = 200, axe: bool = False) -> None:
        answer = here.page.goto(here.live.settings.issuer + path)
        assert answer is not None
        assert answer.status == status, path
        seen = here.page.evaluate(SEEN)
        assert (seen["language"], seen["headings"], here.complaints) == (language, 1, []), path
        assert language == "en" or not [text for text in seen["texts"] if untranslated(text)], path
        if language == "nl":
            check_fits(here.page)
        if axe:
            check_accessible(here.page, dark=False)  # its sample is checked in the dark

    return open_one


def speak_dutch_on_a_phone(here: Visitor) -> None:
    """Choose Dutch at the foot of the front page, as anybody can. The narrow screen gets the longer words."""
    here.open("/").page.get_by_role("button", name="Nederlands").click()
    expect(here.page.locator("html")).to_have_attribute("lang", "nl")
    here.page.set_viewport_size(NARROWEST)


@pytest.fixture
def walker(visitor: Visitors) -> Callable[[MadePerson], Visitor]:
    """Sign a person in through the pages, at the provider and at an app if they have one."""

    def enter(person: MadePerson) -> Visitor:
        here = sign_in(visitor(), person)
        if person.store_url != operators.STORE_URL:
            here.begin().tokens()
        return here

    return enter


@pytest.mark.parametrize("role", WALKERS)
def test_links_lead_to_every_page_of_a_user(
    walker: Callable[[MadePerson], Visitor], live: Live, people: dict[str, MadePerson], look_at, role: str
) -> None:
    """S13, S62: links lead to every page of the user, and no link is refused. Each page is whole in Dutch, on a
    phone, where words are longest. Samples show it in every language.
    """
    here = walker(people[role])
    if role == HAS_A_PASSKEY:
        add_passkey(here, people[role])
    places = places_of(here)
    assert set(places) == theirs(live.app, role)
    speak_dutch_on_a_phone(here)
    for endpoint, place in places.items():
        if place.is_page and (is_first(endpoint, role) or not endpoint.startswith(OWN)):
            look_at(here, place.path, "nl", axe=is_first(endpoint, role))


def at_shoes(people: dict[str, MadePerson]) -> dict[str, str]:
    """Return values for the placeholders in addresses of the console, of the organisation looked at."""
    employee = people["employee"]
    return {"store_url": employee.store_url, "user_id": employee.id, "act": "disable", "form": "csv"}


def test_a_stranger_finds_the_way_in_and_nothing_else(
    visitor: Visitors, live: Live, people: dict[str, MadePerson], look_at
) -> None:
    """Every page of profile and console leads to the sign-in, in the browser's language."""
    here = visitor()
    closed = {**addresses(live.app, "admin.", at_shoes(people)), **addresses(live.app, OWN, {})}
    for endpoint, (path, methods) in closed.items():
        if "GET" in methods and endpoint not in ("account.home", "admin.tested"):
            assert "/sign-in/" in here.page.request.get(live.settings.issuer + path).url, endpoint
    for language in LANGUAGES:
        here = visitor(locale=f"{language}-GB")
        look_at(here, "/", language, axe=True)
        for path in ("/admin/example-shoes/people", "/account/security"):
            look_at(here, path, language)
            assert "/sign-in/" in here.page.url


def test_pages_of_another_organisation_do_not_exist(
    walker: Callable[[MadePerson], Visitor], live: Live, people: dict[str, MadePerson], look_at
) -> None:
    """An administrator of one organisation gets 404 for pages of another, in both languages."""
    here = walker(people["administrator of another organisation"])
    for endpoint, (path, _) in addresses(live.app, "admin.", at_shoes(people)).items():
        if endpoint not in ("admin.front", "admin.tested"):
            assert here.page.request.get(live.settings.issuer + path).status == 404, endpoint
    for language in LANGUAGES:
        if language == "nl":
            speak_dutch_on_a_phone(here)
        look_at(here, "/admin/example-shoes/people", language, status=404)
