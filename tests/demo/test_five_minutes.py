"""A newcomer follows the five minutes that ``idp demo`` prints, step by step."""

import re

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.demo.conftest import Demo, code_from_the_phone, sign_in
from tests.drivers import chromium as chromium_driver
from tests.drivers.authenticator import Authenticator
from tests.drivers.idp_process import until
from tests.drivers.words import CONFIRM_THAT_IT_IS_YOU, IVE_SAVED_THESE_CODES

KEES = Authenticator("KEES" * 8)


def claim(page: Page, name: str) -> Locator:
    """Return the value of an ID token's claim as an app shows it."""
    return page.locator(f"dt:text-is('{name}') + dd").first


def answer_code(page: Page, code: str, *, remember: bool = False) -> None:
    """Answer the code step in the person's language: kees reads Dutch."""
    page.locator("input[name=code]").fill(code)
    if remember:
        page.locator("input[name=remember_device]").check()
    page.get_by_role("button", name=re.compile("^(Next|Verder)$")).click()


def set_up(demo: Demo, page: Page, password: str = "") -> None:
    """Set up a second factor with the phone page as the phone: type the key there and the code here.

    ``password``: the password that S17 asks for again if the person typed it in an earlier sign-in.
    """
    page.get_by_role("button", name="Start").click()
    if password:
        page.get_by_label("Password", exact=True).fill(password)
        page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="I have an app").click()
    phone = page.context.new_page()
    phone.goto(demo.at(4))
    phone.get_by_label("Setting up?").fill(page.locator("#key").inner_text())
    phone.get_by_role("button", name="Add it").click()
    code = phone.locator("li", has_text="typed in here").last.locator(".code").inner_text()
    phone.close()
    page.locator("input[name=code]").fill(re.sub(r"\s", "", code))
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#codes li")).to_have_count(12)
    page.get_by_label(IVE_SAVED_THESE_CODES).check()
    page.get_by_role("button", name="Done").click()


def assert_on_the_phone_once(demo: Demo, page: Page, username: str) -> None:
    """Check that a typed key belongs to the person and is not listed beside them."""
    phone = page.context.new_page()
    phone.goto(demo.at(4))
    expect(phone.locator("li", has_text=username)).to_have_count(1)
    expect(phone.locator("li", has_text="typed in here")).to_have_count(0)
    phone.close()


def look_around_as_mira(demo: Demo, page: Page) -> None:
    """Do steps 1 and 2: the webshop with a code and the tick. The back office knows her already."""
    page.goto(demo.at(3))
    page.get_by_role("link", name="Sign in").click()
    sign_in(page, "mira", "umbrella on tuesday")
    answer_code(page, code_from_the_phone(demo, page, "mira"), remember=True)
    expect(page).to_have_url(demo.at(3))
    expect(claim(page, "acr")).to_have_text("pwd")
    expect(claim(page, "amr")).to_contain_text("otp")
    page.goto(demo.at(2))
    page.get_by_role("link", name="Sign in").click()
    expect(page).to_have_url(demo.at(2))
    expect(claim(page, "acr")).to_have_text("mfa")
    expect(claim(page, "amr")).to_contain_text("otp")


def work_at_the_till(demo: Demo, page: Page) -> None:
    """Do step 3: the till remembers kees. nina sets up a second factor. kees signs in again with his password alone."""
    page.goto(demo.at(1))
    page.get_by_role("link", name="Sign in").click()
    page.locator("button[value=other]").click()
    sign_in(page, "kees", "haring zonder uitjes")
    answer_code(page, KEES.code(), remember=True)
    expect(page.locator(".who")).to_contain_text("Kees Bakker")
    expect(claim(page, "acr")).to_have_text("mfa")
    page.get_by_role("link", name="Switch user").click()
    page.locator("button[value=other]").click()
    sign_in(page, "nina", "green rain boots")
    set_up(demo, page)
    expect(page.locator(".who")).to_contain_text("Nina Smit")
    assert_on_the_phone_once(demo, page, "nina")
    page.get_by_role("link", name="Switch user").click()
    page.get_by_role("button", name="kees").click()
    page.locator("input[name=password]").fill("haring zonder uitjes")
    page.get_by_role("button", name=re.compile("^(Sign in|Inloggen)$")).click()
    expect(page.locator(".who")).to_contain_text("Kees Bakker")
    expect(claim(page, "acr")).to_have_text("mfa-remembered")
    expect(claim(page, "amr")).to_have_text("['pwd']")


def pay_back(page: Page) -> None:
    """Do step 4: a refund needs a current code. The remembered device is not enough."""
    page.get_by_role("link", name="Refund").click()
    expect(page.get_by_role("heading", name="A refund needs your code")).to_be_visible()
    page.get_by_role("link", name=CONFIRM_THAT_IT_IS_YOU).click()
    page.get_by_role("button", name="kees").click()
    answer_code(page, KEES.code())
    page.get_by_role("button", name="Pay back").click()
    expect(page.get_by_text("who proved it with mfa")).to_be_visible()


def move_house(demo: Demo, page: Page) -> None:
    """Do step 5: carla signs in with her password. A change of address needs a second factor, which she sets up."""
    page.goto(demo.at(3))

    def _is_told() -> bool:
        page.reload()
        return page.get_by_role("link", name="Sign in").count() > 0

    until(_is_told, "the webshop was not told that mira's session has ended")
    page.get_by_role("link", name="Sign in").click()  # kees is still signed in at the till
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Sign in").click()
    sign_in(page, "carla@mail.example", "new shoes every may")
    page.get_by_role("button", name="Not now").click()
    expect(claim(page, "acr")).to_have_text("pwd")
    page.get_by_role("link", name="Carla").click()
    page.get_by_role("link", name="Change address").click()
    set_up(demo, page, "new shoes every may")
    page.get_by_label("Street").fill("Herengracht 2, Amsterdam")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Herengracht 2, Amsterdam")).to_be_visible()
    expect(claim(page, "acr")).to_have_text("mfa")


def read_the_mail(demo: Demo, page: Page) -> None:
    """Do step 6: read carla's mail about her second factor. The owner gets none about the first factor of nina, who is
    new.
    """
    mails = page.locator("li.card")
    page.goto(demo.at(4, "/mail"))
    carlas = mails.filter(has_text="carla@mail.example")

    def _has_come() -> bool:
        page.reload()
        return carlas.count() > 0

    until(_has_come, "carla's mail did not come")  # the worker sends every few seconds
    expect(carlas).to_have_count(1)
    expect(mails.filter(has_text="olga@shoes.example")).to_have_count(0)
    carlas.get_by_role("link").click()
    expect(page.frame_locator("iframe").locator("h1")).to_be_visible()


def newcomer(chromium: Browser) -> tuple[BrowserContext, list[str]]:
    """Open a fresh profile, and collect the errors that its console reports on our pages."""
    context, complaints = chromium_driver.new_context(chromium), []
    context.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    return context, complaints


def test_the_five_minutes_that_the_demo_prints(demo: Demo, chromium: Browser) -> None:
    """Issue: one browser test follows the README's five minutes; S16, S19–S24, S34–S37, S40, S53, S54, S61."""
    context, complaints = newcomer(chromium)
    page = context.new_page()
    look_around_as_mira(demo, page)
    work_at_the_till(demo, page)
    pay_back(page)
    move_house(demo, page)
    read_the_mail(demo, page)
    assert [complaint for complaint in complaints if "403" not in complaint] == []
    context.close()


def test_an_administrator_finds_apps_and_console(demo: Demo, shopper: Page) -> None:
    """Step 8: the home page lists the apps, and the console lets administrators connect one."""
    shopper.goto(demo.at(0))
    shopper.get_by_role("button", name="Sign in").click()
    sign_in(shopper, "adam", "seven brown laces")
    answer_code(shopper, code_from_the_phone(demo, shopper, "adam"))
    for name, offset in (("Kassa", 1), ("Back office", 2), ("Example Shoes webshop", 3)):
        assert shopper.get_by_role("link", name=name).get_attribute("href") == demo.at(offset)
    shopper.get_by_role("link", name="Console").click()
    shopper.locator("nav").get_by_role("link", name="Apps").click()
    expect(shopper.get_by_role("link", name="Connect an app")).to_be_visible()
