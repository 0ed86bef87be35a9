"""Who may enter which page: every route of the profile and of the console, walked by users of every role (S13)."""

from collections.abc import Callable

import pytest
from flask import Flask

from idp import crypto
from idp.clock import now
from idp.db import transaction
from idp.identity.organisations import shops
from idp.store import operators, organisations, sessions
from tests.drivers.browser import Browser
from tests.factories import BY_TESTS, Factory, MadePerson

ISSUER = "https://id.example.com"
ROLES = ("owner", "administrator", "manager", "employee", "customer", "operator", "administrator of another organisation")
RULING = {"owner", "administrator", "operator"}
OPERATORS = {"operator"}
WHO = {
    "admin.front": {*RULING, "administrator of another organisation"},
    **dict.fromkeys(("admin.people", "admin.export_people", "admin.add_person", "admin.edit_person"), RULING),
    **dict.fromkeys(("admin.person", "admin.explain_person"), RULING),
    "admin.act_on_person": RULING,
    "admin.remove_passkey": RULING,
    **dict.fromkeys(("admin.groups", "admin.group", "admin.remove_group"), RULING),
    **dict.fromkeys(("admin.shops", "admin.shop", "admin.remove_shop"), RULING),
    **dict.fromkeys(("admin.policies", "admin.dry_run", "admin.settings", "admin.logo"), RULING),
    "admin.ownership": RULING,
    "admin.withdraw_ownership": {"owner", "operator"},
    **dict.fromkeys(("admin.add_policy", "admin.edit_policy", "admin.remove_policy"), OPERATORS),
    **dict.fromkeys(("admin.sessions", "admin.end_session", "admin.mail", "admin.resend_mail"), RULING),
    **dict.fromkeys(("admin.audit", "admin.export_audit"), RULING),
    **dict.fromkeys(("admin.apps", "admin.app", "admin.test_app"), RULING),
    "admin.tested": set(),  # only the way back from a test that this browser began
    **dict.fromkeys(("admin.add_app", "admin.edit_app", "admin.act_on_app"), OPERATORS),
    **dict.fromkeys(("admin.keys", "admin.rotate_keys"), OPERATORS),
}
"""Who may, for every address of the console; everybody else gets 404, and a stranger the sign-in."""
OWN = "account."
"""All of the profile is everybody's own: every signed-in person may, and sees only what is theirs."""


def one_of_each(factory: Factory) -> dict[str, MadePerson]:
    """Somebody of each role, all with a second factor and a verified address."""
    shoes = factory.make_organisation("example-shoes", settings={"offer_set_up": False})
    toys = factory.make_organisation("toys", settings={"offer_set_up": False})
    with factory.context(), transaction():
        installation = operators.add_installation(crypto.new_id(), now()).id
    found = {}
    for role in ROLES:
        at = {"operator": installation, "administrator of another organisation": toys}.get(role, shoes)
        plain = role if at == shoes else "administrator"
        email = f"{role.split()[0]}@{'toys' if at == toys else 'shoes'}.example"
        found[role] = factory.make_user(at, role.split()[0], role=plain, with_totp=True, email=email)
    return found


@pytest.fixture
def people(factory: Factory) -> dict[str, MadePerson]:
    """Somebody of each role."""
    return one_of_each(factory)


@pytest.fixture
def values(factory: Factory, people: dict[str, MadePerson]) -> Callable[[], dict[str, str]]:
    """What the places in addresses stand for: things that are there, of the organisation looked at."""
    employee = people["employee"]
    factory.make_group(employee.organisation_id)
    factory.make_client("till")
    with factory.context(), transaction():
        shop = shops.create(employee.organisation_id, {"code": "one", "name": "One"}, BY_TESTS).id

    def found() -> dict[str, str]:
        with factory.context():
            group = organisations.groups(employee.organisation_id)[0].id
            open_now = sessions.sessions_of(employee.organisation_id, employee.id, now())
        known = {
            "client_id": "till",
            "store_url": "example-shoes",
            "user_id": employee.id,
            "group_id": group,
            "shop_id": shop,
        }
        session = {"login_id": open_now[0].id} if open_now else {}
        return {**known, **session, "act": "disable", "form": "csv"}

    return found


def sign_in(browser: Browser, person: MadePerson) -> Browser:
    browser.open("/account/security").fill(organisation=person.store_url).submit()
    browser.fill(username=person.username, password=person.password).submit()
    return browser.fill(code=person.authenticator.code()).submit()


def addresses(app: Flask, prefix: str, values: dict[str, str]) -> dict[str, tuple[str, set[str]]]:
    """Endpoint → address and methods, of every route below ``prefix`` whose places are known."""
    found = {}
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(prefix):
            filled = {name: values.get(name, crypto.new_id()) for name in rule.arguments}
            built = app.url_map.bind("id.example.com").build(rule.endpoint, filled)
            found[rule.endpoint] = (built, set(rule.methods or ()) & {"GET", "POST"})
    return found


def test_the_table_names_every_page_of_the_console(app: Flask) -> None:
    """No page is added without saying who may."""
    there = {rule.endpoint for rule in app.url_map.iter_rules() if rule.endpoint.startswith("admin.")}
    assert there == set(WHO)


UNKNOWN_HERE = {
    *("admin.edit_policy", "admin.remove_policy", "admin.resend_mail", "admin.withdraw_ownership", "admin.remove_passkey")
}
"""What they are about is not there in these tests, so 404 is right for those who may, too."""


@pytest.mark.parametrize("role", ROLES)
def test_everybody_sees_what_is_theirs_and_nothing_else(
    app: Flask, new_browser: Callable[..., Browser], people: dict[str, MadePerson], values, role: str
) -> None:
    """S13: 200 for those who may, 404 (never 403) for everybody else, to look and to post alike."""
    sign_in(new_browser(), people["employee"])
    browser = sign_in(new_browser(address="192.0.2.8"), people[role])
    token = browser.value("csrf_token")
    for endpoint, (address, methods) in addresses(app, "admin.", values()).items():
        may = role in WHO[endpoint]
        status = browser.open(address).status
        if endpoint == "admin.tested":
            assert status == 400, "there is nothing to see without a test that this browser began"
            continue
        assert status == (200 if may else 404) or (may and endpoint in UNKNOWN_HERE and status == 404), (endpoint, status)
        assert "/sign-in/" not in browser.url, endpoint
        if "POST" in methods and not may:
            assert browser.send("POST", ISSUER + address, [("csrf_token", token)]).status == 404, endpoint
        if "POST" in methods and may:
            assert browser.send("POST", ISSUER + address, []).status == 403, f"{endpoint} takes forms of other sites"


@pytest.mark.parametrize("role", ROLES)
def test_the_profile_is_everybodys_own(
    app: Flask, new_browser: Callable[..., Browser], people: dict[str, MadePerson], role: str
) -> None:
    """Every page of the profile opens to every signed-in person; ids of others are unknown there."""
    browser = sign_in(new_browser(), people[role])
    for endpoint, (address, methods) in addresses(app, OWN, {}).items():
        if "GET" in methods:
            compulsory = endpoint in ("account.ask_to_remove", "account.ask_password")
            about_another = endpoint == "account.ask_to_remove_passkey"
            expected = {403, 200} if compulsory else {404} if about_another else {200}
            assert browser.open(address).status in expected, endpoint


def test_a_stranger_is_asked_to_sign_in_everywhere(app: Flask, browser: Browser, people, values) -> None:
    """Nobody signed in: every page leads to the sign-in, and says nothing of what is there."""
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


def test_a_strangers_organisation_is_not_told(browser: Browser, people) -> None:
    """S29: the console of an organisation that is not there looks like that of one that is."""
    seen = []
    for store_url in ("example-shoes", "nowhere"):
        browser.forget_cookies().open(f"/admin/{store_url}/people")
        seen.append((browser.status, browser.heading))
    assert seen[0] == seen[1]
