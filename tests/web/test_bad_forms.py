"""Any text in any field gets a page with a message. It never gets a server error or the next step."""

from collections.abc import Callable, Iterator
from urllib.parse import quote_plus

import pytest

from idp.config import Settings
from tests.drivers.browser import Browser
from tests.drivers.page import Form, Page
from tests.drivers.strange_values import FORM, REFUSED, STRANGE
from tests.web.conftest import Shop

OF_ENGINES = ("no UTF-8", "a surrogate", "not ASCII", "long", "a number")
"""Values that PostgreSQL checks and SQLite does not: characters, lengths and types."""


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Return settings without rate limits that would hide what a form does."""
    return configure(
        limits={"free_failures": 10_000, "address_failures": 10_000, "hard_stop": 10_000},
        passwords={"hash_patience_seconds": 30.0},
    )


def at_organisation(shop: Shop) -> Browser:
    """Open the page that asks for the store URL."""
    shop.factory.make_organisation("another-shop")
    return shop.browser().open(shop.party.authorize_url())


def at_leaked(shop: Shop) -> Browser:
    """Open the notice about a leaked password."""
    shop.factory.make_user(shop.organisation_id, "leo", password="password1234")
    return shop.at_password().fill(username="leo", password="password1234").submit()


def at_recovery(shop: Shop) -> Browser:
    """Open the page that asks for a recovery code."""
    return shop.at_code().submit("use_recovery")


def at_recovered(shop: Shop) -> Browser:
    """Open the page that asks whether the user still has the phone."""
    return at_recovery(shop).fill(recovery_code=shop.ann.recovery_codes[0]).submit()


def at_scan(shop: Shop) -> Browser:
    """Open the page that asks for the first code of a new phone."""
    group = shop.factory.make_group(shop.organisation_id)
    shop.factory.make_user(shop.organisation_id, "new", groups=[group])
    browser = shop.at_password().fill(username="new", password=shop.ann.password).submit()
    return browser.submit("next").submit("next")


def at_codes(shop: Shop) -> Browser:
    """Open the page with new recovery codes and their checkbox."""
    from tests.drivers.authenticator import Authenticator
    from tests.drivers.set_up import key_on

    browser = at_scan(shop)
    return browser.fill(code=Authenticator(key_on(browser)).code()).submit()


def at_consent(shop: Shop) -> Browser:
    """Open the page that asks for consent to the app."""
    return shop.at_code().fill(code=shop.ann.authenticator.code()).submit()


def at_chooser(shop: Shop) -> Browser:
    """Open the chooser of users."""
    browser = shop.signed_in()
    return browser.open(shop.party.authorize_url(prompt="select_account"))


def at_new_password(shop: Shop) -> Browser:
    """Open the page that asks for a new password after a leaked one."""
    browser = at_leaked(shop)
    return browser.submit("Change now")


PAGES = [
    at_organisation,
    Shop.at_password,
    at_leaked,
    Shop.at_code,
    at_recovery,
    at_recovered,
    at_scan,
    at_codes,
    at_consent,
    at_chooser,
    at_new_password,
]


def names_of(form: Form) -> set[str]:
    """Return the names of fields and named buttons."""
    return set(form.kinds) | {one.name for one in form.buttons if one.name}


def bodies(browser: Browser, name: str, value: bytes) -> Iterator[bytes]:
    """Yield the page's form with ``value`` in one of its fields, as raw bytes."""
    for form in browser.page.forms:
        if "/sign-in/" in form.action and name in names_of(form):
            kept = {key: values for key, values in form.fields.items() if key != name}
            pairs = [f"{quote_plus(key)}={quote_plus(one)}".encode() for key, values in kept.items() for one in values]
            yield b"&".join([*pairs, quote_plus(name).encode() + b"=" + value])


def post(shop: Shop, browser: Browser, body: bytes, path: str = "") -> tuple[int, Page]:
    """Post a body from this browser. Returns status and page."""
    answer = browser.client.post(
        path or browser.url.removeprefix(browser.issuer), data=body, content_type=FORM, base_url=shop.settings.issuer
    )
    if "answer=" in answer.headers.get("Location", ""):
        answer = browser.client.get(answer.headers["Location"], base_url=shop.settings.issuer)
    assert answer.status_code < 500, body[-300:]
    assert not {"evil"} & {line.partition("=")[0] for line in answer.headers.getlist("Set-Cookie")}
    page = Page(answer.get_data(as_text=True)) if answer.mimetype == "text/html" else Page("")
    assert "xss" not in page.ids
    assert not answer.headers.get("Location", "").startswith(shop.made.redirect_uri)
    return answer.status_code, page


def fields_of(browser: Browser) -> list[str]:
    """Return the fields and named buttons of the sign-in page that is shown."""
    names = {name for form in browser.page.forms if "/sign-in/" in form.action for name in names_of(form)}
    assert {"step", "request", "csrf_token"} < names
    return sorted(names)


at_every_page = pytest.mark.parametrize("arrive", PAGES, ids=lambda arrive: arrive.__name__)


@at_every_page
def test_every_sign_in_page_refuses_impossible_values(shop: Shop, arrive: Callable[[Shop], Browser]) -> None:
    """V15.3.7, V2.2.1: NUL, huge and doubled values get a page, before any look-up."""
    browser = arrive(shop)
    step = browser.value("step")
    for name in fields_of(browser):
        for value in REFUSED.values():
            for body in bodies(browser, name, value):
                assert post(shop, browser, body)[0] in (400, 303, 404), (
                    name
                )  # 303: the token does not match, so a new sign-in begins
        for body in bodies(browser, name, b"1"):
            twice = body + b"&" + quote_plus(name).encode() + b"=2"
            assert post(shop, browser, twice)[0] in (400, 303, 404), name
    assert browser.reload().value("step") == step, "a refused form changed the step"


@pytest.mark.both_engines
@at_every_page
def test_every_field_of_every_sign_in_page_survives_any_value(
    shop: Shop, arrive: Callable[[Shop], Browser], engine: str
) -> None:
    """V2.2.1: strange values are wrong answers and get a page."""
    browser = arrive(shop)
    values = STRANGE if engine == "sqlite" else {name: STRANGE[name] for name in OF_ENGINES}
    for name in fields_of(browser):
        for value in values.values():
            for body in bodies(browser, name, value):
                assert post(shop, browser, body)[0] in (303, 400, 404, 422), (name, value[:20])


@pytest.mark.parametrize("arrive", [Shop.at_password, Shop.at_code, at_recovery, at_scan, at_new_password])
def test_a_doubled_field_is_refused_with_a_page(shop: Shop, arrive: Callable[[Shop], Browser]) -> None:
    """V15.3.7: we never choose between two values. The query is not read either."""
    browser = arrive(shop)
    for name in ({"password", "code", "recovery_code", "new_password"} & browser.fields) | {"step"}:
        (body, *_) = bodies(browser, name, b"1")
        status, page = post(shop, browser, body + b"&" + name.encode() + b"=2")
        assert status == 400
        assert page.heading == "That did not work"


@pytest.mark.both_engines
def test_a_stale_form_survives_any_value(shop: Shop) -> None:
    """S60: a form without its sign-in begins again or says that it is over. Its sealed request is not trusted."""
    for body in (
        b"",
        b"request=",
        b"request=%00",
        b"step=password",
        b"&&&&",
        b"=",
        b"a" * 50_000,
        b"request=" + b"x" * 19_000,
    ):
        status, _ = post(shop, shop.browser(), body, "/sign-in/" + "A" * 43)
        assert status in (400, 404)
    for name in ("request", "csrf_token", "username", "step"):
        for value in (*STRANGE.values(), *REFUSED.values()):
            status, _ = post(shop, shop.browser(), name.encode() + b"=" + value, "/sign-in/" + "A" * 43)
            assert status in (400, 404), name


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "multipart/form-data", "multipart/form-data; boundary=x", ""]
)
def test_a_body_of_another_type_answers_no_step(shop: Shop, kind: str) -> None:
    """V3.5.2, V15.3.5: JSON, plain text and broken multipart bodies are not forms."""
    browser = shop.at_password()
    body = b'{"csrf_token": ["x"], "step": "password", "username": true, "password": {"a": 1}}'
    answer = browser.client.post(
        browser.url.removeprefix(browser.issuer), data=body, content_type=kind, base_url=browser.issuer
    )
    assert answer.status_code in (400, 404)
    assert "password" in browser.reload().fields


def test_a_body_that_is_too_large_gets_413_with_a_page(shop: Shop) -> None:
    """V15.2.2, V5.2.1: the server answers before it reads the body."""
    answer = shop.ask("POST", "/sign-in/" + "A" * 43, data=b"a=" + b"x" * 140_000, content_type=FORM)
    assert answer.status_code == 413
    assert Page(answer.get_data(as_text=True)).heading == "That is too large"


PLACES = [
    "/sign-in",
    "/sign-out",
    "/language",
    "/oauth/logout/confirm",
    "/account/factor/set-up",
    "/account/recovery-codes",
    "/account/password",
    "/account/notice/dismiss",
    "/account/language",
    "/account/factor/remove",
]


@pytest.mark.parametrize("path", PLACES)
def test_every_other_form_survives_any_value(shop: Shop, path: str) -> None:
    """V2.2.1, V16.5.4: with a valid token, every field of every form may have any value."""
    browser = shop.signed_in()
    token = browser.open("/account/security").value("csrf_token")
    for name in ("language", "back", "choice", "request", "password", "current_password", "code"):
        for value in (*STRANGE.values(), *REFUSED.values()):
            body = f"csrf_token={quote_plus(token)}&{name}=".encode() + value
            answer = browser.client.post(path, data=body, content_type=FORM, base_url=browser.issuer)
            assert answer.status_code < 500, (name, value[:30])
            assert answer.headers.get("Location", "/").startswith("/"), (name, value[:30])
            assert not answer.headers.get("Location", "/").startswith("//"), (name, value[:30])
            if path == "/sign-out":
                break
