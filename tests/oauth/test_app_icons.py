"""The home page shows the icons of apps: copies that the worker made (S75)."""

import re
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from idp.config import Settings
from idp.db import transaction
from idp.oauth import app_icons
from idp.store import clients
from tests.drivers import pictures
from tests.drivers.app_server import AppServer
from tests.oauth.conftest import Scene

ICON = re.compile(r'<img class="initial" src="(/brand/[a-z2-7]{26}\.png)" alt=""')


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Return settings that let apps of operators be on loopback, where the tests serve them."""
    return configure(outgoing={"allow": ["127.0.0.0/8"]})


@pytest.fixture
def shop(scene: Scene, server: AppServer) -> Scene:
    """Sign in at an app that has an icon of 200 × 100 pixels."""
    server.documents = {"/icon.png": pictures.picture("PNG", (200, 100)), "/new.png": pictures.picture("JPEG", (64, 64))}
    scene.tokens(scene.party(client_uri="https://shop.example.com/", logo_uri=f"{server.address}/icon.png"))
    return scene


def fetched(shop: Scene) -> int:
    with shop.factory.context():
        return app_icons.fetch_due(shop.settings)


def icon(shop: Scene) -> str:
    """Return the address of the only icon on the home page; empty if there is none."""
    return next(iter(ICON.findall(shop.browser.open("/").html)), "")


def change(shop: Scene, **columns: Any) -> None:
    with shop.factory.context(), transaction():
        row = clients.client("webshop")
        assert row is not None
        clients.change_client("webshop", metadata_={**row.metadata_, **columns})


@pytest.mark.both_engines
def test_the_worker_copies_the_icon_of_an_app(engine: str, shop: Scene, server: AppServer) -> None:
    """Browsers load the copy from us: a small PNG that they may keep. The app's server is asked once in a week."""
    assert icon(shop) == ""
    assert (fetched(shop), fetched(shop)) == (1, 0)
    answer = shop.browser.client.get(icon(shop), base_url=shop.settings.issuer)
    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    assert "immutable" in answer.headers["Cache-Control"]
    assert Image.open(BytesIO(answer.data)).size == (96, 48)
    assert [one["path"] for one in server.requests] == ["/icon.png"]
    assert "Cookie" not in server.requests[0]["headers"]


def test_a_new_address_gives_another_icon_and_none_leaves_the_letter(shop: Scene, server: AppServer) -> None:
    """What is registered now counts. An address that gives no picture leaves the first letter of the name."""
    fetched(shop)
    first = icon(shop)
    change(shop, logo_uri=f"{server.address}/new.png")
    assert (fetched(shop), icon(shop) not in ("", first)) == (1, True)
    assert shop.browser.client.get(first, base_url=shop.settings.issuer).status_code == 404
    for bad in ("/gone.png", "/page.png"):
        server.documents["/page.png"] = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
        change(shop, logo_uri=server.address + bad)
        assert (fetched(shop), icon(shop), fetched(shop)) == (1, "", 0), bad
    change(shop, logo_uri=f"{server.address}/icon.png")
    fetched(shop)
    change(shop, logo_uri="")
    assert (fetched(shop), icon(shop)) == (0, "")


def test_an_icon_stays_while_its_server_is_away(shop: Scene, server: AppServer, turned: Any) -> None:
    """After a week the address is asked again: for a new picture. An error is no reason to lose the one that is there."""
    fetched(shop)
    turned.shift(timedelta(days=8))
    server.status = 500
    assert fetched(shop) == 1
    shop.tokens(shop.party())
    assert icon(shop)


def test_nothing_is_fetched_from_our_network_for_an_app_of_administrators(shop: Scene, server: AppServer) -> None:
    """The list of ``[outgoing] allow`` is for apps of operators. What registered itself gets no icon at all."""
    with shop.factory.context(), transaction():
        clients.change_client("webshop", managed_by=shop.person.organisation_id)
    assert fetched(shop) == 1
    assert (server.requests, icon(shop)) == ([], "")


def test_a_picture_that_takes_long_to_decode_leaves_the_letter(shop: Scene, server: AppServer) -> None:
    """ASVS V5.2.6: 64 kB held three thousand passes over ten million pixels, while the worker's mails waited."""
    server.documents = {"/icon.png": pictures.of_many_scans(2_500)}
    assert fetched(shop) == 1
    assert icon(shop) == ""
