"""Do the daily jobs about one person in a real Chromium, in Dutch and in English, within a number of presses (issue 11)."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import LOCALES, Visitor
from tests.conftest import Live
from tests.factories import MadePerson

Enter = Callable[..., Visitor]
People = dict[str, MadePerson]
AT = "/admin/example-shoes"
COUNT = "addEventListener('pointerdown', (event) => event.isTrusted && countPress(), true)"


class Presses:
    """Count the presses of a job on a page, whatever pages it leads to. More than ``most`` fail the test."""

    def __init__(self, page: Page, most: int) -> None:
        self.page, self.most, self.count = page, most, 0

    def __enter__(self) -> Self:
        self.page.expose_function("countPress", self._add)
        self.page.add_init_script(COUNT)
        self.page.reload()
        return self

    def _add(self) -> None:
        self.count += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            assert 0 < self.count <= self.most, f"{self.count} presses"


@pytest.fixture(params=LOCALES)
def locale(request: pytest.FixtureRequest) -> str:
    """Walk each job in both languages."""
    value: Any = request.param
    return str(value)


def press(page: Page, end: str) -> None:
    """Press the link of the page that leads to an address with this end."""
    page.locator(f"main a[href$='{end}']").click()


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
