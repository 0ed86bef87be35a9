"""An organisation's logo and colour: where pages show them (S29), how they are served, and how they are set."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO

import pytest
from PIL import Image

from idp.clock import now
from idp.db import transaction
from idp.identity import email_links
from idp.identity.organisations import logos, organisations
from idp.store import logos as store
from idp.web.branding import stylesheet
from tests.drivers import pictures
from tests.drivers.brand import COLOUR, LOGO, STYLE
from tests.drivers.browser import Browser
from tests.drivers.entered_secrets import SECRETS, WRONG
from tests.drivers.relying_party import RelyingParty
from tests.factories import BY_TESTS
from tests.web.conftest import Shop

ATTEMPT = re.compile(r'name="attempt" value="[^"]*"')


def give_brand(shop: Shop, organisation_id: str) -> str:
    """Give an organisation a logo and a colour. Returns the logo's id."""
    with shop.factory.context():
        row = shop.factory.organisation(organisation_id)
        logos.adopt(row, pictures.picture(), BY_TESTS)
        with transaction():
            organisations.change(row, {"settings": {"colour": COLOUR}}, BY_TESTS)
        kept = store.logo_of(organisation_id)
    assert kept is not None
    return kept.id


@dataclass
class Branded:
    """The shop with a brand, and a second one, so that the sign-in must name the organisation."""

    shop: Shop
    other: str
    logo_id: str

    def party(self, **values: object) -> RelyingParty:
        """Return a further app."""
        made = self.shop.factory.make_client("till", **values)
        return RelyingParty(self.shop.app, self.shop.settings.issuer, made.client_id, made.redirect_uri, secret=made.secret)

    def shown_in(self, browser: Browser) -> bool:
        """Return whether the page shows the whole brand. The page must show all of it or nothing."""
        logo, style = LOGO.search(browser.html), STYLE.search(browser.html)
        assert (logo is None) == (style is None)
        assert ("/brand/" in browser.html) == (logo is not None)
        if logo is not None:
            assert logo[1] == f"/brand/{self.logo_id}.png"
            assert logo[2] == "Example Shoes"
        return logo is not None


@pytest.fixture
def branded(shop: Shop) -> Branded:
    """Return two organisations, one of which has a logo and a colour."""
    other = shop.factory.make_organisation("another-shop", name="Another Shop")
    return Branded(shop, other, give_brand(shop, shop.organisation_id))


def typed(branded: Branded) -> Browser:
    """Enter the store URL on a device on which no user has signed in."""
    return branded.shop.at_password().fill(organisation="example-shoes").submit()


def asked(branded: Branded) -> Browser:
    """Name the organisation in a parameter of the request, which any site can write."""
    return branded.shop.at_password(organisation="example-shoes")


def serving_one(branded: Branded) -> Browser:
    """Use an app that serves only that organisation."""
    party = branded.party(organisations=(branded.shop.organisation_id,))
    return branded.shop.browser().open(party.authorize_url())


def serving_two(branded: Branded) -> Browser:
    """Use an app that serves both."""
    party = branded.party(organisations=(branded.shop.organisation_id, branded.other))
    return branded.shop.browser().open(party.authorize_url(organisation="example-shoes"))


def serving_another(branded: Branded) -> Browser:
    """Use an app that serves only the other one."""
    return branded.shop.browser().open(branded.party(organisations=(branded.other,)).authorize_url())


def remembering(branded: Branded) -> Browser:
    """Use a device on which a user of the organisation has signed in."""
    browser = typed(branded).fill(username="ann", password=branded.shop.ann.password).submit()
    browser.fill(code=branded.shop.ann.authenticator.code()).submit()
    branded.shop.allow(browser).open("/").submit("Sign out")
    return browser.open(branded.shop.party.authorize_url())


def remembering_another(branded: Branded) -> Browser:
    """Use a device that remembers the organisation, and enter another one."""
    return remembering(branded).submit("other_organisation").fill(organisation="another-shop").submit()


WHERE: dict[Callable[[Branded], Browser], bool] = {
    typed: False,
    asked: False,
    serving_two: False,
    serving_another: False,
    remembering_another: False,
    serving_one: True,
    remembering: True,
}


@pytest.mark.parametrize("come", WHERE)
def test_a_brand_is_shown_only_where_client_or_device_named_it(branded: Branded, come: Callable[[Branded], Browser]) -> None:
    """S29: the password page shows it, also after a wrong password. A typed or requested name is not enough."""
    browser = come(branded)
    assert "password" in browser.fields
    assert branded.shown_in(browser) is WHERE[come]
    browser.fill(username="ann", password=WRONG).submit()
    assert browser.status == 422
    assert branded.shown_in(browser) is WHERE[come]


def test_a_brand_is_shown_after_the_right_password(branded: Branded) -> None:
    """S29: the brand is no secret then, so the code step, the profile and the front page show it."""
    browser = typed(branded).fill(username="ann", password=branded.shop.ann.password).submit()
    assert "code" in browser.fields
    assert branded.shown_in(browser)
    browser.fill(code=branded.shop.ann.authenticator.code()).submit()
    for path in ("/", "/account/details", "/account/security", "/account/sessions"):
        assert branded.shown_in(browser.open(path)), path


def test_an_installation_for_one_shop_always_shows_its_brand(shop: Shop) -> None:
    """S29: it has nothing to hide, at the front page and on pages beside the sign-in."""
    logo_id = give_brand(shop, shop.organisation_id)
    browser = shop.at_password()
    for path in ("", "/", "/reset", "/welcome"):
        assert f"/brand/{logo_id}.png" in (browser.open(path) if path else browser).html, path


def test_an_unknown_store_url_looks_like_a_branded_one(branded: Branded) -> None:
    """S29, V6.3.8: pages are equal byte for byte, also after a wrong password and at "forgot password"."""

    def seen(store_url: str) -> list[str]:
        pages = []
        for browser in (
            branded.shop.at_password().fill(organisation=store_url).submit(),
            branded.shop.at_password(organisation=store_url),
        ):
            pages.append(browser.html)
            pages.append(browser.fill(username="ann", password=WRONG).submit().html)
            pages.append(browser.click("Forgot").html)
            pages.append(browser.fill(organisation=store_url, username="ann").submit().html)
        return [ATTEMPT.sub("", SECRETS.sub(r"\1…", page)).replace(store_url, "SHOP") for page in pages]

    give_brand(branded.shop, branded.other)
    branded.shop.factory.make_user(branded.other, "ann")
    assert seen("another-shop") == seen("no-such-shop-here")


def test_the_front_page_without_a_session_shows_no_brand(branded: Branded) -> None:
    """S29: neither do the pages for a code on paper and for a forgotten password."""
    for path in ("/", "/reset", "/welcome", "/no-such-page"):
        assert not branded.shown_in(branded.shop.browser().open(path)), path


def test_a_logo_is_served_as_an_image_only(branded: Branded) -> None:
    """V3.2.1, V3.4.3–V3.4.8: it has an exact type, no script and no cookie. Browsers may cache it for ever."""
    answer = branded.shop.ask("GET", f"/brand/{branded.logo_id}.png")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Set-Cookie" not in answer.headers
    assert Image.open(BytesIO(answer.data)).format == "PNG"


def test_a_style_is_served_for_every_colour(branded: Branded) -> None:
    """The address does not reveal organisations. Browsers cache it for ever only under the checksum of this release."""
    found = STYLE.search(remembering(branded).html)
    assert found
    path, _, query = found[1].partition("?")
    answer = branded.shop.ask("GET", path, query_string=query)
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert f"--primary: {COLOUR};" in answer.get_data(as_text=True)
    other = branded.shop.ask("GET", "/brand/ffd400.css")
    assert other.status_code == 200
    assert other.headers["Cache-Control"] == "no-cache"
    assert "Set-Cookie" not in other.headers


@pytest.mark.parametrize(
    "name", ["aaaaaaaaaaaaaaaaaaaaaaaaaa.png", "0b3d91.png", "0B3D91.css", "0b3d9.css", "red.css", "..%2fx.css", ".png", "x"]
)
def test_an_invalid_logo_or_colour_address_is_not_found(branded: Branded, name: str) -> None:
    """The answer is 404, with a page without a brand."""
    answer = branded.shop.ask("GET", f"/brand/{name}")
    assert answer.status_code == 404
    assert answer.headers.get("Cache-Control") == "no-store"


def test_a_stylesheet_contains_variables_only() -> None:
    """V1.2.1: for every colour, the only selector is :root. There is no address and no rule that draws."""
    text = stylesheet("#123456")
    assert re.fullmatch(r":root \{[^{}]*\}\n@media \(prefers-color-scheme: dark\) \{ :root \{[^{}]*\} \}\n", text)
    assert "url(" not in text
    assert all(
        line.strip().startswith("--") for line in re.sub(r"[^;]*\{", "", text).replace("}", "").split(";") if line.strip()
    )


def test_a_mailed_link_shows_its_organisations_brand(branded: Branded) -> None:
    """The mail named the organisation to its reader. The page of a used link shows no brand."""
    with branded.shop.factory.context(), transaction():
        ann = branded.shop.factory.user(branded.shop.ann)
        token = email_links.make(branded.shop.settings, ann, "reset", {}, now() + timedelta(minutes=30))
    assert branded.shown_in(branded.shop.browser().open(f"/reset/{token}"))
    assert not branded.shown_in(branded.shop.browser().open(f"/reset/{token}x"))
