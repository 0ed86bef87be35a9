"""Count the presses that a job takes in a real Chromium."""

from types import TracebackType
from typing import Self

from playwright.sync_api import Page

COUNT = "addEventListener('pointerdown', (event) => event.isTrusted && countPress(), true)"


class Presses:
    """Count the presses of a job on a page, whatever pages it leads to. More than ``most`` fail the test.

    Without scripts nothing can be counted.
    """

    def __init__(self, page: Page, most: int, *, is_counted: bool = True) -> None:
        self.page, self.most, self.count, self.least = page, most, 0, int(is_counted)

    def __enter__(self) -> Self:
        self.page.expose_function("countPress", self._add)
        self.page.add_init_script(COUNT)
        self.page.reload()
        return self

    def _add(self) -> None:
        self.count += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            assert self.least <= self.count <= self.most, f"{self.count} presses"


def press(page: Page, end: str) -> None:
    """Press the link of the page that leads to an address with this end."""
    page.locator(f"main a[href$='{end}']").click()
