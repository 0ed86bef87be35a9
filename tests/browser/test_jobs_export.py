"""Export a long list in a real Chromium: the file is made in the background and downloaded (S73)."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from idp import worker
from idp.identity.exports import files
from tests.browser.conftest import Enter, People
from tests.conftest import Live
from tests.drivers.presses import Presses, press

AT = "/admin/example-shoes"
WORDS = {"en-GB": "have been written", "nl-NL": "regels klaar"}


def test_a_long_list_of_people_is_made_and_downloaded(
    enter: Enter, live: Live, people: People, each_locale: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three presses from the list to the file, which the page offers by itself once it is there, and never before."""
    monkeypatch.setattr(files, "AT_ONCE", 1)
    here = enter(people["administrator"], f"{AT}/people", locale=each_locale)
    page = here.page
    with Presses(page, 3):
        press(page, "/people/export.csv")
        page.locator("main form [type=submit]").click()
        expect(page.locator("main a[href$='/download']")).to_have_count(0)
        with live.factory.context():
            while worker.carry_out_jobs(live.settings):
                pass
        expect(page.locator("main")).to_contain_text(WORDS[each_locale])
        with page.expect_download() as found:
            page.locator("main a[href$='/download']").click()
    assert found.value.suggested_filename.startswith("people-example-shoes-")
    assert people["administrator"].username in Path(found.value.path()).read_text(encoding="utf-8-sig")
