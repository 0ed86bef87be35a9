"""Static files are kept for ever under names that hold their digest, and compressed; pages never are (BREACH)."""

import gzip
import re

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from idp.config import Settings
from idp.db import transaction
from idp.identity.organisations import shops
from idp.web.assets import static_files
from tests.drivers.browser import Browser
from tests.drivers.roles import one_of_each, sign_in
from tests.factories import BY_TESTS, Factory
from tests.web.conftest import Shop

FIRST_VISIT = 60_000
"""Bytes that a first visit to a page of the console may take."""
NAMED = re.compile(r'(?:href|src)="(/static/[^"]+)"')
HEAVIEST = ("people", "people/add", "settings", "audit")


def get(app: Flask, path: str, **headers: str) -> TestResponse:
    return app.test_client().get(path, base_url="https://id.example.com", headers=headers)


def test_a_file_is_immutable_under_its_digest_and_compressed_where_that_helps(app: Flask) -> None:
    """Browsers ask once. Those that take no gzip get the same bytes."""
    for name, file in static_files().items():
        plain, packed = (
            get(app, f"/static/{file.address}"),
            get(app, f"/static/{file.address}", **{"Accept-Encoding": "br, gzip"}),
        )
        for answer in (plain, packed):
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert answer.headers["Vary"] == "Accept-Encoding"
            assert answer.headers["Content-Type"].split(";")[0] == file.kind
        assert plain.data == file.body
        assert "Content-Encoding" not in plain.headers
        if name.endswith((".css", ".js")):
            assert packed.headers["Content-Encoding"] == "gzip"
            assert gzip.decompress(packed.data) == file.body
            assert len(packed.data) < len(file.body)


@pytest.mark.parametrize("accepted", ["identity", "gzip;q=0", "br", ""])
def test_a_client_without_gzip_gets_the_file_as_it_is(app: Flask, accepted: str) -> None:
    """RFC 9110 §12.5.3."""
    answer = get(app, f"/static/{static_files()['css/theme.css'].address}", **{"Accept-Encoding": accepted})
    assert answer.data == static_files()["css/theme.css"].body


def test_a_file_is_not_found_without_its_own_digest(app: Flask) -> None:
    """An old page must not get a new style, nor a proxy keep one file under the name of another."""
    address = static_files()["css/theme.css"].address
    digest = address.split(".")[1]
    for wrong in ("css/theme.css", address.replace(digest, "0" * 12), address.replace(digest, digest[:-1])):
        answer = get(app, f"/static/{wrong}")
        assert answer.status_code == 404, wrong
        assert "immutable" not in answer.headers["Cache-Control"]


def test_a_kept_file_is_confirmed_without_its_body(app: Flask) -> None:
    """RFC 9110 §13.1.2: both forms of a file have a validator of their own."""
    address = f"/static/{static_files()['css/theme.css'].address}"
    tags = [get(app, address, **accepted).headers["ETag"] for accepted in ({}, {"Accept-Encoding": "gzip"})]
    assert tags[0] != tags[1]
    again = get(app, address, **{"If-None-Match": tags[0]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_page_is_never_compressed(shop: Shop) -> None:
    """BREACH: a page holds a token against forged requests beside what was sent with the request."""
    browser = shop.at_password()
    answer = browser.client.get(browser.url, base_url=shop.settings.issuer, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("number_of_shops", [40, 50, 51, 250])
def test_a_first_visit_to_the_console_weighs_little(
    app: Flask, settings: Settings, factory: Factory, number_of_shops: int
) -> None:
    """A page and all that it loads, as they are sent to a browser that takes gzip, are below 60 kB in any chain."""
    anna = one_of_each(factory)["administrator"]
    with factory.context(), transaction():
        for number in range(number_of_shops):
            shops.create(anna.organisation_id, {"code": f"ams-{number}", "name": f"Amsterdam {number:03}"}, BY_TESTS)
    for number in range(60):
        factory.make_user(anna.organisation_id, f"employee-{number}", email=f"employee-{number}@shoes.example")
    page = sign_in(Browser(app, settings.issuer, languages="nl"), anna)
    for place in HEAVIEST:
        page.open(f"/admin/example-shoes/{place}")
        assert page.status == 200, place
        loaded = {path: get(app, path, **{"Accept-Encoding": "gzip"}) for path in set(NAMED.findall(page.html))}
        assert {answer.status_code for answer in loaded.values()} == {200}
        assert len([path for path in loaded if path.endswith(".css")]) == 3
        weights = {"page": len(page.html.encode()), **{path: len(answer.data) for path, answer in loaded.items()}}
        assert sum(weights.values()) < FIRST_VISIT, (place, weights)
