"""Acts on several people at once, and lists that are filtered by state (S65, S66)."""

import re
from typing import Any

import pytest

from idp.db import transaction
from idp.identity.organisations import shops
from idp.store import audit, organisations, users
from idp.store.audit import Sought
from idp.web.admin.bulk_words import WORDS
from idp.web.stash import MOST
from tests.drivers.browser import Browser
from tests.drivers.statements import counted
from tests.factories import BY_TESTS, Factory, MadePerson

PEOPLE = "/admin/example-shoes/people"


def listed(browser: Browser) -> list[str]:
    """Return the usernames in the list."""
    return [words for href, words in browser.page.links if re.search(r"/people/[a-z0-9]{26}$", href)]


@pytest.fixture
def staff(factory: Factory, shoes: str) -> dict[str, MadePerson]:
    """Make a group, a shop and three people without a second factor."""
    factory.make_group(shoes)
    with factory.context(), transaction():
        shops.create(shoes, {"code": "dam", "name": "Dam"}, BY_TESTS)
    names = ("kim", "lee", "mia")
    return {name: factory.make_user(shoes, name, email=f"{name}@shoes.example") for name in names}


def choose(browser: Browser, act: str, *chosen: MadePerson) -> Browser:
    """Tick people in the list, choose what to do, and go on."""
    ticks: dict[str, Any] = {f"person-{one.id}": True for one in chosen}
    return browser.open(PEOPLE).fill(**ticks, act=act).submit("Continue")


def rows(factory: Factory, shoes: str, *names: str) -> list[Any]:
    """Return what is stored of users."""
    with factory.context():
        return [users.user_named(shoes, name) for name in names]


def events(factory: Factory, shoes: str, event: str) -> list[str]:
    """Return the ids of the people of an event, newest first."""
    with factory.context():
        return [row.subject_id for row in audit.rows_found(shoes, Sought(event=event), limit=100)]


def test_people_are_disabled_together(factory: Factory, enter, new_browser, shoes, anna, jan, staff) -> None:
    """S65: one page names the number and the people, says what happens, and leaves out oneself and disabled people."""
    theirs = enter(jan, "/account/security", new_browser())
    browser = choose(enter(anna), "disable", anna, jan, staff["kim"], staff["lee"])
    assert browser.heading == "Disable 3 people?"
    assert "jan, kim, lee" in browser.text
    assert "Left out: anna (This is your own account." in browser.text
    assert "open sessions end" in browser.text
    browser.submit("Disable")
    assert "3 people are disabled and signed out everywhere. 1 session ended. Left out: anna (" in browser.text
    assert browser.url.split("?")[0].endswith(PEOPLE)
    assert all(row.disabled_at for row in rows(factory, shoes, "jan", "kim", "lee"))
    assert not rows(factory, shoes, "anna")[0].disabled_at
    assert events(factory, shoes, "user:disabled") == [staff["lee"].id, staff["kim"].id, jan.id]
    assert "password" in theirs.open("/account/security").fields
    again = choose(browser, "disable", staff["kim"], staff["mia"])
    assert "Nothing changes for: kim" in again.text
    again.submit("Disable")
    choose(browser, "enable", staff["kim"], staff["mia"], jan).submit("Enable")
    assert "3 people can sign in again." in browser.text
    assert len(events(factory, shoes, "user:disabled")) == 4


def test_the_owner_and_administrators_are_protected(factory: Factory, enter, shoes, anna, boss, staff) -> None:
    """An administrator may not touch the owner. Disabling another administrator asks for the password."""
    other = factory.make_user(shoes, "otto", role="administrator", with_totp=True, email="otto@shoes.example")
    browser = choose(enter(anna), "disable", boss, other)
    assert "Left out: boss (Only the owner may change the owner." in browser.text
    browser.fill(password=anna.password + "!").submit()
    assert "not your password" in browser.errors[0]
    browser.fill(password=anna.password).submit()
    assert "1 person is disabled" in browser.text
    kept, gone = rows(factory, shoes, "boss", "otto")
    assert (kept.disabled_at, bool(gone.disabled_at)) == (None, True)
    assert "Nothing had to be changed. Left out: boss (" in choose(browser, "require-factor", boss).text


def test_an_old_proof_changes_nobody(factory: Factory, enter, clock, shoes, anna, staff) -> None:
    """S13, V7.5.3: the question needs a fresh proof, and so does its answer. The selection is still there afterwards."""
    browser = choose(enter(anna), "disable", staff["kim"])
    question, form = browser.url, [("csrf_token", browser.value("csrf_token"))]
    clock(minutes=30)
    browser.send("POST", question, form)
    assert "/sign-in/" in browser.url
    assert events(factory, shoes, "user:disabled") == []
    browser.fill(password=anna.password).submit()
    browser.fill(code=anna.authenticator.code()).submit()
    assert browser.heading == "Disable 1 person?"
    browser.submit("Disable")
    assert events(factory, shoes, "user:disabled") == [staff["kim"].id]


@pytest.mark.parametrize("minutes", [0, -5], ids=["clock-stands-still", "clock-is-set-back"])
def test_many_acts_in_one_browser_are_all_told(factory: Factory, enter, clock, shoes, anna, staff, minutes: int) -> None:
    """S65: the newest values of a browser are the ones put last, whatever the clock says. An older one may be dropped."""
    browser = enter(anna)
    clock(minutes=9)
    for number in range(2 * MOST // 3):
        if number == MOST // 3:
            clock(minutes=minutes)
        act, told = (("disable", "is disabled"), ("enable", "can sign in again"))[number % 2]
        choose(browser, act, staff["kim"]).submit(WORDS[act].button.key)
        assert f"1 person {told}" in browser.text, number


def test_a_selection_that_is_gone_says_so(factory: Factory, enter, clock, shoes, anna, staff) -> None:
    """S65: a question that waited too long in another tab leads back to the list, which says what to do."""
    browser = enter(anna)
    question = choose(browser, "disable", staff["kim"]).url
    for _ in range(MOST):
        choose(browser, "require-factor", staff["lee"])
    browser.open(question)
    assert browser.heading == "People"
    assert "The selection is no longer there. Select the people again." in browser.text
    assert events(factory, shoes, "user:disabled") == []


def test_a_second_factor_is_required_of_those_without_one(
    factory: Factory, enter, new_browser, shoes, anna, jan, staff
) -> None:
    """S5: each must set one up at the next sign-in. Somebody who has one is left as they are."""
    browser = choose(enter(anna), "require-factor", jan, staff["kim"])
    assert "Nothing changes for: jan" in browser.text
    browser.submit("Require a second factor")
    assert "1 person must set up a second factor at the next sign-in." in browser.text
    assert events(factory, shoes, "factor:required") == [staff["kim"].id]
    theirs = new_browser().open("/account/security")
    theirs.fill(username="kim", password=staff["kim"].password).submit()
    assert "set up" in theirs.heading.lower()


def test_groups_and_shops_are_given_to_several_people(factory: Factory, enter, shoes, anna, staff) -> None:
    """A group is added beside those that they have, and removed. A shop replaces the others where people are moved."""
    factory.make_group(shoes, "Till", requires_mfa=False)
    factory.make_shop(shoes)
    browser, chosen = enter(anna), (staff["kim"], staff["lee"])
    with factory.context():
        ids = {one.name: one.id for one in (*organisations.groups(shoes), *organisations.shops(shoes))}

    def act(name: str, target: str) -> str:
        choose(browser, f"{name}:{ids[target]}", *chosen)
        return browser.submit(WORDS[name].button.key).text if browser.offers(WORDS[name].button.key) else browser.text

    assert "2 people were added to the group “2FA”." in act("add-to-group", "2FA")
    assert "2 people were added to the group “Till”." in act("add-to-group", "Till")
    assert "Nothing had to be changed." in act("add-to-group", "Till")
    assert "2 people were removed from the group “Till”." in act("remove-from-group", "Till")
    assert "2 people now work only in “Dam”." in act("only-in-shop", "Dam")
    assert "2 people were added to the shop “Utrecht Station”." in act("add-to-shop", "Utrecht Station")
    with factory.context():
        for one in chosen:
            assert [group.name for group in users.groups_of(shoes, one.id)] == ["2FA"]
            assert [shop.code for shop in users.shops_of(shoes, one.id)] == ["dam", "utrecht-1"]
    assert "2 people were removed from the shop “Dam”." in act("remove-from-shop", "Dam")
    assert "Nothing had to be changed." in act("remove-from-shop", "Dam")
    last = act("remove-from-shop", "Utrecht Station")
    assert "2 people were removed from the shop “Utrecht Station”." in last, last
    with factory.context():
        for one in chosen:
            assert not users.shops_of(shoes, one.id)
            kept = users.user(shoes, one.id)
            assert kept is not None
            assert not kept.all_shops, "who loses the last shop by name must not get all shops"
    assert len(events(factory, shoes, "user:changed")) == 14


def test_nobody_with_all_shops_is_removed_from_one(factory: Factory, enter, shoes, anna, staff) -> None:
    """Somebody with all shops has none by name: removing them from one must not leave them with none."""
    factory.make_shop(shoes)
    kim = staff["kim"]
    with factory.context():
        before = users.user(shoes, kim.id)
        assert before is not None
        assert before.all_shops
        shop_id = organisations.shops(shoes)[0].id
    browser = choose(enter(anna), f"remove-from-shop:{shop_id}", kim)
    assert "Nothing had to be changed." in browser.text
    with factory.context():
        after = users.user(shoes, kim.id)
        assert after is not None
        assert after.all_shops


def test_all_people_of_a_filter_are_chosen_together(factory: Factory, enter, shoes, anna) -> None:
    """A selection may be more than a page. A page can be ticked as a whole, and what is wrong with a choice is said."""
    crowd = [factory.make_user(shoes, f"till{number:02}") for number in range(30)]
    browser = enter(anna).open(f"{PEOPLE}?q=till")
    browser.fill(act="disable").submit("Continue")
    assert "Nobody is selected." in browser.errors[0]
    browser.open(f"{PEOPLE}?q=till&tick=all").submit("Continue")
    assert "Choose what to do" in browser.errors[0]
    assert browser.value(f"person-{crowd[0].id}")
    browser.open(f"{PEOPLE}?q=till").fill(everybody=True, act="disable").submit("Continue")
    assert browser.heading == "Disable 30 people?"
    assert "till09 and 20 more" in browser.text
    browser.submit("Disable")
    assert "30 people are disabled" in browser.text
    assert browser.value("q") == "till", "the list lost its filter"


def test_a_selection_is_bound_to_the_person_and_to_the_organisation(
    factory: Factory, enter, new_browser, shoes, anna, staff
) -> None:
    """V8.2.2: ids of another organisation are nobody, and the address of a question opens nothing elsewhere."""
    toys = factory.make_organisation("toys")
    stranger = factory.make_user(toys, "zoe")
    browser = enter(anna).open(PEOPLE)
    form = [("csrf_token", browser.value("csrf_token")), ("act", "disable"), (f"person-{stranger.id}", "yes")]
    browser.send("POST", f"{browser.issuer}{PEOPLE}/selection", form)
    assert "Nothing had to be changed." in browser.text
    with factory.context():
        assert factory.user(stranger).disabled_at is None
    question = choose(browser, "disable", staff["kim"]).url
    other = factory.make_user(shoes, "otto", role="administrator", with_totp=True, email="otto@shoes.example")
    theirs = enter(other, browser=new_browser()).open(question)
    assert theirs.heading == "People"


def test_the_filters_stand_in_the_address_and_can_be_removed(factory: Factory, enter, shoes, anna, jan, staff) -> None:
    """The question of every chain: who has no second factor yet? One press on the overview; the count is right."""
    browser = enter(anna).open("/admin/example-shoes/overview")
    assert "3 No second factor" in browser.text
    browser.click("3 No second factor")
    assert listed(browser) == ["kim", "lee", "mia"]
    browser.fill(q="kim").submit()
    assert listed(browser) == ["kim"]
    assert {"state", "q"} <= {part.split("=")[0] for part in browser.url.partition("?")[2].split("&")}
    browser.click("Remove the filter Search: kim ×")
    assert listed(browser) == ["kim", "lee", "mia"]
    browser.fill(state="never").submit()
    browser.fill(state="passkey").submit()
    assert "No people match this filter." in browser.text
    browser.click("Clear the filter")
    assert len(listed(browser)) == 5
    assert listed(browser.open(f"{PEOPLE}?sort=-username"))[0] == "mia"
    assert browser.open(f"{PEOPLE}?sort=x&state=x&state=&shop=x&group=%00").status == 200


def test_a_list_takes_the_same_statements_for_each_filter(app, factory: Factory, enter, shoes, anna, staff) -> None:
    """S66: a page of the list, the overview and a filter cost a fixed number of statements."""
    browser = enter(anna)
    counts = {}
    for query in ("", "?state=no_factor", "?state=never&sort=-seen", "?q=kim&role=employee&state=no_email"):
        with counted(app) as seen:
            browser.open(PEOPLE + query)
        counts[query] = len([one for one in seen if one.startswith("SELECT")])
    assert max(counts.values()) <= 24, counts


def test_groups_are_counted_in_one_statement(app, factory: Factory, enter, shoes, anna) -> None:
    """The list of groups costs the same statements however many groups it shows."""
    browser, counts = enter(anna), []
    for number in range(30):
        factory.make_group(shoes, f"Till {number:02}", requires_mfa=False)
        if number in (0, 29):
            browser.open("/admin/example-shoes/groups")
            with counted(app) as seen:
                browser.open("/admin/example-shoes/groups")
            counts.append(len([one for one in seen if one.startswith("SELECT")]))
    assert counts[1] == counts[0], counts
