"""The page of one shop: who works there, moving them to another shop, adding and removing people (S12, S67)."""

import re
from typing import Any

import pytest
from flask import Flask

from idp.db import transaction
from idp.identity.organisations import shops
from idp.identity.users import status
from idp.store import audit, memberships, organisations, users
from idp.web import stash
from idp.web.admin.bulk import SELECTION
from tests.drivers.browser import Browser
from tests.drivers.statements import counted
from tests.factories import BY_TESTS, Factory, MadePerson

SHOPS = "/admin/example-shoes/shops"
Made = dict[str, Any]


@pytest.fixture
def made(factory: Factory, shoes: str) -> Made:
    """Make three shops, and people: kim and lee work in Utrecht, lee in Zwolle too, mia in Zwolle, and otto in all shops."""
    with factory.context(), transaction():
        rows = {
            code: shops.create(shoes, {"code": code, "name": name}, BY_TESTS)
            for code, name in (("utr", "Utrecht"), ("zwo", "Zwolle"), ("dam", "Dam"))
        }
    staff = {"kim": ("utr",), "lee": ("utr", "zwo"), "mia": ("zwo",)}
    people = {name: factory.make_user(shoes, name, shops=codes) for name, codes in staff.items()}
    people["otto"] = factory.make_user(shoes, "otto")
    return {**people, **{code: row.id for code, row in rows.items()}}


def listed(browser: Browser) -> list[str]:
    """Return the usernames in the list."""
    return [words for href, words in browser.page.links if re.search(r"/people/[a-z0-9]{26}$", href)]


def select(browser: Browser, at: str, act: str, *chosen: MadePerson) -> Browser:
    """Tick people on the page of a shop, and press the button of an act."""
    ticks: dict[str, Any] = {f"person-{one.id}": True for one in chosen}
    return browser.open(f"{SHOPS}/{at}").fill(**ticks).submit(act)


def codes(factory: Factory, shoes: str, *names: str) -> dict[str, list[str]]:
    """Return the shops of people by username."""
    with factory.context():
        rows = {name: users.user_named(shoes, name) for name in names}
        return {name: [shop.code for shop in users.shops_of(shoes, row.id)] for name, row in rows.items() if row}


def close(factory: Factory, shoes: str, shop_id: str, **more: str) -> None:
    """Close a shop, as another administrator may at any time."""
    with factory.context(), transaction():
        row = organisations.shop(shoes, shop_id)
        assert row is not None
        shops.remove(row, BY_TESTS, **more)


def test_the_page_lists_who_works_there(factory: Factory, enter, shoes, anna, made) -> None:
    """S67: only those who have the shop by name, with their number of others; it is searched and sorted like other lists."""
    browser = enter(anna, SHOPS).click("Utrecht")
    assert listed(browser) == ["kim", "lee"]
    assert "lee and 1 other shop" in browser.text
    assert "People who work in all shops are not listed here." in browser.text
    assert listed(browser.fill(q="lee").submit("Search")) == ["lee"]
    assert browser.url.partition("?")[0].endswith(made["utr"])
    assert listed(browser.click("Remove the filter Search: lee ×")) == ["kim", "lee"]
    assert listed(browser.fill(sort="-username").submit("Search")) == ["lee", "kim"]
    assert "No people match this filter." in browser.fill(q="mia").submit("Search").text
    assert listed(browser.click("Clear the filter")) == ["lee", "kim"]
    assert "Nobody works in this shop." in browser.open(f"{SHOPS}/{made['dam']}").text


def test_people_move_from_one_shop_to_another(factory: Factory, enter, shoes, anna, made) -> None:
    """S67: the question says what happens to how many. Other shops are kept, and each move is in the audit log."""
    browser = select(enter(anna), made["utr"], "Move to another shop", made["kim"], made["lee"])
    assert browser.heading == "Move 2 people from “Utrecht” to another shop?"
    assert "kim, lee" in browser.text
    assert "1 person also works in other shops, and keeps those." in browser.text
    browser.submit("Move")
    assert browser.status == 422
    assert "Choose the shop first." in browser.errors[0]
    browser.fill(choice=made["dam"]).submit("Move")
    assert "2 people now work in “Dam”, and no longer in “Utrecht”." in browser.text
    assert browser.url.partition("?")[0].endswith(f"{SHOPS}/{made['utr']}")
    assert codes(factory, shoes, "kim", "lee", "mia") == {"kim": ["dam"], "lee": ["dam", "zwo"], "mia": ["zwo"]}
    with factory.context():
        rows = audit.rows_found(shoes, audit.Sought(event="user:changed"), limit=9)
        assert {row.subject_id for row in rows} == {made["kim"].id, made["lee"].id}
    select(browser, made["dam"], "Move to another shop", made["lee"]).fill(choice=made["zwo"]).submit("Move")
    assert codes(factory, shoes, "lee") == {"lee": ["zwo"]}


def test_an_act_about_shops_is_undone(factory: Factory, enter, new_browser, shoes, anna, made) -> None:
    """S67: everybody gets back what they had, all shops too. What was changed since, or is closed, stays as it is."""
    browser = enter(anna).open("/admin/example-shoes/people")
    ticks: dict[str, Any] = {f"person-{made[name].id}": True for name in ("kim", "lee", "mia", "otto")}
    browser.fill(**ticks, act=f"only-in-shop:{made['dam']}").submit("Continue")
    assert "4 people work in other shops now, and lose those." in browser.text
    browser.submit("Change the shops").click("Undo")
    assert browser.heading == "Give 4 people the former shops back?"
    question = browser.url
    with factory.context(), transaction():
        users.put_in_shops(shoes, made["mia"].id, [made["utr"]])
    assert enter(anna, browser=new_browser()).open(question).heading == "People"
    browser.submit("Give the shops back")
    assert "3 people have the former shops again. Left out: mia (changed since then)" in browser.text
    assert codes(factory, shoes, "kim", "lee", "mia") == {"kim": ["utr"], "lee": ["utr", "zwo"], "mia": ["utr"]}
    with factory.context():
        assert factory.user(made["otto"]).all_shops
    select(browser, made["utr"], "Move to another shop", made["kim"], made["lee"]).fill(choice=made["dam"]).submit("Move")
    browser.click("Undo")
    close(factory, shoes, made["utr"])
    browser.submit("Give the shops back")
    assert "Nothing had to be changed. Left out: kim, lee (There is no shop “utr” in this organisation." in browser.text
    assert codes(factory, shoes, "kim", "lee") == {"kim": ["dam"], "lee": ["dam", "zwo"]}


def test_undoing_puts_nobody_into_another_shop_with_the_same_code(factory: Factory, enter, shoes, anna, made) -> None:
    """S67: a shop was closed, and a new one has its code. Nobody who is moved back gets into it, or out of it."""
    browser = enter(anna)
    for act, of, end in (("Move to another shop", "utr", ["dam"]), ("Remove from the shop", "dam", [])):
        select(browser, made[of], act, made["kim"])
        browser.fill(**({"choice": made["dam"]} if end else {})).submit(act.split(" to another")[0]).click("Undo")
        close(factory, shoes, made[of])
        with factory.context(), transaction():
            made[of] = shops.create(shoes, {"code": of, "name": "Another"}, BY_TESTS).id
        browser.submit("Give the shops back")
        assert f"Nothing had to be changed. Left out: kim (There is no shop “{of}” in this organisation." in browser.text
        assert codes(factory, shoes, "kim") == {"kim": end}


def test_a_selection_that_the_release_before_kept_is_read(factory: Factory, enter, monkeypatch, shoes, anna, made) -> None:
    """It lacks the page where the people were selected: the question and the undoing work, in the section of people."""
    put = stash.put

    def put_as_before(purpose: str, value: Any, *others: Any, **more: Any) -> str:
        known = {"ids", "back"} if purpose == SELECTION else {*value}
        return put(purpose, {name: value[name] for name in known}, *others, **more)

    monkeypatch.setattr(stash, "put", put_as_before)
    browser = enter(anna).open("/admin/example-shoes/people")
    ticks: dict[str, Any] = {f"person-{made['kim'].id}": True}
    browser.fill(**ticks, act=f"add-to-shop:{made['dam']}").submit("Continue").submit("Add to the shop")
    assert codes(factory, shoes, "kim") == {"kim": ["dam", "utr"]}
    browser.click("Undo").submit("Give the shops back")
    assert codes(factory, shoes, "kim") == {"kim": ["utr"]}


def test_people_are_removed_from_a_shop_and_added_to_it(factory: Factory, enter, shoes, anna, made) -> None:
    """S67: who works nowhere else is counted. Somebody with all shops is in the list to add from, and stays as they are."""
    browser = select(enter(anna), made["utr"], "Remove from the shop", made["kim"], made["lee"])
    assert "1 person also works in other shops, and keeps those." in browser.text
    assert "1 person works in no other shop, and keeps the account without a shop." in browser.text
    browser.submit("Remove from the shop")
    assert codes(factory, shoes, "kim", "lee") == {"kim": [], "lee": ["zwo"]}
    browser.click("Add people")
    assert browser.heading == "Add people to the shop Utrecht"
    assert listed(browser.fill(q="kim").submit("Search")) == ["kim"]
    browser.open(f"{SHOPS}/{made['zwo']}/add")
    assert "mia works here" in browser.text
    assert "otto all shops" in browser.text
    chosen = {f"person-{made[name].id}": True for name in ("kim", "mia", "otto")}
    browser.open(f"{SHOPS}/{made['zwo']}/add").fill(**chosen).submit("Add to the shop")
    assert browser.heading == "Add 1 person to the shop “Zwolle”?"
    assert "Nothing changes for: mia, otto" in browser.text
    browser.submit("Add to the shop")
    assert listed(browser) == ["kim", "lee", "mia"]
    assert codes(factory, shoes, "kim", "otto") == {"kim": ["zwo"], "otto": []}


def test_nobody_selected_says_so_on_the_page_of_the_shop(factory: Factory, enter, shoes, anna, made) -> None:
    """And where there is no other shop, nobody can move."""
    browser = select(enter(anna), made["utr"], "Move to another shop")
    assert (browser.status, browser.heading) == (422, "Utrecht")
    assert "Nobody is selected." in browser.errors[0]
    assert browser.open(f"{SHOPS}/{made['utr']}/people").heading == "Utrecht"
    browser.open(f"{SHOPS}/{made['utr']}/add").submit("Add to the shop")
    assert (browser.status, browser.heading) == (422, "Add people to the shop Utrecht")
    for code in ("zwo", "dam"):
        close(factory, shoes, made[code])
    browser.open(f"{SHOPS}/{made['utr']}")
    assert not browser.offers("Move to another shop")
    assert browser.offers("Remove from the shop")


def test_what_changed_between_the_question_and_its_answer(factory: Factory, enter, shoes, anna, made) -> None:
    """S67: who left the shop in the meantime is not pulled back; somebody disabled moves and stays disabled."""
    browser = select(enter(anna), made["utr"], "Move to another shop", made["kim"], made["lee"]).fill(choice=made["dam"])
    with factory.context(), transaction():
        users.put_in_shops(shoes, made["kim"].id, [made["zwo"]])
        status.disable(factory.settings, factory.organisation(shoes), factory.user(made["lee"]), BY_TESTS)
    browser.submit("Move")
    assert "1 person now works in “Dam”, and no longer in “Utrecht”." in browser.text
    assert codes(factory, shoes, "kim", "lee") == {"kim": ["zwo"], "lee": ["dam", "zwo"]}
    with factory.context():
        assert factory.user(made["lee"]).disabled_at is not None


def test_a_person_who_got_all_shops_in_the_meantime_keeps_them(factory: Factory, enter, shoes, anna, made) -> None:
    """Moving them would leave them with one shop."""
    browser = select(enter(anna), made["utr"], "Move to another shop", made["kim"]).fill(choice=made["dam"])
    with factory.context(), transaction():
        users.put_in_shops(shoes, made["kim"].id, [])
        users.change_user(shoes, made["kim"].id, all_shops=True)
    browser.submit("Move")
    assert "Nothing had to be changed." in browser.text
    with factory.context():
        assert factory.user(made["kim"]).all_shops


def test_a_shop_that_is_closed_in_the_meantime(factory: Factory, enter, shoes, anna, made) -> None:
    """S67: nobody loses a shop for one that is gone, and the page says what to do."""
    browser = select(enter(anna), made["utr"], "Move to another shop", made["kim"]).fill(choice=made["dam"])
    close(factory, shoes, made["dam"])
    browser.submit("Move")
    assert browser.status == 422
    assert "Choose another shop: this one no longer exists." in browser.errors[0]
    assert codes(factory, shoes, "kim") == {"kim": ["utr"]}
    browser.fill(choice=made["zwo"])
    close(factory, shoes, made["utr"], move_to=made["zwo"])
    browser.submit("Move")
    assert "The group or shop that you chose no longer exists." in browser.text
    assert codes(factory, shoes, "kim") == {"kim": ["zwo"]}


def test_shops_and_people_of_other_organisations_are_refused(factory: Factory, enter, shoes, anna, made) -> None:
    """V8.2.2: neither a shop, nor a person, nor the shop to move to can be another organisation's."""
    toys = factory.make_organisation("toys")
    factory.make_shop(toys, "toys", "Toys")
    stranger = factory.make_user(toys, "zoe", shops=("toys",))
    with factory.context():
        theirs = organisations.shops(toys)[0].id
    browser = enter(anna)
    for path in ("", "/people", "/add", "/remove"):
        assert browser.open(f"{SHOPS}/{theirs}{path}").status == 404, path
    select(browser, made["utr"], "Move to another shop", made["kim"])
    for forged in (theirs, made["utr"], "x", "%00"):
        browser.send("POST", browser.url, [("csrf_token", browser.value("csrf_token")), ("choice", forged)])
        assert browser.status == 422, forged
        assert "Choose another shop" in browser.errors[0]
    browser.open(f"{SHOPS}/{made['utr']}")
    token = browser.value("csrf_token")
    form = [("csrf_token", token), ("act", f"move-from-shop:{made['utr']}"), (f"person-{stranger.id}", "yes")]
    browser.send("POST", f"{browser.issuer}{SHOPS}/{made['utr']}/people", form)
    assert "Nothing had to be changed." in browser.text
    form = [("csrf_token", token), ("act", f"add-to-shop:{theirs}"), (f"person-{made['kim'].id}", "yes")]
    browser.send("POST", f"{browser.issuer}{SHOPS}/{made['utr']}/people", form)
    assert "The group or shop that you chose no longer exists." in browser.text
    assert codes(factory, shoes, "kim") == {"kim": ["utr"]}
    assert codes(factory, toys, "zoe") == {"zoe": ["toys"]}


def test_an_old_proof_moves_nobody_and_keeps_the_choice(factory: Factory, enter, clock, shoes, anna, made) -> None:
    """V7.5.3: after the reauthentication the question comes back with the shop that was chosen."""
    browser = select(enter(anna), made["utr"], "Move to another shop", made["kim"]).fill(choice=made["dam"])
    clock(minutes=30)
    browser.submit("Move")
    assert "/sign-in/" in browser.url
    assert codes(factory, shoes, "kim") == {"kim": ["utr"]}
    browser.fill(password=anna.password).submit()
    browser.fill(code=anna.authenticator.code()).submit()
    assert (browser.heading, browser.value("choice")) == ("Move 1 person from “Utrecht” to another shop?", made["dam"])
    browser.submit("Move")
    assert codes(factory, shoes, "kim") == {"kim": ["dam"]}


def test_the_statements_of_a_move_grow_by_a_fixed_number_for_each_person(
    app: Flask, factory: Factory, enter, shoes, anna, made
) -> None:
    """S66, S67: the page and the question cost the same for 27 people and for 40; the act a fixed number for each."""
    browser, counts = enter(anna), []
    for at, size in (("dam", 27), ("zwo", 39)):
        for number in range(size):
            factory.make_user(shoes, f"{at}{number:02}", shops=(at,))
        browser.open(f"{SHOPS}/{made[at]}?sort=-username")
        with counted(app) as page:
            browser.open(f"{SHOPS}/{made[at]}?sort=-username")
        with counted(app) as question:
            browser.fill(everybody=True).submit("Move to another shop")
        browser.fill(choice=made["utr"])
        with counted(app) as act:
            browser.submit("Move")
        counts.append((len(page), len(question), len(act)))
        with factory.context():
            assert memberships.count_people(shoes, made["utr"]) >= size
    (few, many) = counts
    assert many[:2] == few[:2], counts
    assert (many[2] - few[2]) / (40 - 27) <= 35, counts
