"""The organisation's logo and colour in the console: who may set them, and the messages about a wrong upload."""

import pytest

from idp.identity.pictures import MOST_BYTES
from idp.store import logos as store
from tests.drivers import pictures
from tests.drivers.brand import COLOUR, LOGO, STYLE
from tests.drivers.browser import Browser
from tests.web.conftest import Shop

SETTINGS = "/admin/example-shoes/settings"


@pytest.fixture
def console(shop: Shop) -> Browser:
    """Open the settings as an administrator."""
    anna = shop.factory.make_user(
        shop.organisation_id, "anna", role="administrator", with_totp=True, email="anna@shoes.example"
    )
    browser = shop.browser(address="192.0.2.8").open(SETTINGS)
    browser.fill(username="anna", password=anna.password).submit()
    return browser.fill(code=anna.authenticator.code()).submit()


File = tuple[str, bytes]
"""The field and its content."""


def send(shop: Shop, browser: Browser, path: str, *files: File, **fields: str) -> int:
    """Post a form with files, as browsers do. Returns the status."""
    mark = "----of-the-test"
    parts = [f'name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    parts += [f'name="{name}"; filename="logo.png"\r\n\r\n'.encode() + content for name, content in files]
    body = b"".join(f"--{mark}\r\nContent-Disposition: form-data; ".encode() + part + b"\r\n" for part in parts)
    body += f"--{mark}--\r\n".encode()
    browser.response = browser.client.post(
        path,
        base_url=shop.settings.issuer,
        data=body,
        content_type=f"multipart/form-data; boundary={mark}",
        buffered=True,
    )
    if "answer=" in browser.headers.get("Location", ""):
        browser.response = browser.client.get(browser.headers["Location"], base_url=shop.settings.issuer)
    browser._arrive()
    return browser.status


def upload(shop: Shop, browser: Browser, *files: File, at: str = SETTINGS, **fields: str) -> int:
    """Post the form of the logo with its token."""
    return send(shop, browser, f"{at}/logo", *files, csrf_token=browser.value("csrf_token"), **fields)


def test_an_administrator_uploads_a_logo_sees_it_and_removes_it(shop: Shop, console: Browser) -> None:
    """organisation settings: the logo."""
    assert "/brand/" not in console.html
    assert upload(shop, console, ("logo", pictures.see_through("#101010"))) == 303
    console.open(SETTINGS)
    shown = LOGO.findall(console.html)
    assert len(shown) == 3, "the header shows the logo on light and on dark"
    assert {alt for _, alt in shown} == {"Example Shoes"}
    assert console.open(shown[0][0]).status == 200
    console.open(SETTINGS).submit("Remove the logo")
    assert "The logo is removed." in console.text
    assert "/brand/" not in console.html
    assert shop.ask("GET", shown[0][0]).status_code == 404


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (pictures.SVG, "not a supported picture"),
        (b"", "Choose a file first."),
        (pictures.header_of(30_000, 30_000), "too many pixels"),
        (pictures.picture()[:-40], "damaged"),
        (pictures.of_many_scans(2_000), "damaged"),
        (pictures.picture() + bytes(MOST_BYTES), "up to 1 MB"),
        (bytes(3 * MOST_BYTES), "up to 1 MB"),
    ],
)
def test_an_invalid_logo_gets_a_message_beside_its_field(shop: Shop, console: Browser, content: bytes, reason: str) -> None:
    """V2.2.1, V5.2.1: the other settings stay unchanged, and no file is stored."""
    assert upload(shop, console, ("logo", content)) == 422
    assert reason in console.errors[0]
    assert console.value("name") == "Example Shoes"
    with shop.factory.context():
        assert store.logo_of(shop.organisation_id) is None


def test_a_form_over_its_size_limit_is_refused_unread(shop: Shop, console: Browser) -> None:
    """V5.2.1, V4.2.1: this form gets 413 above four megabytes. Every other form has the configured limit."""
    assert upload(shop, console, ("logo", bytes(5 * MOST_BYTES))) == 413
    assert "choose something smaller" in console.text
    console.open(SETTINGS)
    assert send(shop, console, SETTINGS, ("logo", bytes(200_000)), csrf_token=console.value("csrf_token")) == 413


def test_forms_with_unexpected_files_are_refused(shop: Shop, console: Browser) -> None:
    """V15.3.7: this holds for two files, and for one in another field."""
    picture = pictures.picture()
    for others in ((("logo", picture), ("other", picture)), (("logo", picture), ("logo", picture)), (("other", picture),)):
        console.open(SETTINGS)
        assert upload(shop, console, *others) == 400
    with shop.factory.context():
        assert store.logo_of(shop.organisation_id) is None


def test_an_administrator_cannot_set_another_organisations_logo(shop: Shop, console: Browser) -> None:
    """S13, V8.2.2: both upload and removal answer 404 to another organisation's administrator."""
    other = shop.factory.make_organisation("another-shop")
    there, file = "/admin/another-shop/settings", ("logo", pictures.picture())
    assert upload(shop, console, file, at=there) == 404
    console.open(SETTINGS)
    assert upload(shop, console, at=there, remove="yes") == 404
    assert send(shop, console, f"{SETTINGS}/logo", file) == 403, "forms of other sites must be refused"
    with shop.factory.context():
        assert store.logo_of(other) is None


@pytest.mark.parametrize(("written", "stored"), [("#0B3D91", COLOUR), (" 0b3d91 ", COLOUR), ("", ""), ("#", "")])
def test_a_colour_is_accepted_with_or_without_sign_and_capitals(
    shop: Shop, console: Browser, written: str, stored: str
) -> None:
    """organisation settings: an empty field removes the colour."""
    console.fill(colour=written).submit("Save")
    assert " saved." in console.text
    assert console.value("colour") == stored
    assert (STYLE.search(console.html) is not None) == bool(stored)


@pytest.mark.parametrize("written", ["red", "#fff", "#0b3d9g", "0b3d91;}", "#0b3d91 url(//evil.example)"])
def test_an_invalid_colour_is_refused_and_stays_in_its_field(shop: Shop, console: Browser, written: str) -> None:
    """V1.2.1, V2.2.1: only six hex digits ever reach a stylesheet."""
    console.fill(colour=written).submit("Save")
    assert console.status == 422
    assert "as # and six digits" in console.errors[0]
    assert console.value("colour") == written
    assert STYLE.search(console.html) is None
