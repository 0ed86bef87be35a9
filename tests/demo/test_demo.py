"""``idp demo`` sets up a working demo, whose apps run in a real browser."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import playwright.sync_api
import pytest
import segno
from playwright.sync_api import expect

from idp import config
from tests.demo.conftest import Demo, code_from_the_phone, sign_in
from tests.drivers.applications import bare_app
from tests.drivers.idp_process import until
from tests.drivers.people import everybody

APPS = Path(__file__).parents[2] / "idp" / "demo"


@pytest.mark.parametrize("name", ["pos", "admin", "webshop"])
def test_each_app_stands_alone(name: str) -> None:
    """Issue: each app is one file that imports of the provider what is for apps alone, and has its own cookie name."""
    tree = ast.parse((APPS / f"{name}.py").read_text("utf-8"))
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {module for module in modules if module.split(".")[0] == "idp"} <= {"idp.relying"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    assert f'SESSION_COOKIE_NAME="{name}_session"' in (APPS / f"{name}.py").read_text("utf-8")


def test_the_demo_tells_addresses_people_and_what_to_try(demo: Demo) -> None:
    """Issue: it prints the addresses, the demo people, and what to try."""
    for offset in range(6):
        assert demo.at(offset, "") in demo.output
    for person in ("olga", "adam", "mira", "kees", "nina", "carla@mail.example"):
        assert person in demo.output
    assert "umbrella on tuesday" in demo.output


def test_only_the_owner_can_read_the_demos_folder(demo: Demo) -> None:
    """The demo's folder holds sealing keys and client secrets."""
    for name in ("sleutel.toml", "secrets.json"):
        assert (demo.folder / name).stat().st_mode & 0o077 == 0


def test_one_sign_in_opens_webshop_back_office_and_till(demo: Demo, shopper: playwright.sync_api.Page) -> None:
    """Issue: signing in at the webshop signs in at the back office, and each app shows its claims; S1, S35, S61."""
    shopper.goto(demo.at(3))
    shopper.get_by_role("link", name="Sign in").click()
    sign_in(shopper, "mira", "umbrella on tuesday")
    shopper.locator("input[name=code]").fill(code_from_the_phone(demo, shopper, "mira"))
    shopper.get_by_role("button", name="Next").click()
    expect(shopper).to_have_url(demo.at(3))
    expect(shopper.locator("dl").first).to_contain_text("example-shoes")
    shopper.goto(demo.at(2))
    shopper.get_by_role("link", name="Sign in").click()
    expect(shopper).to_have_url(demo.at(2))
    expect(shopper.locator("nav")).to_contain_text("Mira de Jong, manager")
    shopper.goto(demo.at(1))
    shopper.get_by_role("link", name="Sign in").click()
    shopper.get_by_role("button", name="mira").click()
    expect(shopper).to_have_url(demo.at(1))
    shopper.get_by_role("link", name="Refund").click()
    expect(shopper.get_by_role("button", name="Pay back")).to_be_visible()
    shopper.get_by_role("link", name="Cancel").click()
    shopper.get_by_role("button", name="Sign out").click()
    expect(shopper).to_have_url(demo.at(1))
    expect(shopper.get_by_text("This till is locked")).to_be_visible()
    assert {cookie["name"] for cookie in shopper.context.cookies()} >= {"admin_session", "webshop_session"}
    until(lambda: "Turnover, stock and staff" in (shopper.goto(demo.at(2)) and shopper.content()), "back-channel logout")


def test_the_till_refuses_a_refund_without_a_sign_in(demo: Demo, shopper: playwright.sync_api.Page) -> None:
    """Issue: it refuses the refund page if acr or auth_time is insufficient. Without a sign-in both are."""
    answer = shopper.goto(demo.at(1, "/refund"))
    assert answer is not None
    assert answer.status == 403
    posted = shopper.request.post(demo.at(1, "/refund"))
    assert posted.status == 403


def test_the_tills_api_challenges_a_program(demo: Demo, shopper: playwright.sync_api.Page) -> None:
    """RFC 9470 §3, RFC 6750 §3.1: without a token, and with one that the provider does not know."""
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic x"}):
        answer = shopper.request.post(demo.at(1, "/api/refund"), headers=headers)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer acr_values="mfa", max_age="300"')


def test_the_customer_steps_up_to_change_an_address(demo: Demo, shopper: playwright.sync_api.Page) -> None:
    """Issue: the webshop asks `pwd` and steps up to `mfa` for a change of address. A customer without a factor sets one
    up.
    """
    shopper.goto(demo.at(3, "/account"))
    sign_in(shopper, "carla@mail.example", "new shoes every may")
    not_now = shopper.get_by_role("button", name="Not now")
    expect(not_now.or_(shopper.get_by_role("link", name="Change address"))).to_be_visible()
    if not_now.is_visible():
        not_now.click()
    expect(shopper.locator("dl").first).to_contain_text("pwd")
    posted = shopper.request.post(demo.at(3, "/account/address"), form={"address": "Elsewhere 1"})
    assert posted.status == 403
    shopper.get_by_role("link", name="Change address").click()
    assert shopper.url.startswith(demo.at(0))
    expect(shopper.get_by_role("button", name="Start")).to_be_visible()


def test_a_phone_signs_a_person_in_at_the_terminal(demo: Demo, shopper: playwright.sync_api.Page) -> None:
    """RFC 8628 §3.3, §5.4: the QR code leads to a page that names app, device and shop, and waits for a button."""
    shopper.goto(demo.at(5))
    shopper.get_by_role("button", name="Sign in").click()
    expect(shopper.locator(".qr svg path").first).to_be_visible()
    code = shopper.locator(".code").inner_text()
    address = str(shopper.get_by_role("link", name="open the QR code").get_attribute("href"))
    assert address.endswith(f"/device?user_code={code}")
    drawn = shopper.locator(".qr svg path").last.get_attribute("d")
    assert f'd="{drawn}"' in segno.make(address, error="m", micro=False).svg_inline(border=4)
    phone = shopper.context.new_page()
    phone.goto(address)
    phone.get_by_role("button", name="Next").click()
    sign_in(phone, "carla@mail.example", "new shoes every may")
    not_now = phone.get_by_role("button", name="Not now")
    expect(not_now.or_(phone.locator(".device-code"))).to_be_visible()
    if not_now.is_visible():
        not_now.click()
    expect(phone.locator(".device-code")).to_have_text(code)
    assert phone.locator("dl.facts dd").all_inner_texts()[:3] == ["Price checker", "Price checker 2", "Amsterdam Centre"]
    phone.get_by_role("button", name="Sign in on the device").click()
    expect(phone.get_by_text("The device is signed in")).to_be_visible()
    shopper.reload()
    expect(shopper.get_by_role("heading", name="Good day, Carla")).to_be_visible()
    shopper.get_by_role("button", name="Sign out").click()
    expect(shopper.get_by_role("button", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("offset", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_apps_fit_a_phone_and_are_accessible(
    demo: Demo, chromium: playwright.sync_api.Browser, offset: int, scheme: str
) -> None:
    """Issue: pleasant in light and dark, phone to desktop: no sideways scrolling, nothing that axe finds."""
    from axe_playwright_python.sync_playwright import Axe

    context = chromium.new_context(color_scheme=scheme, viewport={"width": 360, "height": 740})  # type: ignore[arg-type] # a literal of two
    page = context.new_page()
    page.goto(demo.at(offset))
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    found = [violation["id"] for violation in Axe().run(page).response["violations"]]
    context.close()
    assert found == []


def test_setting_up_again_keeps_what_is_there(demo: Demo) -> None:
    """Issue: idempotent: a second start changes no user and makes no new secret."""
    from idp.cli.demo import Place, set_up
    from idp.store import organisations as store

    def people() -> list[tuple[str, str | None]]:
        with bare_app(config.read(demo.folder / "sleutel.toml")) as app, app.app_context():
            return [(row.id, row.password_hash) for place in store.organisations() for row in everybody(place.id)]

    before, secrets = people(), (demo.folder / "secrets.json").read_text()
    set_up(Place(demo.folder, demo.port))
    assert people() == before
    assert (demo.folder / "secrets.json").read_text() == secrets


def test_an_outgoing_mail_is_in_the_mailbox(demo: Demo, shopper: playwright.sync_api.Page) -> None:
    """Issue: a mailbox page of the demo shows the sent mails. Their HTML is shown without active content."""
    environment = {**os.environ, "IDP_CONFIG": str(demo.folder / "sleutel.toml")}
    command = [sys.executable, "-m", "idp.cli", "user", "reset-factor", "example-shoes", "adam"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    until(lambda: any((demo.folder / "mail").glob("*.eml")), "no mail came")
    shopper.goto(demo.at(4, "/mail"))
    shopper.locator("li a").first.click()
    expect(shopper.locator("p.soft")).to_contain_text("adam@shoes.example")
    assert shopper.locator("iframe").get_attribute("sandbox") == ""
    assert shopper.request.get(demo.at(4, "/mail/..%2f..%2fsleutel")).status == 404
