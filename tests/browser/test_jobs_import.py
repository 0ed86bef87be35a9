"""Bring in seasonal staff from a file in a real Chromium, in Dutch and in English, within a number of presses."""

from playwright.sync_api import expect

from idp import worker
from idp.store import users
from tests.browser.conftest import Enter, People
from tests.conftest import Live
from tests.drivers.presses import Presses, press

AT = "/admin/example-shoes"
PEOPLE = 50
WORDS = {
    "en-GB": {"tried": "50 created", "done": "50 of 50 lines are done.", "head": "username,name,role,valid until"},
    "nl-NL": {"tried": "50 toegevoegd", "done": "50 van 50 regels zijn klaar.",
              "head": "Gebruikersnaam;Naam;Rol;Geldig tot en met"},
}  # fmt: skip


def test_seasonal_staff_with_codes_on_one_sheet(enter: Enter, live: Live, people: People, each_locale: str) -> None:
    """Eight presses from the list to the sheet: file, dry run, password, cards. The page tells by itself when it is over."""
    anna, words = people["administrator"], WORDS[each_locale]
    separator = ";" if ";" in words["head"] else ","
    rows = [separator.join((f"season{at}", f"Season {at}", "", "31-12-2999")) for at in range(PEOPLE)]
    file = {"name": "staff.csv", "mimeType": "text/csv", "buffer": "\r\n".join((words["head"], *rows)).encode("cp1252")}
    here = enter(anna, f"{AT}/people", locale=each_locale)
    page = here.page
    with Presses(page, 8):
        press(page, "/people/import")
        page.locator("#file").set_input_files(file)  # type: ignore[arg-type] # a dict of the file
        page.locator("#print_codes").check()
        here.next()
        expect(page.locator("main")).to_contain_text(words["tried"])
        press(page, "/start")
        here.fill(password=anna.password)
        page.locator("main form [type=submit]").click()
        with live.factory.context():
            while worker.carry_out_jobs(live.settings):
                pass
        expect(page.locator("main")).to_contain_text(words["done"])
        expect(page.locator("main h1")).to_be_focused()
        press(page, "/codes")
        if page.locator("#password").count():
            here.fill(password=anna.password)
        page.locator("main form [type=submit]").click()
        expect(page.locator(".cards code")).to_have_count(PEOPLE)
    with live.factory.context():
        made = users.user_named(anna.organisation_id, "season7")
        assert made is not None
        assert (made.name, made.all_shops, str(made.valid_until)) == ("Season 7", False, "2999-12-31")
