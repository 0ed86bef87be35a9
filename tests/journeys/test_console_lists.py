"""The console's lists of many people, and rules about others: search, export, and what stays hidden."""

import csv
import re
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import pytest

from idp import clock, crypto
from idp.db import connection, transaction
from idp.identity.organisations import shops
from idp.identity.policy import dated_rules
from idp.normal_forms import compared
from idp.store import dated_rules as store_dated_rules
from idp.store import users
from idp.store.users import User
from tests.drivers.browser import Browser
from tests.drivers.statements import counted
from tests.factories import BY_TESTS, Factory, MadePerson

AT = "/admin/example-shoes"
PEOPLE = f"{AT}/people"


def found(browser: Browser, **sought: str) -> list[str]:
    """Return the usernames that a search finds."""
    browser.open(PEOPLE).fill(**sought).submit()
    return [words for href, words in browser.page.links if href.startswith(f"{PEOPLE}/") and len(href) == len(PEOPLE) + 27]


def test_a_search_tells_what_it_found_before_anything_else(factory: Factory, enter, shoes, anna) -> None:
    """SC 4.1.3, 2.4.2: the title begins with the number. "Select all" leads to the acts, and says how many are selected."""
    for number in range(3):
        factory.make_user(shoes, f"kim{number}")
    factory.make_group(shoes, "Till")
    browser = enter(anna)
    for place, title in (("people?q=kim", "3 people · People"), ("groups?q=till", "1 group · Groups"), ("people", "People")):
        assert f"<title>{title} ·" in browser.open(f"{AT}/{place}").html
    browser.open(f"{PEOPLE}?q=kim")
    assert [href for href, words in browser.page.links if "Select all" in words] == [f"{PEOPLE}?q=kim&tick=all#picked"]
    browser.click("Select all on this page")
    assert re.search(r'<div[^>]* id="picked" tabindex="-1" role="group" aria-label="Selected: 3">', browser.html)


@pytest.mark.both_engines
def test_search_ignores_case_accents_and_width(factory: Factory, enter, shoes, anna, engine: str) -> None:
    """Letters of any script are folded. Quotes and wildcards are ordinary characters."""
    for username, name in (("emile", "Émile Žižek"), ("o'neil", 'Tim "100%" O\'Neil'), ("ωmega", "Ωμέγα"), ("a_b", "x")):
        factory.make_user(shoes, username, name=name)
    browser = enter(anna)
    for typed, expected in (
        ("émile", ["emile"]), ("ÉMILE", ["emile"]), ("ŽIŽEK", ["emile"]), ("ｅｍｉｌｅ", ["emile"]), ("ΩΜΈΓΑ", ["ωmega"]),
        ("O'NEIL", ["o'neil"]), ('"100%"', ["o'neil"]), ("100%", ["o'neil"]), ("%", []), ("a_", ["a_b"]),
        ("\\", []), ("' OR 1=1 --", []), ("nobody", []),
    ):  # fmt: skip
        assert found(browser, q=typed) == expected, typed


def crowd(factory: Factory, organisation_id: str, count: int) -> None:
    """Create many employees at once, without the form."""
    with factory.context(), transaction():
        for number in range(count):
            users.add_user(
                User(
                    organisation_id=organisation_id,
                    id=crypto.new_id(),
                    username=f"Till{number:05}",
                    username_key=compared(f"Till{number:05}"),
                    created_at=clock.now(),
                )
            )


def test_the_number_of_statements_does_not_grow_with_users(app, factory: Factory, enter, shoes, anna) -> None:
    """List, search, dry run and export take a fixed number of statements. Pages follow each other without a gap."""
    with factory.context(), transaction():
        rule = {"name": "tills", "starts": date(2026, 1, 1), "require": "mfa", "roles": ["employee"]}
        dated_rules.create(factory.settings, rule, dated_rules.known_now(), BY_TESTS)
    crowd(factory, shoes, 30)
    browser = enter(anna)
    browser.open(PEOPLE)
    counts = []
    for more in (0, 10_000):
        if more:
            with factory.context(), transaction():
                connection().execute(users.User.__table__.delete().where(users.User.username.like("Till%")))
            crowd(factory, shoes, more)
        with counted(app) as seen:
            for path in ("", "?q=till"):
                browser.open(PEOPLE + path).click("Next page")
            browser.open(f"{AT}/policies/who")
        counts.append(len(seen))
    assert abs(counts[1] - counts[0]) <= 2
    assert "10,000 of 10,001 people would be affected" in browser.text
    browser.open(f"{AT}/policies/who?language=nl")
    assert "Dit raakt 10.000 van 10.001 personen" in browser.text
    browser.open(f"{AT}/policies/who").click("Next page")
    assert {words for _, words in browser.page.links} >= {"Previous page", "Next page"}
    browser.open(PEOPLE)
    assert "More than 10,000 people" in browser.text
    assert browser.headers["Cache-Control"] == "no-store"
    with counted(app) as seen:
        answer = browser.client.get(f"{PEOPLE}/export.csv?q=till", base_url=browser.issuer)
        lines = answer.get_data(as_text=True).splitlines()
    assert len(lines) == 10_000 + 1
    assert len(seen) < 80, "too many statements for eleven chunks"
    assert len({line.split(",")[0] for line in lines}) == len(lines), "a user is listed twice"


def test_the_export_of_users_has_the_search_result_and_no_formula(factory: Factory, enter, shoes, anna) -> None:
    """V1.2.10: the file opens in spreadsheets. It contains no user of another organisation and no secret."""
    group = factory.make_group(shoes, "=2FA")
    with factory.context(), transaction():
        shops.create(shoes, {"code": "-7", "name": "Dam"}, BY_TESTS)
    factory.make_user(shoes, "@jan", name="=cmd|' /C calc'!A0", phone_number="+31 20 1234", groups=(group,), shops=("-7",))
    factory.make_user(shoes, "piet", name=" \u00a0=1+1", with_totp=True, email="piet@shoes.example")
    factory.make_user(factory.make_organisation("toys"), "kim")
    browser = enter(anna, PEOPLE)
    address = next(href for href, words in browser.page.links if words == "Export as CSV")
    answer = browser.client.get(address, base_url=browser.issuer)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="people-example-shoes-2026-11-23.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    rows = {row["username"]: row for row in csv.DictReader(answer.get_data().decode("utf-8-sig").splitlines())}
    assert set(rows) == {"'@jan", "anna", "piet"}
    jan = rows["'@jan"]
    assert (jan["name"], jan["phone_number"]) == ("'=cmd|' /C calc'!A0", "'+31 20 1234")
    assert (jan["groups"], jan["shops"], jan["second_factor"], rows["anna"]["shops"]) == ("'=2FA", "'-7", "no", "*")
    assert rows["piet"]["name"].startswith("'")
    assert (rows["piet"]["second_factor"], rows["piet"]["email_verified"]) == ("yes", "yes")
    browser.fill(q="piet", role="employee").submit()
    narrowed = next(href for href, words in browser.page.links if words == "Export as CSV")
    assert browser.client.get(narrowed, base_url=browser.issuer).get_data(as_text=True).count("\n") == 2


def test_files_open_in_the_spreadsheet_of_the_reader(enter, anna) -> None:
    """S73: Excel expects a semicolon where a comma is the decimal sign, and a BOM. The name says what and when."""
    browser = enter(anna, PEOPLE)
    for tag, separator in (("nl", ";"), ("en", ",")):
        get = partial(browser.client.get, base_url=browser.issuer, headers={"Accept-Language": tag})
        people = get(f"{PEOPLE}/export.csv").get_data()
        assert people.startswith(b"\xef\xbb\xbf" + f'"id"{separator}"username"'.encode())
        audit = get("/admin/example-shoes/audit/export.csv?since=2026-11-01&until=2026-11-27")
        assert audit.get_data(as_text=True).splitlines()[0].count(f'"{separator}"') > 5
        assert 'filename="audit-example-shoes-2026-11-01-2026-11-27.csv"' in audit.headers["Content-Disposition"]


def test_a_rule_shows_administrators_only_their_own_names(
    factory: Factory, enter, new_browser: Callable[..., Browser], shoes, anna: MadePerson, olga
) -> None:
    """V8.2.2: a rule may name other organisations, their groups and apps. Administrators read only their own."""
    toys = factory.make_organisation("secret-toys")
    factory.make_group(toys, "Toy makers")
    factory.make_group(shoes, "Fitters")
    factory.make_client("toy-till", organisations=(toys,))
    factory.make_client("kassa")
    day = {"starts": date(2026, 1, 1)}
    rules: list[dict[str, Any]] = [
        {"name": "shared", "organisations": ["secret-toys", "example-shoes"], "groups": ["Toy makers", "Fitters"]},
        {"name": "apps", "clients": ["toy-till", "kassa"]},
        {"name": "of-toys", "organisations": ["secret-toys"]},
        {"name": "of-toy-groups", "groups": ["Toy makers"]},
        {"name": "of-toy-apps", "clients": ["toy-till"]},
    ]
    with factory.context(), transaction():
        for rule in rules:
            dated_rules.create(factory.settings, {**day, **rule}, dated_rules.known_now(), BY_TESTS)
    browser = enter(anna, f"{AT}/policies")
    for path in ("policies", "policies/who", f"people/{anna.id}/explain", f"people/{anna.id}"):
        seen = browser.open(f"{AT}/{path}").html.lower()
        assert not [word for word in ("secret-toys", "toy makers", "toy-till", "of-toy") if word in seen], path
    shown = browser.open(f"{AT}/policies").text
    assert all(word in shown for word in ("shared", "Fitters", "apps", "Kassa"))
    operator = enter(olga, f"{AT}/policies", new_browser())
    assert all(word in operator.text for word in ("of-toys", "of-toy-groups", "secret-toys", "Toy-Till"))
    with factory.context():
        assert len(store_dated_rules.dated_rules()) == len(rules)
