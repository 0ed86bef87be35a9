"""A form that another site posts here leaves the open sign-in and the browser's cookie unchanged, in a real Chromium."""

from playwright.sync_api import Page

from tests.conftest import Live

EVIL = "http://evil.test/"
PATHS = ("/no-such-page", "/sign-in/x", "/language", "/sign-out", "/oauth/token")


def test_a_form_of_another_site_leaves_the_cookies_of_a_real_browser_alone(live: Live, page: Page) -> None:
    """S60: Chromium sends no Lax cookie with it but stores cookies of the answer, so the answer sets none."""
    at = live.factory.make_organisation(settings={"offer_set_up": False}, owner=True)
    ann = live.factory.make_user(at, "ann")
    forms = "".join(_form(live, path) for path in PATHS)
    page.route(f"{EVIL}**", lambda route: route.fulfill(content_type="text/html", body=forms))
    page.goto(f"{live.settings.issuer}/account/security")
    before, sign_in = page.context.cookies(), page.url
    for path in PATHS:
        page.goto(EVIL)
        page.get_by_text(path).click()
        page.wait_for_url(f"{live.settings.issuer}/**")
        assert page.context.cookies() == before, path
    page.goto(sign_in)
    page.fill("[name=username]", "ann")
    page.fill("[name=password]", ann.password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/account/security")
    assert {one["name"] for one in page.context.cookies()} == {"browser", "login"}
    assert page.context.cookies()[0]["value"] != before[0]["value"]


def _form(live: Live, path: str) -> str:
    fields = "".join(f"<input name={name} value=x>" for name in ("csrf_token", "request", "username", "step"))
    return f"<form method=post action='{live.settings.issuer}{path}'>{fields}<button>{path}</button></form>"
