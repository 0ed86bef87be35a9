"""Who signed in from where yesterday: the filter of the audit log, its presets, and what a row says (S73)."""

import json
from collections.abc import Callable
from datetime import date

from flask import Flask

from idp import crypto
from idp.audit import Event
from idp.db import transaction
from idp.identity.accounts import accounts
from idp.identity.organisations import groups, shops
from idp.identity.policy import organisation_rules
from idp.oauth import registration
from idp.store import clients, names, organisations
from idp.store.organisations import Shop
from idp.web.admin import people_search
from tests.drivers.browser import Browser
from tests.drivers.statements import counted
from tests.drivers.words import NOTHING_WAS_FOUND
from tests.factories import BY_TESTS, Factory, MadePerson

AUDIT = "/admin/example-shoes/audit"


def export(browser: Browser) -> list[dict[str, str]]:
    """Return the rows that the present filter exports."""
    address = next(href for href, words in browser.page.links if words == "JSON")
    rows: list[dict[str, str]] = json.loads(browser.client.get(address, base_url=browser.issuer).get_data(as_text=True))
    return rows


def test_the_log_shows_who_signed_in_where_yesterday(
    factory: Factory, enter, relying_party, new_browser, clock: Callable[..., None], shoes, anna: MadePerson
) -> None:
    """S73: presets of days, one entry for a sign-in with its app, its shop and its wrong attempts; by app, shop, address,
    kind and person. The address holds the filter, and the export has the same rows.
    """
    factory.make_shop(shoes, "dam", "Dam")
    factory.make_shop(shoes, "zuid", "Zuidplein")
    piet = factory.make_user(shoes, "piet", shops=["dam"])
    kim = factory.make_user(shoes, "kim", shops=["zuid"])
    till = relying_party(factory.make_client("kassa", client_name="Kassa"))
    for person in (piet, kim):
        there = new_browser().open(till.authorize_url())
        if "organisation" in there.fields:
            there.fill(organisation="example-shoes").submit()
        there.fill(username=person.username, password="wrong wrong wrong").submit()
        there.fill(username=person.username, password=person.password).submit()
    clock(days=1)
    browser = enter(anna, AUDIT)
    assert "Europe/" in browser.text or "UTC" in browser.text
    browser.click("Yesterday")
    assert "Signed in to Kassa" in browser.text
    assert {row["at"][:10] for row in export(browser)} == {"2026-11-23"}
    browser.fill(event="sign-ins").submit()
    assert {row["event"] for row in export(browser)} == {"login:started", "grant:issued"}
    with factory.context():
        dam = next(shop for shop in organisations.shops(shoes) if shop.code == "dam")
    browser.open(f"{AUDIT}?shop={dam.id}&event=sign-ins")
    assert {row["actor"] for row in export(browser)} == {"piet"}
    assert "Dam" in browser.text
    browser.open(f"{AUDIT}?client=kassa&username=kim")
    assert "kim" in {row["actor"] for row in export(browser)} <= {"kim", ""}
    assert {row["client_id"] for row in export(browser)} == {"kassa"}
    own = export(browser)[0]["address"]
    for typed, count in ((own, True), ("192.0.2.99", False), ("nonsense", False)):
        browser.open(f"{AUDIT}?address={typed}")
        assert bool(export(browser)) is count, typed
        assert browser.value("address") == typed
    browser.open(f"{AUDIT}?username=piet")
    entry = next(row for row in browser.html.split("<tr>")[2:] if "Signed in" in row)  # the filter names every event
    assert "Wrong password entered" in entry


def test_words_stand_for_everything(factory: Factory, enter, shoes, anna: MadePerson) -> None:
    """S73: no event, app, shop or policy is shown by an identifier."""
    factory.make_group(shoes, "Safe")
    with factory.context(), transaction():
        rule = organisation_rules.create(
            factory.organisation(shoes), {"name": "Managers", "starts": date(2026, 12, 1)}, BY_TESTS
        )
        groups.remove(organisations.groups(shoes)[0], BY_TESTS)
    browser = enter(anna, AUDIT)
    assert "Managers" in browser.text
    assert [event for event in (*Event, rule.id) if event in browser.text] == []
    assert NOTHING_WAS_FOUND in browser.open(f"{AUDIT}?event=wrong&client=nothing").text


def test_the_log_names_what_is_gone(factory: Factory, enter, shoes, anna: MadePerson) -> None:
    """S73: an auditor reads which shop was closed, and which group, policy and app were deleted."""
    factory.make_client("till", client_name="Old till", organisations=(shoes,))
    factory.make_shop(shoes, "breda", "Breda Centre")
    factory.make_group(shoes, "Safe")
    with factory.context(), transaction():
        at = factory.organisation(shoes)
        rule = organisation_rules.create(at, {"name": "Season", "starts": date(2026, 12, 1)}, BY_TESTS)
        organisation_rules.remove(rule, BY_TESTS)
        groups.remove(organisations.groups(shoes)[0], BY_TESTS)
        shops.remove(organisations.shops(shoes)[0], BY_TESTS)
        clients.change_client("till", managed_by=shoes)
        registration.delete("till", BY_TESTS)
    text = enter(anna, AUDIT).text
    for words in ("Shop closed", "Breda Centre", "Group deleted", "Safe", "Policy deleted", "Season", "Old till"):
        assert words in text, words


def test_the_log_says_which_details_changed(factory: Factory, enter, shoes, anna: MadePerson, jan) -> None:
    """S73: a new role is more than a new telephone number."""
    with factory.context():
        at, user = factory.organisation(shoes), factory.user(jan)
        accounts.change(factory.settings, at, user, {"role": "manager", "phone_number": "+31 6 12345678"}, BY_TESTS)
    assert "Details changed: Telephone, Role" in enter(anna, AUDIT).text


def test_a_shop_is_never_looked_for_in_the_whole_log(factory: Factory, enter, shoes, anna: MadePerson) -> None:
    """Its people's events have no index: one administrator's search must not hold up the pages of everybody."""
    factory.make_shop(shoes, "dam", "Dam")
    with factory.context():
        (dam,) = organisations.shops(shoes)
    browser = enter(anna)
    for asked, first in (
        ("", "2026-11-17"), ("&until=2026-11-20", "2026-11-14"), ("&since=2001-01-01", "2026-10-24"),
        ("&since=2001-01-01&until=2026-11-20", "2026-10-21"), ("&since=2026-11-22", "2026-11-22"),
        ("&since=2001-01-01&until=2001-01-05", "2001-01-01"),
    ):  # fmt: skip
        assert browser.open(f"{AUDIT}?shop={dam.id}{asked}").value("since") == first, asked
        assert browser.status == 200
    for name in ("since", "until", "username"):
        browser.open(f"{AUDIT}?{name}=x")
        assert (browser.status, f'<a href="#{name}">' in browser.html) == (422, True), name
    for wrong in ("&since=x", "&until=x", "&until=0001-01-02"):
        assert browser.open(f"{AUDIT}?shop={dam.id}{wrong}").status in (200, 422), wrong


def test_a_chain_of_many_shops_is_filtered_by_the_code_of_one(
    app: Flask, factory: Factory, enter, shoes, anna: MadePerson
) -> None:
    """The page neither reads nor lists all shops. A code that is not there is an error beside its field."""
    with factory.context(), transaction():
        for number in range(people_search.MOST_CHOICES + 50):
            row = Shop(organisation_id=shoes, id=crypto.new_id(), code=f"x{number:03}", name=f"Zaak {number:03}")
            names.add_shop(row)
        shops.change(row, {"name": "Renamed"}, BY_TESTS)
    factory.make_user(shoes, "piet", shops=["x249"])
    browser = enter(anna, AUDIT)
    with counted(app) as seen:
        browser.fill(shop="X249").submit()
    assert (browser.status, browser.value("shop"), "Zaak 000" in browser.text) == (200, "x249", False)
    asked = [one for one in seen if "FROM shops" in one]
    assert asked
    assert all(" IN (" in one or "LIMIT" in one or "shops.id = " in one or "code_key = " in one for one in asked)
    assert "Renamed" in browser.open(AUDIT).text
    browser.fill(shop="dam").submit()
    assert (browser.status, '<a href="#shop">' in browser.html) == (422, True)
    assert "There is no shop with the code “dam”." in browser.text
    assert browser.open(f"{AUDIT}?shop={row.id}").value("shop") == "x249"
