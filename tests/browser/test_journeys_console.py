"""Administrators and operators use the console in a real Chromium, in Dutch and in English (S3, S4, S11–S13, S47, S49)."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from idp.store import outbox, totp, users
from idp.web import line_ends
from tests.browser.conftest import Visitor
from tests.browser.world import GROUP, RULE, SHOP
from tests.conftest import Live
from tests.drivers.words import ADD_A_PERSON, THE_ID_TOKEN_EXPLAINED
from tests.factories import CALLBACK, MadePerson

Enter = Callable[..., Visitor]
People = dict[str, MadePerson]
AT = "/admin/example-shoes"
WORDS = {
    "en-GB": {"add": ADD_A_PERSON, "added": "is added.", "saved": "saved.", "sent": "gets a one-time password",
              "done": "is reset.", "again": "tried again", "separator": ",", "code": "A code for kim",
              "required": "second factor is required",
              "signs": "sign from now on", "explained": THE_ID_TOKEN_EXPLAINED},
    "nl-NL": {"add": "Persoon toevoegen", "added": "is toegevoegd.", "saved": "opgeslagen.",
              "sent": "krijgt een eenmalig wachtwoord",
              "done": "is gereset.", "again": "opnieuw geprobeerd", "separator": ";", "code": "Een code voor kim",
              "required": "Een tweede factor is verplicht",
              "signs": "sleutels ondertekend", "explained": "Het ID-token, uitgelegd"},
}  # fmt: skip


def notice(page: Page) -> Locator:
    """Return the page's notice about the last action."""
    return page.get_by_role("status").first


def act(here: Visitor, name: str, password: str) -> Visitor:
    """Press an action of the person (or app) on the page, and confirm it with one's own password."""
    here.page.locator(f"main a[href$='/{name}']").click()
    here.fill(password=password)
    here.page.locator("main form [type=submit]").click()
    return here


def test_an_administrator_manages_people(enter: Enter, live: Live, people: People, locale: str) -> None:
    """S3, S13, S47, S49, S53: the administrator adds and edits a person with the group 2FA, prints a code, sends a
    password, resets a factor.
    """
    anna, words = people["administrator"], WORDS[locale]
    here = enter(anna, f"{AT}/people", locale=locale)
    page = here.page
    page.get_by_role("link", name=words["add"]).click()
    page.get_by_label(GROUP).check()
    here.fill(username="kim", name="Kim").next()
    expect(notice(page)).to_contain_text(words["added"])
    page.locator("main .actions a").click()
    expect(page.get_by_role("region").filter(has_text=words["required"])).to_contain_text(GROUP)
    page.locator("main a[href$='/edit']").click()
    here.fill(name="Kim de Vries").next()
    expect(notice(page)).to_contain_text(words["saved"])
    expect(page.locator("main")).to_contain_text("Kim de Vries")
    page.locator("main a[href$='/print-code']").click()
    here.next()
    expect(page.locator("h1")).to_have_text(words["code"])
    expect(page.locator("#code")).to_have_text(re.compile(r"\S{8,}"))
    customer = people["customer"]
    here.open(f"{AT}/people/{customer.id}")
    act(here, "one-time-password", anna.password)
    expect(notice(page)).to_contain_text(words["sent"])
    act(here, "reset-factor", "not my password")
    expect(page.get_by_role("alert")).to_be_visible()
    here.fill(password=anna.password)
    page.locator("main form [type=submit]").click()
    expect(notice(page)).to_contain_text(words["done"])
    with live.factory.context():
        templates = {mail.template for mail in outbox.mails_of(customer.organisation_id, "waiting", None, 50)}
        assert totp.active_totps(customer.organisation_id, customer.id) == []
    assert templates >= {"one_time_password", "factor_reset"}


def test_an_owner_manages_shops_groups_and_settings(enter: Enter, live: Live, people: People, locale: str) -> None:
    """S3, S4, S12: the owner adds a shop, a group that requires a factor and a person in it, and shortens sessions."""
    here, words = enter(people["owner"], f"{AT}/shops", locale=locale), WORDS[locale]
    page, jan = here.page, people["employee"]
    here.fill(code="utrecht", name="Utrecht").next()
    expect(notice(page)).to_contain_text(words["added"])
    here.open(f"{AT}/groups")
    page.locator("#requires_mfa").check()
    here.fill(name="Kassa").next()
    expect(notice(page)).to_contain_text(words["added"])
    here.fill(username=jan.username)
    page.locator("main form", has=page.locator("#username")).locator("[type=submit]").click()
    expect(notice(page)).to_contain_text(f"{jan.username} ")
    here.open(f"{AT}/settings").fill(login_hours="8")
    page.locator("main form", has=page.locator("#login_hours")).locator("[type=submit]").click()
    expect(notice(page)).to_contain_text(words["saved"])
    expect(page.locator("#login_hours")).to_have_value("8")
    with live.factory.context():
        assert [group.name for group in users.groups_of(jan.organisation_id, jan.id)] == ["Kassa"]


def test_an_owner_uses_the_dry_run_the_outbox_and_the_trail(
    enter: Enter, people: People, locale: str, tmp_path: Path
) -> None:
    """S11: a dry run shows the people a rule affects, and why. A mail is sent again. The audit log is filtered, and
    exported whole.
    """
    here, words = enter(people["owner"], f"{AT}/policies/who", locale=locale), WORDS[locale]
    page, customer = here.page, people["customer"]
    page.locator("select[name=name]").select_option(RULE)
    here.fill(on="2026-12-24")
    page.locator("main form [type=submit]").click()
    page.locator("table").get_by_role("link", name=customer.username).click()
    page.locator("main a[href$='/explain']").click()
    expect(page.locator("main")).to_contain_text(str(line_ends.joined_name(RULE)))
    here.open(f"{AT}/mail?state=failed")
    expect(page.locator("main")).to_contain_text("550 5.1.1")
    page.locator("main a[href$='/resend']").click()
    here.next()
    expect(notice(page)).to_contain_text(words["again"])
    here.open(f"{AT}/audit")
    page.locator("select[name=event]").select_option("user:created")
    here.fill(username=customer.username)
    page.locator("main form[role=search] [type=submit]").click()
    expect(page.locator("table tbody tr")).to_have_count(1)
    files = {}
    for form in ("CSV", "JSON"):
        with page.expect_download() as downloading:
            page.get_by_role("link", name=form).click()
        name = rf"audit-example-shoes-until-[-0-9]{{10}}\.{form.lower()}"
        assert re.fullmatch(name, downloading.value.suggested_filename)
        downloading.value.save_as(tmp_path / form)
        files[form] = (tmp_path / form).read_text()
    (row,) = json.loads(files["JSON"])
    assert row["subject_id"] == customer.id
    lines = files["CSV"].removeprefix("\ufeff").splitlines()
    assert [one["subject"] for one in csv.DictReader(lines, delimiter=words["separator"])] == [customer.username]


def test_an_operator_adds_a_rule_and_rotates_the_keys(enter: Enter, people: People, locale: str) -> None:
    """S11: operators manage dated rules and signing keys. Each page says what will happen before it does."""
    olga, words = people["operator"], WORDS[locale]
    here = enter(olga, f"{AT}/policies", locale=locale)
    page = here.page
    page.locator("main a[href$='/policies/add']").click()
    here.fill(name="december", starts="2026-12-01").next()
    expect(notice(page)).to_contain_text(words["added"])
    expect(page.get_by_role("heading", name="december")).to_be_visible()
    here.open(f"{AT}/keys")
    before = page.locator(".state.on").count()
    act(here, "rotate", olga.password)
    expect(notice(page)).to_contain_text(words["signs"])
    assert page.locator(".state.on").count() == before
    assert page.locator("tbody tr").count() > before * 2, "the former signing keys are no longer shown"


def test_an_operator_adds_an_app_and_tests_it(enter: Enter, people: People, locale: str) -> None:
    """The secret is shown once and replaced with an overlap. A real sign-in shows the ID token explained."""
    olga, jan, words = people["operator"], people["employee"], WORDS[locale]
    here = enter(olga, f"{AT}/apps", locale=locale)
    page = here.page
    page.locator("main a[href$='/apps/connect']").click()
    page.locator("main a[href$='/apps/add']").click()
    page.locator("#redirect_uris").fill(CALLBACK)
    page.locator("#first_party").check()
    here.fill(client_id="stock", client_name="Stock").next()
    first = page.locator("#new-secret").inner_text()
    expect(page.locator("#copied")).to_contain_text("OIDC_CLIENT_ID=stock")
    here.open(f"{AT}/apps")
    page.get_by_role("link", name="Stock").click()
    expect(page.locator("h1")).to_have_text("Stock")
    expect(page.locator("#new-secret")).to_have_count(0)
    page.locator("main form[action$='/secrets/new'] [type=submit]").click()
    here.fill(password=olga.password)
    page.locator("main form [type=submit]").click()
    assert page.locator("#new-secret").inner_text() not in ("", first)
    expect(page.locator("main a[href$='/end']")).to_have_count(2)
    page.locator("main a[href$='/test']").click()
    here.next()
    here.fill(username=jan.username, password=jan.password).next().fill(code=jan.authenticator.code()).next()
    here.reads(words["explained"])
    expect(page.locator("main")).to_contain_text(jan.id)


def test_the_keyboard_is_enough_to_add_a_shop(enter: Enter, people: People, locale: str) -> None:
    """WCAG 2.1.1, 2.4.1, 2.4.3, 2.4.7: Tab reaches every control in the order of the page, and the focus is visible."""
    here = enter(people["administrator"], f"{AT}/shops", locale=locale)
    page, keys = here.page, here.page.keyboard
    expected = page.evaluate(REACHABLE)
    met = []
    for _ in expected:
        keys.press("Tab")
        name, is_seen = page.evaluate(FOCUSED)
        assert is_seen, f"the focus on {name} is not visible"
        met.append(name)
    assert met == expected
    page.reload()
    keys.press("Tab")
    keys.press("Enter")
    expect(page.locator("main")).to_be_focused()
    for field, typed in (("code", "haarlem"), ("name", "Haarlem")):
        for _ in range(100):
            if page.evaluate("document.activeElement.id") == field:
                break
            keys.press("Tab")
        keys.type(typed)
    keys.press("Tab")
    keys.press("Enter")
    expect(notice(page)).to_contain_text(WORDS[locale]["added"])
    expect(page.get_by_role("row", name="Haarlem")).to_be_visible()
    expect(page.get_by_role("row", name=SHOP)).to_be_visible()


NAME = "one => `${one.tagName} ${one.id || one.innerText || one.name}`.trim()"
REACHABLE = f"""() => [...document.querySelectorAll("a[href], button, summary, input:not([type=hidden]), select, textarea")]
    .filter(one => one.checkVisibility() && !one.disabled && one.tabIndex >= 0).map({NAME})"""
FOCUSED = f"""() => {{
    const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
    const isMarked = style.outlineStyle !== "none" || style.boxShadow !== "none";
    return [({NAME})(one), isMarked && box.width > 1 && box.height > 1 && box.bottom > 0 && box.top < innerHeight];
}}"""
