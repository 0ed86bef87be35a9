"""The console's long lists are read page by page."""

import pytest

from idp.db import transaction
from idp.identity.organisations import groups, shops
from idp.identity.organisations import organisations as organisation_changes
from tests.factories import BY_TESTS, Factory


def test_an_operator_finds_an_organisation_among_many(factory: Factory, enter, olga, monkeypatch) -> None:
    """Issue 3: a franchise chain of a hundred organisations can be searched and read page by page."""
    for number in range(60):
        factory.make_organisation(f"shop-{number:02}")
    monkeypatch.setattr(organisation_changes, "CHUNK", 7)  # so that one page needs several chunks
    browser = enter(olga, "/admin/")
    first = [words for _, words in browser.page.links if "shop-" in words]
    assert (len(first), "shop-00" in browser.text, "shop-59" in browser.text) == (49, True, False)
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
    browser, read = enter(anna, f"/admin/example-shoes/{kind}"), []
    while True:
        shown = {words.removeprefix("Edit ") for _, words in browser.page.links}
        read.append([name for name in names if name in " ".join(shown).split()])
        if "Next page" not in shown:
            break
        browser.click("Next page")
    assert ([name for page in read for name in page], len(read)) == (names, 3)
    assert "a-050" in browser.click("Previous page").text
    taken = {"code": "a-001", "name": "x"} if kind == "shops" else {"name": "a-001"}
    assert browser.fill(**taken).submit().status == 422
    assert ("a-000" in browser.text, "a-119" in browser.text) == (True, False)
