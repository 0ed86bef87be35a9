"""Do the daily jobs about one person in a real Chromium, in Dutch and in English, within a number of presses."""

import re

import pytest
from playwright.sync_api import expect

from idp.db import transaction
from idp.identity.organisations import shops
from idp.store import users
from tests.browser.conftest import Enter, People
from tests.conftest import Live
from tests.drivers.presses import Presses, press
from tests.factories import BY_TESTS

AT = "/admin/example-shoes"


@pytest.mark.parametrize("scripted", [True, False], ids=["script", "plain"])
def test_a_saturday_worker_without_an_address(
    enter: Enter, live: Live, people: People, each_locale: str, scripted: bool
) -> None:
    """At most six presses from the list to a printed code, in a chain of forty shops: no box for each of them."""
    anna, at = people["administrator"], people["administrator"].organisation_id
    with live.factory.context(), transaction():
        for number in range(40):
            shops.create(at, {"code": f"zaak-{number}", "name": f"Zaak {number}"}, BY_TESTS)
    here = enter(anna, f"{AT}/people", locale=each_locale, java_script_enabled=scripted)
    page = here.page
    with Presses(page, 6, is_counted=scripted):
        press(page, "/people/add")
        expect(page.locator("main [type=checkbox]:checked")).to_have_count(0)
        assert page.locator("main [type=checkbox]").count() < 5
        here.fill(username="zara", name="Zara", find_shop="Zaak 17 (zaak-17)")
        if scripted:
            page.locator("[name=find_shop]").press("Enter")
            expect(page.locator(".picks [type=checkbox]:checked")).to_have_count(1)
        here.next()
        here.next()
        expect(page.locator("#code")).to_have_text(re.compile(r"(\S{4}-){5}\S{4}"))
        for paper in ({"width": "210mm", "height": "297mm"}, {"width": "297mm", "height": "210mm"}):
            assert page.pdf(**paper).count(b"/Type /Page\n") == 1, "the slip fits on one sheet"
    with live.factory.context():
        zara = users.user_named(at, "zara")
        assert zara is not None
        assert [shop.code for shop in users.shops_of(at, zara.id)] == ["zaak-17"]


def test_fire_somebody_now(enter: Enter, live: Live, people: People, each_locale: str) -> None:
    """Three presses from the first page: the person found, "Disable", and the dialog. The page tells what happened."""
    manager = people["manager"]
    here = enter(people["administrator"], "/admin/", locale=each_locale)
    with Presses(here.page, 3):
        here.find("manager")
        press(here.page, f"/people/{manager.id}")
        press(here.page, "/disable")
        here.fill(reason="Kas").next()
        told = {"nl-NL": "manager is uitgeschakeld en overal uitgelogd. Er is 1 sessie beëindigd.",
                "en-GB": "manager is disabled and signed out everywhere. 1 session ended."}  # fmt: skip
        expect(here.page.get_by_role("status").first).to_have_text(told[each_locale])
    with live.factory.context():
        assert live.factory.user(manager).disabled_at is not None


def test_somebody_lost_the_phone(enter: Enter, people: People, each_locale: str) -> None:
    """Three presses from the first page: the person found, "Lost phone", one of three buttons. The code is shown once."""
    anna, manager = people["administrator"], people["manager"]
    here = enter(anna, "/admin/", locale=each_locale)
    with Presses(here.page, 3):
        here.find("manager")
        press(here.page, f"/people/{manager.id}")
        press(here.page, "/lost-phone")
        here.fill(password=anna.password).press("choice", "bypass-code")
        expect(here.page.locator("#code")).to_have_text(re.compile(r"\S{7}-\S{7}"))


def test_hand_over_the_ownership(enter: Enter, live: Live, people: People, each_locale: str) -> None:
    """Three presses on the owner's page: search, the person, and the dialog. No username is typed blindly."""
    boss = people["owner"]
    live.factory.make_user(boss.organisation_id, "iris", name="Iris Bakker", role="manager", email="iris@shoes.example")
    here = enter(boss, f"{AT}/ownership", locale=each_locale)
    with Presses(here.page, 3):
        here.fill(q="bakk")
        here.page.locator("main [role=search] [type=submit]").click()
        press(here.page, "/offer-ownership")
        here.fill(password=boss.password)
        here.page.locator("main form [type=submit]").click()
        expect(here.page.get_by_role("status").first).to_contain_text("iris")
