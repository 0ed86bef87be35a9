"""The console's long lists are read page by page."""

from datetime import date

import pytest

from idp import clock
from idp.db import transaction
from idp.identity.organisations import groups, shops
from idp.store import clients, dated_rules
from idp.store.clients import Client
from idp.store.dated_rules import StoredRule
from tests.drivers.list_pages import leafed_through
from tests.factories import BY_TESTS, Factory


def test_an_operator_finds_an_organisation_among_many(factory: Factory, enter, olga) -> None:
    """A franchise chain of a hundred organisations can be searched and read page by page."""
    for number in range(60):
        factory.make_organisation(f"shop-{number:02}")
    browser = enter(olga, "/admin/")
    first = [words for _, words in browser.page.links if "shop-" in words]
    assert (len(first), "shop-00" in browser.text, "shop-59" in browser.text) == (50, True, False)
    browser.click("Next page")
    assert ("shop-00" in browser.text, "shop-59" in browser.text) == (False, True)
    browser.fill(q="shop-3").submit()
    assert ("shop-39" in browser.text, "shop-40" in browser.text) == (True, False)
    assert "Next page" not in {words for _, words in browser.page.links}


@pytest.mark.parametrize("kind", ["shops", "groups"])
def test_shops_and_groups_are_listed_page_by_page(factory: Factory, enter, shoes, anna, kind: str) -> None:
    """A chain may have hundreds of shops. A form that was refused shows the first page again."""
    names = [f"a-{number:03}" for number in range(120)]
    with factory.context(), transaction():
        for name in names:
            values = {"code": name, "name": name} if kind == "shops" else {"name": name}
            (shops if kind == "shops" else groups).create(shoes, values, BY_TESTS)
    browser = enter(anna, f"/admin/example-shoes/{kind}")
    pages = leafed_through(browser, names)
    assert ([name for page in pages for name in page], len(pages)) == (names, 3)
    assert "a-050" in browser.click("Previous page").text
    taken = {"code": "a-001", "name": "x"} if kind == "shops" else {"name": "a-001"}
    assert browser.fill(**taken).submit().status == 422
    assert ("a-000" in browser.text, "a-119" in browser.text) == (True, False)


@pytest.mark.parametrize("role", ["operator", "administrator"])
def test_apps_are_listed_page_by_page(factory: Factory, enter, shoes, anna, olga, role: str) -> None:
    """Apps may register themselves. Administrators see those that serve their organisation, on full pages."""
    names, toys = [f"app-{number:03}" for number in range(180)], factory.make_organisation("toys")
    with factory.context(), transaction():
        for number, name in enumerate(names):
            serves = [[], [shoes], [toys]][number % 3]
            clients.add_client(Client(client_id=name, metadata_={}, organisations=serves, created_at=clock.now()))
    seen = [name for number, name in enumerate(names) if role == "operator" or number % 3 < 2]
    browser = enter(olga if role == "operator" else anna, "/admin/example-shoes/apps")
    assert leafed_through(browser, names) == [seen[first : first + 50] for first in range(0, len(seen), 50)]
    browser.click("Previous page")
    assert [name for name in names if name in browser.text] == seen[-(len(seen) % 50) - 50 : -(len(seen) % 50)]


def test_policies_are_listed_page_by_page(factory: Factory, enter, anna) -> None:
    """An administrator reads those about their organisation."""
    names = [f"rule-{number:03}" for number in range(120)]
    with factory.context(), transaction():
        for number, name in enumerate(names):
            about = ["example-shoes"] if number % 2 else ["toys"]
            row = StoredRule(name=name, starts=date(2026, 1, 1), require="second_factor", organisations=about)
            dated_rules.add_dated_rule(row)
    assert leafed_through(enter(anna, "/admin/example-shoes/policies"), names) == [names[1:100:2], names[101::2]]
