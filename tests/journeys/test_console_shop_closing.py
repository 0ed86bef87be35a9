"""Close a shop: its people are moved or lose it, and apps no longer see it (S12, S67)."""

import re

import pytest

from idp.db import transaction
from idp.identity.organisations import shops
from idp.store import audit, organisations, users
from idp.web.admin import shops as pages_of_shops
from tests.factories import BY_TESTS, Factory

SHOPS = "/admin/example-shoes/shops"


def make(factory: Factory, shoes: str, code: str, name: str) -> str:
    with factory.context(), transaction():
        return shops.create(shoes, {"code": code, "name": name}, BY_TESTS).id


def codes(factory: Factory, shoes: str) -> dict[str, list[str]]:
    """Return the shops of everybody by username."""
    with factory.context():
        named = ("jan", "kim", "lee")
        rows = {name: users.user_named(shoes, name) for name in named}
        return {name: [shop.code for shop in users.shops_of(shoes, row.id)] for name, row in rows.items() if row}


def test_the_people_of_a_closed_shop_move(factory: Factory, enter, shoes, anna) -> None:
    """S67: the page says how many work there. A person with both shops keeps one row. The audit log tells of the move."""
    old, new = make(factory, shoes, "utr", "Utrecht"), make(factory, shoes, "zwo", "Zwolle")
    for name, at in (("jan", ("utr",)), ("kim", ("utr", "zwo")), ("lee", ("zwo",))):
        factory.make_user(shoes, name, shops=at)
    browser = enter(anna, f"{SHOPS}/{old}")
    assert "2 people" in browser.text
    browser.click("Close this shop")
    assert "2 people work there." in browser.text
    browser.fill(choice=new, password="wrong").submit()
    assert (browser.status, browser.value("choice")) == (422, new)
    browser.fill(password=anna.password).submit()
    assert "The shop “Utrecht” is closed. 2 people now work in “Zwolle” instead." in browser.text
    assert codes(factory, shoes) == {"jan": ["zwo"], "kim": ["zwo"], "lee": ["zwo"]}
    with factory.context():
        (row, *_) = audit.rows_about(shoes, old)
        assert row.data == {"removed": True, "name": "Utrecht", "people": 2, "moved_to": new}
        assert organisations.shop(shoes, old) is None


def test_people_may_lose_a_closed_shop(factory: Factory, enter, shoes, anna) -> None:
    """Nobody is moved without a choice."""
    old, _ = make(factory, shoes, "utr", "Utrecht"), make(factory, shoes, "zwo", "Zwolle")
    factory.make_user(shoes, "jan", shops=("utr",))
    enter(anna, f"{SHOPS}/{old}/remove").fill(password=anna.password).submit()
    assert codes(factory, shoes) == {"jan": []}


def test_a_forged_choice_moves_nobody(factory: Factory, enter, shoes, anna) -> None:
    """The other shop must be one of this organisation's, and not the one that closes."""
    toys = factory.make_organisation("toys")
    old, theirs = make(factory, shoes, "utr", "Utrecht"), make(factory, toys, "toys", "Toys")
    factory.make_user(shoes, "jan", shops=("utr",))
    browser = enter(anna, f"{SHOPS}/{old}/remove")
    for forged in (theirs, old, "x", "%00"):
        browser.open(f"{SHOPS}/{old}/remove").fill(password=anna.password).submit(choice=forged)
        assert browser.status == 422, forged
        assert re.search("Choose another shop", browser.errors[0])
    assert codes(factory, shoes) == {"jan": ["utr"]}


@pytest.mark.parametrize("typed", ["ZWO", "zwolle", "Zwolle (zwo)"])
def test_of_many_shops_the_other_one_is_typed(factory: Factory, enter, shoes, anna, monkeypatch, typed: str) -> None:
    """No list holds thousands. A part of a name moves nobody: the error says which codes it may mean."""
    monkeypatch.setattr(pages_of_shops, "OFFERED", 2)
    old = make(factory, shoes, "utr", "Utrecht")
    for code, name in (("zwo", "Zwolle"), ("zwo-2", "Zwolle South"), ("ams", "Amsterdam")):
        make(factory, shoes, code, name)
    factory.make_user(shoes, "jan", shops=("utr",))
    browser = enter(anna, f"{SHOPS}/{old}/remove")
    for part, words in (
        ("zwol", "zwo-2 (Zwolle South)"),
        ("nowhere", "No shop has this code"),
        ("utr", "Choose another shop"),
    ):
        browser.fill(choice=part, password=anna.password).submit()
        assert browser.status == 422, part
        assert words in browser.errors[0]
        assert browser.value("choice") == part
    assert codes(factory, shoes) == {"jan": ["utr"]}
    browser.fill(choice=typed, password=anna.password).submit()
    assert "now works in “Zwolle” instead" in browser.text
    assert codes(factory, shoes) == {"jan": ["zwo"]}


def test_of_many_shops_people_move_to_the_one_that_is_typed(factory: Factory, enter, shoes, anna, monkeypatch) -> None:
    """The page of a shop moves selected people in the same way, and needs a choice."""
    monkeypatch.setattr(pages_of_shops, "OFFERED", 1)
    old, _ = make(factory, shoes, "utr", "Utrecht"), make(factory, shoes, "zwo", "Zwolle")
    jan = factory.make_user(shoes, "jan", shops=("utr",))
    browser = enter(anna, f"{SHOPS}/{old}")
    browser.fill(**{f"person-{jan.id}": True}).submit("Move to another shop").submit("Move")
    assert "Choose the shop first." in browser.errors[0]
    browser.fill(choice="zwo").submit("Move")
    assert codes(factory, shoes) == {"jan": ["zwo"]}
