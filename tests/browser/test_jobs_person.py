"""Do the daily jobs about one person in a real Chromium, in Dutch and in English, within a number of presses (issue 11)."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LOCALES, Visitor
from tests.conftest import Live
from tests.drivers.presses import Presses, press
from tests.factories import MadePerson

Enter = Callable[..., Visitor]
People = dict[str, MadePerson]
AT = "/admin/example-shoes"


@pytest.fixture(params=LOCALES)
def locale(request: pytest.FixtureRequest) -> str:
    """Walk each job in both languages."""
    value: Any = request.param
    return str(value)


def test_fire_somebody_now(enter: Enter, live: Live, people: People, locale: str) -> None:
    """Three presses from the list: the person, "Disable", and the button of the dialog. The page tells what happened."""
    manager = people["manager"]
    here = enter(people["administrator"], f"{AT}/people", locale=locale)
    with Presses(here.page, 3):
        press(here.page, f"/people/{manager.id}")
        press(here.page, "/disable")
        here.fill(reason="Kas").next()
        told = {"nl-NL": "manager is uitgeschakeld en overal uitgelogd. Er is 1 sessie beëindigd.",
                "en-GB": "manager is disabled and signed out everywhere. 1 session ended."}  # fmt: skip
        expect(here.page.get_by_role("status").first).to_have_text(told[locale])
    with live.factory.context():
        assert live.factory.user(manager).disabled_at is not None
