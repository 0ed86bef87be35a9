"""A sign-in has no dead ends and no loops. Its address always leads to the app or page that asked (S5, S60, S61)."""

from collections.abc import Callable
from typing import Any

import pytest

from idp.db import transaction
from idp.oauth import registration
from idp.store import clients
from idp.sweeps import sweep
from tests.drivers.browser import Browser
from tests.drivers.relying_party import Refused
from tests.drivers.words import COOKIES_ARE_BLOCKED, THE_APP_MADE_A_MISTAKE, THIS_APP_IS_DISABLED
from tests.factories import BY_TESTS, Factory, MadePerson

Change = Callable[[], Any]


@pytest.fixture
def ann(factory: Factory, quiet_shoes: str) -> MadePerson:
    return factory.make_user(quiet_shoes, "ann", with_totp=True)


@pytest.fixture
def client(factory: Factory):
    """Create a third-party app, which asks for consent."""
    return factory.make_client("till", first_party=False, scope="openid profile email")


@pytest.fixture
def walk(journey, relying_party, client, ann):
    """Ann's sign-in at that app."""
    return journey(ann, app=relying_party(client))


def change(factory: Factory, **columns: Any) -> None:
    """Change the client in one transaction and with a new version, as the console does."""
    with factory.context(), transaction():
        clients.change_client("till", **columns)


def metadata_with(factory: Factory, **members: Any) -> dict[str, Any]:
    with factory.context():
        row = clients.client("till")
        assert row is not None
        return {**row.metadata_, **members}


CHANGES: dict[str, Callable[[Factory], None]] = {
    "minimum": lambda factory: change(factory, minimum_acr="mfa"),
    "minimum-unreachable": lambda factory: change(factory, minimum_acr="phrh"),
    "no-consent": lambda factory: change(factory, first_party=True),
    "organisations": lambda factory: change(factory, organisations=[factory.make_organisation("other-shop")]),
    "shared": lambda factory: change(factory, shared_device=True),
    "scopes": lambda factory: change(factory, metadata_=metadata_with(factory, scope="openid")),
    "no-scopes": lambda factory: change(factory, metadata_=metadata_with(factory, scope="")),
    "addresses": lambda factory: change(
        factory, metadata_=metadata_with(factory, redirect_uris=["https://else.example/cb"])
    ),
    "disabled": lambda factory: registration_of(factory, registration.disable),
    "deleted": lambda factory: registration_of(factory, registration.remove),
}


def registration_of(factory: Factory, act: Callable[..., Any]) -> None:
    with factory.context():
        act("till", BY_TESTS)


def finish(walk, person: MadePerson) -> str:
    """Answer each step until the browser leaves or an error is shown. Returns the result."""
    for _ in range(8):
        browser: Browser = walk.browser
        if browser.left_for:
            try:
                return str(walk.tokens().acr)
            except Refused as refused:
                return refused.error
        if browser.status >= 400:
            return browser.heading
        if "password" in browser.fields:
            walk.password()
        elif "code" in browser.fields:
            walk.code()
        elif browser.offers("choice=allow"):
            browser.submit("choice=allow")
        else:
            return browser.heading
    raise AssertionError("the sign-in does not end")


@pytest.mark.parametrize("stage", ["password", "code", "consent"])
@pytest.mark.parametrize("what", CHANGES)
def test_a_client_change_during_a_sign_in_makes_no_loop(walk, factory, ann, clock, what: str, stage: str) -> None:
    """S60, RFC 6749 §4.1.2.1: the sign-in ends at the app, in an OAuth error, or at a page that gives the reason."""
    walk.begin(scope="openid profile")
    if stage != "password":
        walk.password()
    if stage == "consent":
        walk.code()
        assert walk.browser.offers("choice=allow")
    CHANGES[what](factory)
    walk.browser.reload()
    came_to = finish(walk, ann)
    plain = {"disabled", "deleted", "addresses"}
    assert (came_to in (THE_APP_MADE_A_MISTAKE, THIS_APP_IS_DISABLED)) == (what in plain), came_to
    assert came_to in {
        "minimum-unreachable": ("unmet_authentication_requirements",),
        "no-scopes": ("invalid_scope",),
        "disabled": (THIS_APP_IS_DISABLED,),
        "organisations": ("Sign in", "pwd", "mfa", "access_denied", "login_required"),
    }.get(what, ("pwd", "mfa", THE_APP_MADE_A_MISTAKE))


def test_scopes_added_during_a_sign_in_need_consent(walk, factory, ann, clock) -> None:
    """OpenID Connect Core §3.1.2.4: a consent covers the scopes that its page named."""
    change(factory, metadata_=metadata_with(factory, scope="openid profile"))
    walk.begin(scope="openid profile email").password().code()
    change(factory, metadata_=metadata_with(factory, scope="openid profile email"))
    walk.browser.submit("choice=allow")
    assert walk.browser.offers("choice=allow"), "a scope was granted without consent"
    walk.browser.submit("choice=allow")
    assert "email" in walk.tokens().raw["scope"]


def test_a_form_sealed_by_an_earlier_version_uses_the_present_client(walk, factory, settings, ann, clock) -> None:
    """S60: an old form contains the client of that time. Only the present client counts."""
    walk.begin(scope="openid")
    held = settings.ring.open_json(walk.browser.value("request"), "attempts:request")
    frozen = {"client_id": "till", "name": "Till", "minimum_level": 5, "organisations": ["gone"], "unknown": 1}
    old = {**held, "minimum_level": 5, "client": frozen, "acr": ["phrh"], "of_a_later_version": True}
    sealed = settings.ring.seal_json(old, "attempts:request")
    change(factory, minimum_acr="mfa")
    walk.browser.forget_cookies()
    form = {"step": "password", "username": "ann", "password": "x", "request": sealed, "csrf_token": "old"}
    walk.browser.send("POST", walk.browser.url, list(form.items()))
    assert walk.browser.value("username") == "ann"
    assert finish(walk, ann) == "mfa"


@pytest.mark.parametrize("params", [{}, {"prompt": "login"}, {"response_mode": "form_post"}])
def test_the_final_address_can_be_requested_twice(walk, ann, clock, params: dict[str, str]) -> None:
    """S60, RFC 6749 §4.1.2: the second request begins the app's request again.
    No sign-in issues two codes or ends in an error.
    """
    address = walk.begin(**params).browser.url
    walk.password().code()
    walk.browser.submit("choice=allow")
    first = walk.app.answer(walk.browser.left_for, walk.browser.left_with or None)["code"]
    clock(minutes=1)
    walk.browser.open(address.replace("/sign-in/", "/oauth/authorize/"))
    if params.get("prompt"):
        assert "password" in walk.browser.fields, "prompt=login accepted an old proof"
        walk.password().code()
    second = walk.app.answer(walk.browser.left_for, walk.browser.left_with or None)["code"]
    assert first != second
    assert walk.app.redeem(second).claims["sub"] == ann.id


def finished(walk) -> str:
    address: str = walk.begin().browser.url
    walk.password().code()
    if walk.browser.offers("choice=allow"):
        walk.browser.submit("choice=allow")
    return address


@pytest.mark.parametrize("days", [0.2, 3, 6])
def test_an_old_address_leads_to_the_app(walk, ann, factory, clock, days: float) -> None:
    """S60, S61: the user goes back after hours or a weekend, finished or not, while the worker runs.
    The sign-in ends in the app.
    """
    done = finished(walk)
    half_way = walk.browser.forget_cookies().open(walk.app.authorize_url()).url
    clock(days=days)
    with factory.context():
        sweep(factory.settings)
    is_known = days < 2  # later the sweep has deleted a browser without a sign-in
    for address, words in ((done, "an earlier sign-in"), (half_way, "out of date" if is_known else "an earlier sign-in")):
        assert words in walk.browser.open(address).text
    assert finish(walk, ann) == "mfa"


def test_lost_cookies_need_only_another_sign_in(walk, ann, clock) -> None:
    """S60: without cookies, a reload, a finished page and the final address lead to the app's sign-in."""
    done = finished(walk)
    for address in (done, done.replace("/sign-in/", "/oauth/authorize/")):
        walk.browser.forget_cookies().open(address)
        assert (walk.browser.status, "password" in walk.browser.fields) == (200, True), address
        assert "out of date" not in walk.browser.text, "a bookmark in a new browser is shown as an expired page"
    clock(minutes=1)
    assert finish(walk, ann) == "mfa"


@pytest.mark.parametrize("path", ["/sign-in/", "/oauth/authorize/"])
def test_an_unknown_sign_in_address_offers_a_way_on(browser: Browser, journey, ann, clock, path: str) -> None:
    """S60: an old bookmark offers to sign in. A signed-in user gets their front page."""
    browser.open(path + "A" * 43)
    assert (browser.status, browser.offers("Sign in")) == (200, True)
    assert "too old" not in browser.text, "the page calls an unknown address too old"
    browser.submit("Sign in").fill(username="ann", password=ann.password).submit()
    browser.fill(code=ann.authenticator.code()).submit()
    assert "Sign out" in browser.open(path + "A" * 43).text
    assert browser.url.endswith("example.com/")


class Forgetful(Browser):
    """A browser that stores no cookies."""

    def _ask(self, *args: Any) -> None:
        self.forget_cookies()
        super()._ask(*args)


@pytest.mark.parametrize("path", ["app", "/account/security", "/admin/", "/sign-in/" + "A" * 43])
def test_blocked_cookies_end_at_a_page_that_says_so(app, settings, walk, path: str) -> None:
    """S60: there is no loop and no endless new sign-in. The page says what to do."""
    blocked = Forgetful(app, settings.issuer)
    blocked.open(walk.app.authorize_url() if path == "app" else path)
    assert blocked.heading == COOKIES_ARE_BLOCKED
    assert len(blocked.hops) < 6


def test_an_old_sign_in_for_a_profile_page_leads_to_that_page(browser: Browser, ann, clock) -> None:
    """S60: the sign-in leads to its page, whether it is finished or expired."""
    address = browser.open("/account/details").url
    browser.fill(username="ann", password=ann.password).submit().fill(code=ann.authenticator.code()).submit()
    assert browser.url.endswith("/account/details")
    for hours in (0, 2):
        clock(hours=hours)
        assert browser.open(address).url.endswith("/account/details") or "password" in browser.fields
    assert "password" in browser.forget_cookies().open(address).fields
    clock(minutes=1)
    browser.fill(username="ann", password=ann.password).submit().fill(code=ann.authenticator.code()).submit()
    assert browser.url.endswith("/account/details")
