"""Shops, groups and organisations are found by an index, on both engines, also those of an older server."""

import pytest
from flask import Flask
from sqlalchemy import text

from idp import clock, crypto, sweeps
from idp.config import Settings
from idp.db import connection, db, transaction
from idp.keyset import Found, Place
from idp.search_words import LONGEST, fits, words_of
from idp.store import disabled_organisations, names, organisation_lists
from idp.store.organisation_lists import GROUP_ORDERS, ORGANISATION_ORDERS, SHOP_ORDERS, NameSought
from idp.store.organisations import Shop
from tests.drivers.query_plans import postgresql_plan, reads_organisation, scanned, sorts_much, sqlite_plan
from tests.drivers.statements import counted
from tests.factories import Factory


@pytest.fixture
def shoes(factory: Factory) -> str:
    """Return an organisation with shops and groups."""
    shoes = factory.make_organisation()
    for code, name in (("ams-1", "Amsterdam"), ("ams-2", "Amsterdam Noord"), ("zwo-1", "Zwolle")):
        factory.make_shop(shoes, code, name)
    factory.make_group(shoes, "Night shift")
    return shoes


def codes(found: Found[Shop]) -> list[str]:
    """Return the codes of the shops found, two on each page."""
    rows = found.page(None, 2)
    while len(more := found.page(Place(found.order.key_of(rows[-1])), 2) if rows else []):
        rows += more
    assert len(rows) == found.count()
    return [row.code for row in rows]


@pytest.mark.both_engines
@pytest.mark.parametrize("many", [5000, 1], ids=["few", "many"])
def test_every_plan_finds_the_same(
    engine: str, factory: Factory, shoes: str, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A word of thousands of shops is not read whole: the shops are then read in the order of the list."""
    monkeypatch.setattr(organisation_lists, "MANY", many)
    with factory.context():
        for order in SHOP_ORDERS:
            backwards = order.startswith("-")
            for typed, expected in (("ams", ["ams-1", "ams-2"]), ("ams noo", ["ams-2"]), ("x", []), ("", SHOPS)):
                wanted = expected[::-1] if backwards else expected
                assert codes(organisation_lists.find_shops(shoes, NameSought(typed, order))) == wanted, (typed, order)
            before = organisation_lists.place_of_shop(shoes, order, id_of(shoes, "ams-2"), is_before=True)
            rows = organisation_lists.find_shops(shoes, NameSought("ams", order)).page(before, 5)
            assert [row.code for row in rows] == ([] if backwards else ["ams-1"])


SHOPS = ["ams-1", "ams-2", "zwo-1"]


def id_of(shoes: str, code: str) -> str:
    """Return the id of a shop."""
    return next(row.id for row in organisation_lists.shops(shoes, None, 9) if row.code == code)


@pytest.mark.both_engines
def test_rows_of_an_older_server_are_found(engine: str, factory: Factory, settings: Settings, shoes: str) -> None:
    """It writes names without words. The search reads those rows until the sweep has made their words."""
    factory.make_organisation("toys", name="Wooden toys")
    with factory.context():
        with transaction():
            connection().execute(text("UPDATE shops SET name = 'Deventer' WHERE code = 'zwo-1'"))
            connection().execute(text("UPDATE shops SET search_text = NULL, sort_key = '' WHERE code = 'ams-2'"))
            connection().execute(text("DELETE FROM shop_words WHERE word = 'noord'"))
            connection().execute(text("UPDATE groups SET name = 'Day shift', name_key = 'day shift'"))
            connection().execute(text("UPDATE organisations SET name = 'Boots' WHERE store_url = 'toys'"))
        for _ in range(2):
            find = organisation_lists.find_shops
            assert codes(find(shoes, NameSought("dev"))) == ["zwo-1"]
            assert codes(find(shoes, NameSought("zwol"))) == []
            assert codes(find(shoes, NameSought("noo"))) == ["ams-2"]
            assert [row.name for row in organisation_lists.groups_like(shoes, "day", 9)] == ["Day shift"]
            assert organisation_lists.find_organisations(NameSought("boots")).count() == 1
            assert organisation_lists.find_organisations(NameSought("wooden")).count() == 0
            sweeps.sweep(settings)
        assert codes(organisation_lists.find_shops(shoes, NameSought(order="name"))) == SHOPS
        with transaction():
            assert names.sweep_names(10) == 0


@pytest.mark.both_engines
@pytest.mark.parametrize("typed", ["", "ams", "ams noord"])
def test_pages_are_read_by_an_index_in_its_order(engine: str, app: Flask, factory: Factory, shoes: str, typed: str) -> None:
    """growth: no list of names reads or sorts all of its rows, whatever was typed and however it is sorted."""
    closed = factory.make_organisation("example-closed")
    with factory.context():
        for code in ("x", "y"):
            with transaction():
                names.add_shop(Shop(organisation_id=shoes, id=crypto.new_id(), code=code, name="Ams noord"))
        found = [organisation_lists.find_shops(shoes, NameSought(typed, order)) for order in SHOP_ORDERS]
        for requires in (None, True):
            found += [organisation_lists.find_groups(shoes, NameSought(typed, order, requires)) for order in GROUP_ORDERS]
        with transaction():
            disabled_organisations.disable(closed, clock.now())
        for disabled in (False, True):
            found += [
                organisation_lists.find_organisations(NameSought(typed, order, is_disabled=disabled))
                for order in ORGANISATION_ORDERS
            ]
        with counted(app) as seen:
            for one in found:
                first = one.page(None, 2)
                for row in first:
                    one.page(Place(one.order.key_of(row)), 2)
                    one.page(Place(one.order.key_of(row), is_before=True), 2)
        with db.engine.connect() as reading:
            read = sqlite_plan if engine == "sqlite" else postgresql_plan
            plans = {one: read(reading, one) for one in {*seen}}
    assert plans
    for statement, plan in plans.items():
        is_first = " > " not in statement and " < " not in statement and " IN (" not in statement
        assert not scanned(plan), (statement, plan)
        assert not sorts_much(plan), (statement, plan)
        assert "TEMP B-TREE" not in "\n".join(plan), (statement, plan)
        assert is_first or not reads_organisation(plan), (statement, plan)


def test_words_are_no_longer_than_their_column() -> None:
    """Some letters become several when they are compared: PostgreSQL refused names of them."""
    assert {len(word) for word in words_of("ﬃ" * 200)} == {LONGEST}
    assert fits("ﬃ" * 200, "ffiffi")


@pytest.mark.both_engines
def test_a_name_of_ligatures_is_stored_and_found(engine: str, factory: Factory, shoes: str) -> None:
    """Of a shop and of a person."""
    factory.make_shop(shoes, "lig", "ﬃ" * 200)
    factory.make_user(shoes, "lig", name="ﬃ" * 200)
    with factory.context():
        assert codes(organisation_lists.find_shops(shoes, NameSought("ffiffi"))) == ["lig"]
