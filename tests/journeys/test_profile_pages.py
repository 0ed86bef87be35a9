"""Lists of one person are read page by page: a till that many people use has many sessions and tokens."""

from datetime import timedelta

from sqlalchemy import select

from idp import clock as now_clock
from idp import crypto
from idp.db import transaction
from idp.records import changed
from idp.rows import add
from idp.statements import every
from idp.store.clients import Client
from idp.store.consents import Consent
from idp.store.grants import Grant
from idp.store.sessions import UserSession
from tests.drivers.list_pages import leafed_through
from tests.factories import Factory


def test_open_sessions_are_listed_page_by_page(factory: Factory, new_browser, enter, shoes, anna) -> None:
    """Newest first. The person's page in the console has the newest, and leads to the others."""
    jan = factory.make_user(shoes, "jan", totp=True)
    browser = enter(jan, "/account/sessions", new_browser())
    names = [f"Browser {number:03}." for number in range(60)]
    with factory.context(), transaction():
        (own,) = every(select(UserSession).where(UserSession.user_id == jan.id))
        for number, name in enumerate(names, start=1):
            ends_at, digest = own.ends_at - timedelta(minutes=number), crypto.random_bytes(32)
            add(changed(own, id=crypto.new_id(), digest=digest, label=name, ends_at=ends_at))
    assert leafed_through(browser.reload(), names) == [names[:49], names[49:]]
    assert "this browser" in browser.click("Previous page").text
    console = enter(anna, f"/admin/example-shoes/people/{jan.id}")
    assert [name for name in names if name in console.text] == names[:9]
    assert names[9] in console.click("All open sessions").text


def test_connected_apps_are_listed_page_by_page(factory: Factory, journey, quiet_shoes, clock) -> None:
    """Many grants of one app are read as one. It was connected since the first, and used at the last."""
    jan = factory.make_user(quiet_shoes, "jan")
    walk = journey(jan).begin().password()
    walk.tokens()
    names, now = [f"App {number:03}." for number in range(60)], now_clock.now()
    with factory.context(), transaction():
        (held,) = every(select(Grant).where(Grant.user_id == jan.id))
        for days in (3, 2):
            add(changed(held, id=crypto.new_id(), created_at=now - timedelta(days=days), last_used_at=None))
        for number, name in enumerate(names):
            add(Client(client_id=f"app-{number}", metadata_={"client_name": name}, created_at=now))
            here = {"organisation_id": jan.organisation_id, "user_id": jan.id, "client_id": f"app-{number}"}
            add(Consent(**here, scopes=["openid"], given_at=now))
    browser = walk.browser.open("/account/apps")
    assert leafed_through(browser, names) == [names[:50], names[50:]]
    assert browser.text.count("since 20 November 2026") == 1
