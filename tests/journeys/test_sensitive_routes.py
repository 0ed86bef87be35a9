"""Post every change by every route with an old proof, a fresh proof, and also the password.

The attacker has a cookie of a signed-in user that is older than ``profile_minutes``, and nothing else.
"""

from collections.abc import Callable

import pytest
from flask import Flask

from idp.config import Settings
from idp.identity.credentials import leaked_passwords
from idp.identity.credentials.leaked_passwords import Lookup
from idp.identity.sensitive_changes import FRESH_PROOF, FRESH_PROOF_AND_PASSWORD, NOTHING
from idp.store import audit as audit_rows
from tests.drivers.browser import Browser
from tests.factories import Factory, MadePerson
from tests.journeys.sensitive_routes import ELSEWHERE, ROWS, Row
from tests.journeys.sensitive_world import ISSUER, Form, World

NOT_A_CHANGE = ("login:started", "login:stepped_up", "password:wrong")
ACTORS = ("anna", "boss", "olga", "kim")


@pytest.fixture
def kim(factory: Factory, shoes: str) -> MadePerson:
    """Create a user with a profile and without a compulsory factor."""
    return factory.make_user(shoes, "kim", with_totp=True, recovery_codes=3, email="kim@shoes.example")


def events(world: World) -> int:
    """Return how many changes the audit logs have, of the organisation, the installation, and one that was just added."""
    with world.factory.context():
        chains = {*audit_rows.chain_ids()} - {world.actors["olga"].organisation_id}
        rows = [row for chain in chains for row in audit_rows.rows(chain)]
        return len([row for row in rows if row.event not in NOT_A_CHANGE])


def filled(browser: Browser, row: Row, address: str, changes: Form) -> list[tuple[str, str]]:
    """Return the form that a user with a fresh proof sees, with the changes filled in."""
    if row.opens == "":
        return [(name, str(value)) for name, value in changes.items()]
    browser.open(row.opens or address)
    assert browser.status == 200, (row.what, browser.status, browser.text)
    form = next(form for form in browser.page.forms[1:] if all(name in form.kinds for name in changes))
    for name, value in changes.items():
        form.set(name, value)
    return [
        (name, value) for name, values in form.fields.items() for value in values if name not in ("csrf_token", "password")
    ]


def outcome(browser: Browser, world: World, address: str, fields: list[tuple[str, str]]) -> str:
    """Return the result of a posted form: ``changed``, ``asked`` (for a proof or the password), or the failure."""
    token, before = browser.open("/").value("csrf_token"), events(world)
    browser.send("POST", ISSUER + address, [("csrf_token", token), *fields])
    changed = events(world) - before
    if "/sign-in/" in browser.url and not changed and (browser.left_for is None):
        return "asked"
    if browser.status == 422 and "password" in browser.fields and not changed:
        return "asked"
    return "changed" if changed else f"{browser.status} {browser.errors} {browser.heading}"


def walk(row: Row, world: World, stale: Browser, fresh: Browser) -> list[str]:
    """Try one row. Returns what is wrong."""
    person, found = world.actors[row.actor], []
    address, changes = row.make(world)
    fields = filled(fresh, row, address, changes)
    with_password = [*fields, ("password", person.password)]
    steps = [
        ("an old proof", stale, fields, row.needs == NOTHING),
        ("an old proof and the password", stale, with_password, False),
        ("a fresh proof", fresh, fields, row.needs <= FRESH_PROOF),
        ("a fresh proof and the password", fresh, with_password, row.has_dialog),
    ]
    for with_what, browser, sent, may in steps:
        if with_what.endswith("password") and row.needs < FRESH_PROOF_AND_PASSWORD:
            continue
        world.looked_up.clear()
        got = outcome(browser, world, address, sent)
        if got != ("changed" if may else "asked"):
            found.append(f"{row.what} with {with_what}: {got}")
        if may and sent is with_password and world.looked_up != [person.password]:
            found.append(f"{row.what}: looked up {world.looked_up}")
        if may:
            break
    return found


def by_recovery_code(browser: Browser, person: MadePerson) -> Browser:
    """Sign in with a recovery code, because this user gets passkeys during the walk."""
    browser.open("/account/sessions")
    browser.fill(username=person.username, password=person.password).submit().submit("use_recovery")
    return browser.fill(recovery_code=person.recovery_codes[0]).submit().submit("choice=carry_on")


def test_every_change_needs_its_confirmation(
    factory: Factory, enter, new_browser, clock: Callable[..., None], shoes: str, anna, boss, olga, kim, monkeypatch
) -> None:
    """S13, S47, ASVS V7.5.1: an old proof changes nothing sensitive by any route, and a sufficient one changes it. S31:
    every dialog that asks for a password looks it up among the leaked ones.
    """
    actors = {"anna": anna, "boss": boss, "olga": olga, "kim": kim}
    others = {name: factory.make_user(shoes, name, with_totp=True, email=f"{name}@shoes.example") for name in ("sam", "tom")}
    world = World(factory, shoes, {**actors, **others})

    def look_up(settings: Settings, password: str) -> Lookup:
        world.looked_up.append(password)
        return Lookup(hit=False)

    monkeypatch.setattr(leaked_passwords, "look_up", look_up)
    stale = {name: enter(actors[name], "/account/sessions", new_browser()) for name in ACTORS}
    clock(minutes=11)
    fresh = {name: enter(person, "/account/sessions", new_browser()) for name, person in {**actors, **others}.items()}
    fresh["kim"] = by_recovery_code(new_browser(), kim)
    wrong = [problem for row in ROWS for problem in walk(row, world, stale[row.actor], fresh[row.actor])]
    assert wrong == []


def test_the_table_has_every_route_that_changes_data(app: Flask) -> None:
    """A new route must say which confirmation its change needs."""
    posting = {rule.endpoint for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert posting == {row.endpoint for row in ROWS} | set(ELSEWHERE)
