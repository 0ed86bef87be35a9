"""A page announces one message, as several live regions interrupt each other (WCAG 2.2, 4.1.3)."""

import re

from flask import Flask

from idp.web import pages
from tests.browser.samples import SAMPLES

FILLED = re.compile(r'(?:role="(?:status|alert)"|aria-live)[^>]*>(?!\s*</)')
"""A live region with text when the page is shown. Empty ones wait for a script."""


def test_no_page_announces_two_messages(app: Flask) -> None:
    """A page announces what was done, an error, or a notice, but only one of them."""
    loud = {}
    for name, (template, page) in SAMPLES.items():
        with app.test_request_context("/"):
            found = FILLED.findall(pages.render(template, page).get_data(as_text=True))
        if len(found) > 1:
            loud[name] = found
    assert loud == {}
