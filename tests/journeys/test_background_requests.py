"""A page that a script reads again by itself does not keep its session open (ASVS V7.3.1)."""

from collections.abc import Callable

import pytest

from tests.drivers.browser import Browser

PAGE = "/admin/example-shoes/people/import"


@pytest.mark.parametrize("dest", ["empty", "document"])
def test_following_a_job_is_no_use_of_the_session(enter, shoes, anna, clock: Callable[..., None], dest: str) -> None:
    """A job may wait for hours. A console that only reads its progress shows nobody; a person who looks stays signed in."""
    browser: Browser = enter(anna).open(PAGE)
    headers = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": dest}
    for _ in range(7):
        clock(minutes=10)
        browser.client.get(PAGE, base_url=browser.issuer, headers=headers)
    browser.open(PAGE)
    assert ("/sign-in/" in browser.url) is (dest == "empty")
