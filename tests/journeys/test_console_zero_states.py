"""Where a list of the console is empty, its page says what to do (S13)."""

import pytest

from tests.drivers.roles import one_of_each
from tests.factories import Factory

AT = "/admin/example-shoes"
EMPTY = {
    "administrator": {
        "mail": "when you invite somebody",
        "mail?state=failed": "Choose another one above.",
        "policies": "You can add policies for your own organisation.",
        "apps": "Ask the installation administrator to connect one.",
        "audit?since=2001-01-01&until=2001-01-02": "Try more days, or fewer filters. Clear the filter",
        "groups": "Add the first one below.",
        "shops": "Add the first one below.",
    },
    "operator": {
        "apps": "Choose “Connect an app” to add the first one.",
        "policies": "Choose “Add a policy” to add the first one.",
    },
}


@pytest.mark.parametrize("role", EMPTY)
def test_an_empty_list_says_what_to_do(factory: Factory, enter, role: str) -> None:
    """And what it says leads somewhere: a filter is cleared by a link."""
    browser = enter(one_of_each(factory)[role])
    for path, words in EMPTY[role].items():
        assert words in browser.open(f"{AT}/{path}").text, path
        if "Clear the filter" in words:
            assert browser.click("Clear the filter").url.endswith(f"{AT}/{path.partition('?')[0]}")
            assert "Clear the filter" not in browser.text


def test_a_search_for_an_organisation_that_is_not_there_leads_back(factory: Factory, enter) -> None:
    """An operator may mistype a store URL."""
    browser = enter(one_of_each(factory)["operator"])
    assert "beginning of a word of the name" in browser.open("/admin/?q=nowhere").text
    assert "Example Shoes" in browser.click("Clear the filter").text
