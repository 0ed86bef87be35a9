"""The form of a person stays short, remembers the last choice, and leads to a printed code (S13, S50)."""

import re

import pytest

from idp.db import transaction
from idp.identity.organisations import groups, shops
from idp.store import users
from tests.drivers.browser import Browser
from tests.drivers.words import ADD_A_PERSON
from tests.factories import BY_TESTS, Factory

ADD = "/admin/example-shoes/people/add"
TOWNS = ("Amsterdam", "Utrecht", "Zwolle", "Groningen", "Leiden", "Breda", "Delft", "Gouda", "Hoorn", "Assen")


@pytest.fixture
def chain(factory: Factory, shoes: str) -> str:
    """Make forty shops and twelve groups."""
    with factory.context(), transaction():
        for town in TOWNS:
            for number in range(1, 5):
                shops.create(shoes, {"code": f"{town[:3].lower()}-{number}", "name": f"{town} {number}"}, BY_TESTS)
        for number in range(12):
            groups.create(shoes, {"name": f"Team {number:02}", "requires_mfa": False}, BY_TESTS)
    return shoes


def boxes(browser: Browser) -> list[tuple[str, bool]]:
    """Return the labels of the boxes of shops and groups, and whether each is ticked."""
    found = re.findall(r'<input[^>]*id="((?:shop|group)-[^"]*)"[^>]*>\s*<div[^>]*><label[^>]*>([^<]*)', browser.html)
    return [(label, re.search(rf'id="{name}"[^>]* checked', browser.html) is not None) for name, label in found]


def person(factory: Factory, shoes: str, username: str) -> tuple[str, list[str], list[str]]:
    """Return the role, groups and shops of a user."""
    with factory.context():
        row = users.user_named(shoes, username)
        assert row is not None
        in_groups, in_shops = users.groups_of(shoes, row.id), users.shops_of(shoes, row.id)
        assert not row.all_shops
        return row.role, [group.name for group in in_groups], [shop.code for shop in in_shops]


def test_a_shop_is_chosen_by_search_and_the_choice_is_remembered(
    factory: Factory, enter, new_browser, chain: str, anna
) -> None:
    """Without a script: nothing is ticked by default; what is found is ticked; the next person is like the last one."""
    browser = enter(anna, "/admin/example-shoes/people").click(ADD_A_PERSON)
    assert boxes(browser) == []
    assert browser.value("all_shops") == ""
    browser.fill(username="kim", name="Kim", role="customer", find_shop="utrecht").submit("find=shop")
    assert browser.status == 200
    assert boxes(browser) == [(f"Utrecht {one} (utr-{one})", False) for one in range(1, 5)]
    assert (browser.value("username"), browser.value("role")) == ("kim", "customer")
    second = next(name for form in browser.page.forms for name in form.kinds if name.startswith("shop-"))
    browser.fill(**{second: True, "find_shop": "Zwolle 3 (zwo-3)", "find_group": "team 07"}).submit("find=group")
    assert boxes(browser) == [("Team 07", True), ("Utrecht 1 (utr-1)", True), ("Zwolle 3 (zwo-3)", True)]
    browser.submit("Add")
    assert browser.heading == "Print a code for kim?"
    assert person(factory, chain, "kim") == ("customer", ["Team 07"], ["utr-1", "zwo-3"])
    browser.open(ADD)
    assert "those of kim, the last person that you added" in browser.text
    assert boxes(browser) == [("Team 07", True), ("Utrecht 1 (utr-1)", True), ("Zwolle 3 (zwo-3)", True)]
    assert (browser.value("username"), browser.value("role")) == ("", "customer")
    iris = factory.make_user(chain, "iris", role="administrator", email="iris@shoes.example", with_totp=True)
    other = enter(iris, ADD, new_browser())
    assert (boxes(other), other.value("role")) == ([], "employee"), "the choice of another administrator"


@pytest.mark.parametrize(
    ("typed", "told"),
    [("zwolle 3", "Added: Zwolle 3 (zwo-3)"), ("zwo-3", "Added: Zwolle 3 (zwo-3)"), ("utr", "Several names contain this."),
     ("winkel", "Many names contain this, and some of them are shown.")],
)  # fmt: skip
def test_a_search_tells_what_came_of_it_where_the_work_goes_on(
    factory: Factory, enter, chain: str, anna, typed: str, told: str
) -> None:
    """The field has the focus again, and is described by the result: nobody begins at the top of a long form again."""
    with factory.context(), transaction():
        for number in range(9):
            shops.create(chain, {"code": f"w-{number}", "name": f"Winkel {number}"}, BY_TESTS)
    browser = enter(anna, ADD).fill(username="kim", find_shop=typed).submit("find=shop")
    field = re.search(r'<input[^>]*id="find_shop"[^>]*>', browser.html)
    assert field is not None
    assert ("autofocus" in field[0], 'aria-describedby="find_shop-told"' in field[0]) == (True, True)
    assert told in browser.text


def test_a_powerful_role_is_never_the_default(factory: Factory, enter, clock, chain: str, anna) -> None:
    """The person after an administrator is an employee."""
    browser = enter(anna, ADD).fill(username="iris", role="administrator", email="iris@shoes.example").submit()
    browser.fill(password=anna.password).submit()
    clock(minutes=1)
    browser.fill(code=anna.authenticator.code()).submit().submit("Add")
    assert browser.heading == "iris"
    assert browser.open(ADD).value("role") == "employee"


@pytest.mark.parametrize(
    ("typed", "found", "says"),
    [("zwol", 4, "Several names contain this."), ("Atlantis", 0, "No matches."), ("%", 0, "No matches"),
     ("\u0000", 0, ""), ("x" * 254, 0, "No matches")],
)  # fmt: skip
def test_a_text_that_names_no_single_shop_saves_nothing(
    factory: Factory, enter, chain: str, anna, typed: str, found: int, says: str
) -> None:
    """It is refused at the button and looked for at Enter; what was entered stays."""
    browser = enter(anna, ADD).fill(username="kim", name="Kim", find_shop=typed).submit("Add")
    assert browser.status == (422 if says else 400)
    if not says:
        return
    assert says in browser.errors[0]
    assert (len(boxes(browser)), browser.value("find_shop"), browser.value("name")) == (found, typed, "Kim")
    browser.fill(find_shop=typed).submit("entered")
    assert (browser.status, says in browser.text) == (200, True)
    with factory.context():
        assert users.user_named(chain, "kim") is None
    browser.fill(find_shop="zwo-1").submit("Add")
    assert person(factory, chain, "kim")[2] == ["zwo-1"]


def test_a_forged_choice_of_another_organisation_counts_for_nothing(factory: Factory, enter, chain: str, anna) -> None:
    """Ids of others, of nothing and in great number are left out."""
    toys = factory.make_organisation("toys")
    with factory.context(), transaction():
        theirs = shops.create(toys, {"code": "toys", "name": "Toys"}, BY_TESTS).id
    forged = {f"shop-{theirs}": "yes", "shop-": "yes", "group-x": "yes"}
    enter(anna, ADD).fill(username="kim").submit("Add", **forged)
    assert person(factory, chain, "kim") == ("employee", [], [])


def test_few_are_all_shown(factory: Factory, enter, shoes: str, anna) -> None:
    """An organisation with two shops needs no search."""
    factory.make_shop(shoes, "utr", "Utrecht")
    factory.make_shop(shoes, "zwo", "Zwolle")
    browser = enter(anna, ADD)
    assert boxes(browser) == [("Utrecht (utr)", False), ("Zwolle (zwo)", False)]
    assert "find_shop" not in browser.fields


def test_a_printed_code_names_site_person_and_days(factory: Factory, enter, new_browser, shoes: str, anna) -> None:
    """S50: no password for an account that nobody has used. The QR code leads to a form that knows the organisation."""
    browser = enter(anna, ADD).fill(username="kim", name="Kim de Vries").submit()
    assert "password" not in browser.fields
    browser.submit("Print a code")
    assert browser.heading == "A code for kim"
    for words in ("Kim de Vries, Example Shoes", "Printed on", "Expires", "2026", "example-shoes"):
        assert words in browser.text, words
    assert "<svg" in browser.html
    theirs = new_browser().open("/welcome?organisation=example-shoes")
    assert theirs.value("organisation") == "example-shoes"
    code = re.search(r'id="code">([^<]+)', browser.html)
    assert code
    theirs.fill(username="kim", code=code[1]).submit()
    assert theirs.heading == "Choose a password"


def test_the_address_of_the_qr_code_is_only_text(new_browser) -> None:
    """Whatever the address names is shown as text in the field, and bounded."""
    browser: Browser = new_browser().open("/welcome?organisation=%22%3E%3Cscript%3E" + "x" * 999)
    assert "<script>" not in browser.html.replace('<script src="', "")
    assert len(browser.value("organisation")) == 254
