"""A reload sends a form again that met an outage of the database, in a real Chromium."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.conftest import Live


@pytest.fixture
def configure(configure: Callable[..., Any]) -> Callable[..., Any]:
    """Set a short time limit for the database."""
    return partial(configure, database={"patience_seconds": 0.3})


def test_a_form_that_met_an_outage_is_sent_again_by_reload(
    visitor: Callable[..., Visitor], live: Live, quiet_shoes: str
) -> None:
    """S60: the page of the outage says so, and Reload sends the form."""
    ann = live.factory.make_user(quiet_shoes, "ann", with_totp=True)
    here = visitor().begin().fill(username="ann", password=ann.password)
    with closing(sqlite3.connect(live.settings.database_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        here.next()
        expect(here.page.get_by_text("Reload this page soon to send the form again.")).to_be_visible()
        other.execute("ROLLBACK")
    here.page.reload()
    here.fill(code=ann.authenticator.code()).next()
    here.page.wait_for_url(f"{here.app.redirect_uri}?*")
