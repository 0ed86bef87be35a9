"""A page announces one thing (WCAG 2.2, 4.1.3): live regions talk over one another."""

import re

from flask import Flask

from idp.web import pages
from tests.browser.samples import SAMPLES

FILLED = re.compile(r'(?:role="(?:status|alert)"|aria-live)[^>]*>(?!\s*</)')
"""A live region that says something when the page is shown; empty ones wait for a script."""


def test_no_page_announces_two_things(app: Flask) -> None:
    """Issue 7.25: what was done, what is wrong, or what is worth knowing: one at a time."""
    loud = {}
    for name, (template, page) in SAMPLES.items():
        with app.test_request_context("/"):
            found = FILLED.findall(pages.render(template, page).get_data(as_text=True))
        if len(found) > 1:
            loud[name] = found
    assert loud == {}
