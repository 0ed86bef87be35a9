"""Names and entered values appear as text on pages (V1.2.1, V3.2.2), and never in headers."""

import html

import pytest

from tests.drivers.browser import Browser
from tests.drivers.page import Page
from tests.factories import PASSWORD
from tests.web.conftest import Shop

CORPUS = [
    "<b id=xss>x</b>",
    '"><b id="xss" onclick="alert(1)">',
    "'><b id='xss'>",
    "</title></textarea></script><b id=xss>",
    "--><b id=xss><!--",
    "]]><b id=xss>",
    '" id="xss" autofocus onfocus="alert(1)',
    " id=xss onload=alert(1) ",
    "<svg/onload=alert(1) id=xss>",
    "&lt;b id=xss&gt;",
    "javascript:alert(1)//",
    "{{ 7*7 }}{% raw %}%(name)s${7*7}",
    "<\u202eb id=xss>\u2028\ufeff",
]
LINES = [
    "x\r\nX-Evil: 1",
    "x\nSet-Cookie: evil=1",
    "x\r\n\r\n<b id=xss>",
    "x%0d%0aX-Evil:%201",
    "x\u2028X-Evil: 1",
    "嘊X-Evil: 1",
]


def is_text(browser: Browser) -> bool:
    """Check that the text made no element or attribute, and that no template evaluated it."""
    assert browser.status < 500
    page = Page(browser.html)
    assert "xss" not in page.ids
    assert "49" not in browser.text.replace("7*7", "")
    assert not [href for href, _ in page.links if href.startswith("javascript:")]
    return not {name for name in ("onclick", "onfocus", "onload") if f"<b {name}" in browser.html}


@pytest.mark.parametrize("evil", CORPUS)
def test_entered_values_are_shown_as_text(shop: Shop, evil: str) -> None:
    """V1.2.1, CS: username and store URL appear in their fields again, character by character."""
    browser = shop.at_password().fill(username=evil, password="wrong, but long enough").submit()
    assert is_text(browser)
    assert browser.value("username") == evil
    shop.factory.make_organisation("another-shop")
    other = shop.browser().open(shop.party.authorize_url()).fill(organisation=evil).submit()
    assert is_text(other)
    if "password" in other.fields:  # otherwise no part of it could be a store URL
        assert is_text(other.fill(username="x", password="wrong, but long enough").submit())


@pytest.mark.parametrize("evil", CORPUS)
def test_request_parameters_are_shown_as_text(shop: Shop, evil: str) -> None:
    """V1.2.1: this holds for every parameter of the authorization request, on sign-in and developer pages."""
    hinted = shop.at_password(login_hint=evil, ui_locales=evil, state=evil, organisation="example-shoes")
    assert is_text(hinted)
    assert hinted.value("username") == evil
    for name in (
        "client_id",
        "redirect_uri",
        "response_type",
        "scope",
        "prompt",
        "max_age",
        "acr_values",
        "claims",
        "organisation",
        "display",
    ):
        assert is_text(shop.browser().open(shop.party.authorize_url(**{name: evil})))
    for name in ("client_id", "post_logout_redirect_uri", "state", "logout_hint", "id_token_hint"):
        assert is_text(shop.browser().open(f"/oauth/logout?{name}={html.unescape(evil).encode().hex()}"))


@pytest.mark.parametrize("evil", [evil for evil in CORPUS if evil.isprintable()])
def test_names_of_apps_shops_and_users_are_shown_as_text(shop: Shop, evil: str) -> None:
    """V1.2.1: names of clients, organisations, groups and users, on every page that has them."""
    from tests.drivers.relying_party import RelyingParty

    made = shop.factory.make_client("called", client_name=evil, first_party=False)
    party = RelyingParty(shop.app, shop.settings.issuer, made.client_id, made.redirect_uri, secret=made.secret)
    odd = shop.factory.make_organisation("odd-shop", name=evil, settings={"offer_set_up": False})
    group = shop.factory.make_group(odd, evil.strip())
    shop.factory.make_user(odd, "odd", name=evil, groups=[group])
    browser = shop.browser().open(party.authorize_url(organisation="odd-shop"))
    assert is_text(browser)
    assert is_text(browser.fill(username="odd", password=PASSWORD).submit())
    assert evil[:4] in html.unescape(browser.html)
    calm = shop.factory.make_organisation("calm-shop", name=evil, settings={"offer_set_up": False})
    shop.factory.make_user(calm, "calm", name=evil)
    browser = shop.browser().open(party.authorize_url(organisation="calm-shop"))
    assert is_text(browser.fill(username="calm", password=PASSWORD).submit())
    assert browser.offers("choice=allow")
    assert " ".join(evil.split()) in browser.text
    assert is_text(browser.submit("choice=allow").open("/"))
    assert is_text(browser.open("/account/security"))


@pytest.mark.parametrize("evil", CORPUS)
def test_a_form_that_submits_itself_contains_state_as_text(shop: Shop, evil: str) -> None:
    """OAuth 2.0 Form Post: ``state`` arrives unchanged and never becomes markup."""
    browser = shop.at_code(response_mode="form_post", state=evil)
    shop.allow(browser.fill(code=shop.ann.authenticator.code()).submit())
    assert "xss" not in Page(browser.html).ids
    assert browser.left_with["state"] == evil


@pytest.mark.parametrize("evil", LINES)
def test_a_line_break_makes_no_header(shop: Shop, evil: str) -> None:
    """V1.2.1: no parameter that can reach a header splits the response. V16.4.1 has the same cause."""
    names = ("state", "redirect_uri", "ui_locales", "login_hint", "client_id", "response_mode", "nonce", "prompt", "scope")
    for name in names:
        browser = shop.browser().open(shop.party.authorize_url(**{name: evil}))
        if browser.left_for is None:
            assert is_text(browser)
        assert not {"X-Evil"} & set(browser.headers.keys())
    browser = shop.at_password()
    for name in ("back", "language"):
        form = {"csrf_token": browser.value("csrf_token"), "language": "nl", "back": "/", name: evil}
        answer = browser.client.post("/language", data=form, base_url=browser.issuer)
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/")
        assert not {"X-Evil"} & set(answer.headers.keys())
        assert all(line.startswith("__Host-") for line in answer.headers.getlist("Set-Cookie"))
    signed = shop.signed_in(state=evil) if evil.isprintable() else None
    assert signed is None or not {"X-Evil"} & set(signed.headers.keys())
