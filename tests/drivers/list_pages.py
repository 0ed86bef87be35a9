"""Leaf through a list that has several pages."""

from tests.drivers.browser import Browser


def leafed_through(browser: Browser, names: list[str]) -> list[list[str]]:
    """Return which of the names stand on each page, from this one to the last."""
    pages = []
    while True:
        pages.append([name for name in names if name in browser.text])
        if "Next page" not in {words for _, words in browser.page.links}:
            return pages
        browser.click("Next page")
