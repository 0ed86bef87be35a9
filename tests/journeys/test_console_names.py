"""S66: lists of shops, groups and organisations are searched, sorted and paged. The address holds what was asked."""

from collections.abc import Iterable
from functools import partial

import pytest
from flask import Flask

from idp import crypto
from idp.db import transaction
from idp.identity.organisations import groups, organisations, shops
from idp.store import names
from idp.store import organisations as store
from idp.store.organisations import Shop
from tests.drivers.browser import Browser
from tests.drivers.roles import one_of_each
from tests.drivers.statements import counted
from tests.factories import BY_TESTS, Factory, MadePerson

AT = "/admin/example-shoes"
SHOPS = {
    "ams-1": "Amsterdam Centrum",
    "ams-2": "Amsterdam Noord",
    "epi-1": "Épinal – Rue d'Alsace",
    "per-1": "100% Outlet",
    "und-1": "a_b Proef",
    "zwo-1": "Zwolle",
}
SEARCHES = {
    "amsterdam": ["ams-1", "ams-2"],
    "NOORD ams": ["ams-2"],
    "épinal": ["epi-1"],
    "EPINAL": ["epi-1"],
    "alsace": ["epi-1"],
    "ams-": ["ams-1", "ams-2"],
    "ＺＷＯＬＬＥ": ["zwo-1"],
    "100%": ["per-1"],
    "%": [],
    "a_": ["und-1"],
    "_": [],
    "'": [],
    "' OR 1=1 --": [],
    "sterdam": [],
}


def found(browser: Browser, codes: Iterable[str] = SHOPS) -> list[str]:
    """Return the codes of the shops on a page, in their order."""
    return sorted((code for code in codes if code in browser.text), key=browser.text.index)


@pytest.fixture
def chain(factory: Factory, shoes: str) -> str:
    """Return the organisation with some shops and groups."""
    for code, name in SHOPS.items():
        factory.make_shop(shoes, code, name)
    factory.make_group(shoes, "Émile's team")
    factory.make_group(shoes, "Night shift", requires_mfa=False)
    return shoes


@pytest.mark.both_engines
def test_shops_are_found_by_beginnings_of_words(factory: Factory, enter, chain: str, anna: MadePerson, engine: str) -> None:
    """Case, width and accents do not count. Signs of databases are ordinary characters. An empty page says what to do."""
    browser = enter(anna, f"{AT}/shops")
    assert "6 shops" in browser.text
    for typed, codes in SEARCHES.items():
        browser.open(f"{AT}/shops").fill(q=typed).submit("Search")
        assert found(browser) == codes, typed
        if not codes:
            assert "No shops match this filter." in browser.text
            assert "6 shops" in browser.click("Clear the filter").text


@pytest.mark.both_engines
def test_groups_are_found_and_filtered(factory: Factory, enter, chain: str, anna: MadePerson, engine: str) -> None:
    """The filter is a chip that can be removed."""
    browser = enter(anna, f"{AT}/groups").fill(q="EMILE team").submit("Search")
    assert ("Émile's team" in browser.text, "Night shift" in browser.text) == (True, False)
    browser.open(f"{AT}/groups").fill(only="no-mfa").submit("Search")
    assert ("Émile's team" in browser.text, "Night shift" in browser.text) == (False, True)
    assert "Émile's team" in browser.click("Remove the filter").text
    browser.fill(sort="-name").submit("Search")
    assert browser.text.index("Émile's team") < browser.text.index("Night shift"), "é comes after n"
    assert "No groups match this filter." in browser.fill(q="nobody").submit("Search").text


@pytest.mark.both_engines
def test_search_and_order_stay_over_pages_and_back_from_a_shop(
    factory: Factory, enter, shoes: str, anna: MadePerson, engine: str
) -> None:
    """A search that a page forgets is typed again for each shop."""
    with factory.context(), transaction():
        for number in range(120):
            names.add_shop(shop(shoes, f"x{number:03}", f"Zaak {119 - number:03}"))
        names.add_shop(shop(shoes, "other", "Other"))
    browser = enter(anna, f"{AT}/shops").fill(q="zaak", sort="name").submit("Search")
    assert "120 shops" in browser.text
    assert found(browser, ("x119", "x070", "x069", "other")) == ["x119", "x070"]
    browser.click("Next page")
    assert found(browser, ("x070", "x069", "x020", "x019")) == ["x069", "x020"]
    here = browser.url
    browser.click("Zaak 055").click("‹")
    assert browser.url == here
    assert (browser.value("q"), browser.value("sort")) == ("zaak", "name")
    assert found(browser, ("x069", "x020")) == ["x069", "x020"]
    browser.click("Next page")
    assert found(browser, ("x020", "x019", "x000")) == ["x019", "x000"]
    assert "Next page" not in {words for _, words in browser.page.links}
    browser.click("Previous page").click("Previous page")
    assert found(browser, ("x119", "x070", "x069")) == ["x119", "x070"]


def test_an_address_with_unknown_values_lists_everything(enter, chain: str, anna: MadePerson) -> None:
    """Another organisation's shop, a deleted one and orders that are not offered lead to the first page."""
    browser = enter(anna)
    for query in ("sort=password", "only=x", f"after={'x' * 300}", "before=%00", "sort=-name&after=nobody"):
        assert "6 shops" in browser.open(f"{AT}/shops?{query}").text, query
    assert browser.open(f"{AT}/shops?q={'a' * 5000}").status == 200


@pytest.mark.both_engines
def test_the_number_of_statements_does_not_grow_with_shops(
    app: Flask, factory: Factory, enter, shoes: str, anna: MadePerson, engine: str
) -> None:
    """A chain of 5,000 shops: the list, its search and its orders ask the same statements as for ten."""
    browser = enter(anna)
    counts = []
    for first, more in ((0, 60), (60, 5_000)):
        with factory.context(), transaction():
            for number in range(first, more):
                names.add_shop(shop(shoes, f"x{number:04}", f"Zaak {number}"))
        browser.open(f"{AT}/shops")
        with counted(app) as seen:
            for query in ("", "q=zaak", "q=zaak+x000", "sort=-name", "q=zaak&sort=name"):
                browser.open(f"{AT}/shops?{query}")
        counts.append(len(seen))
    assert counts[1] <= counts[0] + 2
    assert "5,000 shops" in browser.text


@pytest.mark.both_engines
def test_operators_find_organisations(factory: Factory, enter, engine: str) -> None:
    """By the store URL and by words of the name. Their own goes first; removed ones are not found."""
    browser = enter(one_of_each(factory)["operator"])
    with factory.context(), transaction():
        for store_url, name in (("hats", "Hoeden van Zoë"), ("boots", "Zwarte Laarzen"), ("gone", "Gone")):
            row = organisations.create({"store_url": store_url, "name": name, "country": "NL"}, BY_TESTS)
        organisations.remove(row, BY_TESTS)
    every = ("Sleutel", "Hoeden", "Zwarte", "Example Shoes", "Gone")
    browser.open("/admin/")
    ordered = partial(found, browser, every)
    assert ordered() == ["Sleutel", "Zwarte", "Example Shoes", "Hoeden"]
    assert "5 organisations" in browser.text
    browser.fill(sort="-name").submit("Search")
    assert ordered()[1:] == ["Zwarte", "Hoeden", "Example Shoes"]
    for typed, names_of in {"ZOE": ["Hoeden"], "laarzen zw": ["Zwarte"], "boo": ["Zwarte"], "gone": [], "%": []}.items():
        browser.open("/admin/").fill(q=typed).submit("Search")
        assert [one for one in ordered() if one != "Sleutel"] == names_of, typed
    assert "No organisations match this filter." in browser.text
    assert "5 organisations" in browser.click("Clear the filter").text


@pytest.mark.both_engines
def test_a_new_name_is_found_at_once_and_an_old_one_no_longer(
    factory: Factory, enter, chain: str, anna: MadePerson, engine: str
) -> None:
    """Words are kept in the transaction that writes the name; a deleted shop has none."""
    browser = enter(anna)
    with factory.context(), transaction():
        zwolle = store.shop_at(chain, "zwo-1")
        night = store.group_named(chain, "Night shift")
        gone = store.shop_at(chain, "ams-1")
        assert zwolle
        assert night
        assert gone
        shops.change(zwolle, {"name": "Deventer"}, BY_TESTS)
        groups.change(night, {"name": "Day shift"}, BY_TESTS)
        shops.remove(gone, BY_TESTS)
        organisations.change(factory.organisation(chain), {"name": "Renamed"}, BY_TESTS)
    assert found(browser.open(f"{AT}/shops?q=deventer")) == ["zwo-1"]
    assert found(browser.open(f"{AT}/shops?q=zwolle")) == []
    assert found(browser.open(f"{AT}/shops?q=amsterdam")) == ["ams-2"]
    assert "Day shift" in browser.open(f"{AT}/groups?q=day").text
    assert "Day shift" not in browser.open(f"{AT}/groups?q=night").text


def shop(organisation_id: str, code: str, name: str) -> Shop:
    """Return a shop to insert."""
    return Shop(organisation_id=organisation_id, id=crypto.new_id(), code=code, name=name)
