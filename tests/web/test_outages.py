"""A database that is locked, full, stopped or killed causes 503 and ``Retry-After``. No data is lost afterwards."""

import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from idp.config import Settings
from tests.conftest import prepare
from tests.drivers import postgres
from tests.drivers.applications import bare_app, whole_app
from tests.drivers.machine import leave_out
from tests.drivers.relying_party import RelyingParty
from tests.factories import Factory
from tests.web.conftest import Shop

IN_MEMORY = ("/livez", "/oauth/jwks", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Set short time limits."""
    return configure(database={"patience_seconds": 0.3})


def refresh(shop: Shop, token: str) -> TestResponse:
    """Use a refresh token."""
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return shop.ask("POST", "/oauth/token", data=form, auth=(shop.made.client_id, shop.made.secret))


def check_machine(answer: TestResponse) -> None:
    """Check the form of RFC 6749 §5.2 and the header of RFC 9110 §10.2.3."""
    assert (answer.status_code, answer.get_json()["error"]) == (503, "temporarily_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["Cache-Control"] == "no-store"


def check_page(answer: TestResponse, words: str) -> None:
    """Check that the page has the reader's language and sets no cookie."""
    assert answer.status_code == 503, answer.status_code
    assert words in answer.get_data(as_text=True)
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert not answer.headers.getlist("Set-Cookie")


def check_memory(shop: Shop) -> None:
    """Check that apps can still verify their tokens."""
    for path in IN_MEMORY:
        assert shop.ask("GET", path).status_code == 200, path


def check_writes_are_refused(shop: Shop, token: str) -> None:
    """Check that reads work and that writes get 503."""
    check_memory(shop)
    check_machine(refresh(shop, token))
    query = urlsplit(shop.party.authorize_url()).query
    answer = shop.ask("GET", "/oauth/authorize", query_string=query)
    sent_back = urlsplit(answer.headers["Location"])
    assert f"{sent_back.scheme}://{sent_back.netloc}{sent_back.path}" == shop.made.redirect_uri
    assert parse_qs(sent_back.query)["error"] == ["temporarily_unavailable"]
    assert parse_qs(sent_back.query)["iss"] == [shop.settings.issuer]
    unknown = query.replace(f"client_id={shop.made.client_id}", "client_id=nobody")
    assert shop.ask("GET", "/oauth/authorize", query_string=unknown).status_code == 400, (
        "there must be no redirect before both are known"
    )


def test_a_held_write_lock_causes_503_until_it_is_released(shop: Shop, settings: Settings) -> None:
    """I10: another program holds SQLite's one lock. Afterwards the same token works."""
    token = shop.party.callback(shop.signed_in(scope="openid offline_access").left_for).refresh_token
    at_password = shop.at_password()
    with sqlite3.connect(settings.database_url.removeprefix("sqlite:///"), isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        check_writes_are_refused(shop, token)
        at_password.fill(username="ann", password=shop.ann.password).submit()
        assert at_password.status == 503
        assert "Nothing was changed" in at_password.text
        other.execute("ROLLBACK")
    assert refresh(shop, token).status_code == 200
    assert shop.ask("GET", "/readyz").status_code == 200


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a file system of 4 MiB."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        leave_out("A small file system", "mounting a tmpfs needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte free."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    with filler.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x")
    return filler


def make_shop(app: Flask, settings: Settings, factory: Factory) -> Shop:
    """Make a shop as the fixture ``shop`` does."""
    shoes = factory.make_organisation(settings={"offer_set_up": False}, owner=True)
    ann = factory.make_user(shoes, "ann", with_totp=True)
    made = factory.make_client(grant_types=["authorization_code", "refresh_token"])
    party = RelyingParty(app, settings.issuer, made.client_id, made.redirect_uri, secret=made.secret)
    return Shop(app, settings, factory, shoes, ann, made, party)


def test_a_full_disk_causes_503_until_there_is_room(configure: Callable[..., Settings], tmp_path: Path) -> None:
    """The test fills a real file system. With room again, the same token works."""
    with small_disk(tmp_path / "small") as disk:
        url = f"sqlite:///{disk / 'sleutel.sqlite3'}"
        settings = configure(database={"url": url, "patience_seconds": 0.3})
        prepare(settings)
        with whole_app(settings) as app, bare_app(settings) as bare:
            shop = make_shop(app, settings, Factory(settings, bare))
            token = shop.party.callback(shop.signed_in(scope="openid offline_access").left_for).refresh_token
            with sqlite3.connect(disk / "sleutel.sqlite3") as other:
                other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            filler = fill(disk)
            check_writes_are_refused(shop, token)
            assert shop.ask("GET", "/readyz").status_code == 503, "a load balancer must use other servers"
            filler.unlink()
            assert refresh(shop, token).status_code == 200
            assert shop.ask("GET", "/readyz").status_code == 200


@pytest.fixture
def own_postgres() -> Iterator[postgres.Server]:
    """Start a PostgreSQL server that the test may stop and kill."""
    binaries = postgres.find_binaries()
    if binaries is None:
        leave_out("PostgreSQL", postgres.HOW)
    with postgres.running(binaries) as server:
        yield server


def test_a_stopped_and_a_killed_postgresql_cause_503(
    own_postgres: postgres.Server, configure: Callable[..., Settings]
) -> None:
    """Requests give up a silent server, and a dead one, in bounded time."""
    own_postgres.execute("CREATE DATABASE outage TEMPLATE template0")
    settings = configure(database={"url": own_postgres.url("outage"), "patience_seconds": 0.5})
    prepare(settings)
    with whole_app(settings) as app, bare_app(settings) as bare:
        shop = make_shop(app, settings, Factory(settings, bare))
        token = shop.party.callback(shop.signed_in(scope="openid offline_access").left_for).refresh_token
        check_memory(shop)
        own_postgres.signal(signal.SIGSTOP)
        check_away(shop, token)
        own_postgres.signal(signal.SIGCONT)
        assert refresh(shop, token).status_code == 200
        assert shop.ask("GET", "/readyz").status_code == 200
        check_read_only(own_postgres, shop, token)
        own_postgres.signal(signal.SIGKILL)
        own_postgres.process.wait(30)
        check_away(shop, token)


def check_read_only(server: postgres.Server, shop: Shop, token: str) -> None:
    """Check a standby after a failover: writes get 503, and so does ``/readyz``."""
    server.execute("ALTER DATABASE outage SET default_transaction_read_only = on")
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'outage'")
    check_machine(refresh(shop, token))
    assert shop.ask("GET", "/readyz").status_code == 503
    server.execute("ALTER DATABASE outage RESET default_transaction_read_only")
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'outage'")
    assert shop.ask("GET", "/readyz").status_code in (200, 503), "503 is possible, as the last connection was lost"
    assert refresh(shop, token).status_code == 200


def check_away(shop: Shop, token: str) -> None:
    """Check that reads get 503 too."""
    check_memory(shop)
    check_machine(refresh(shop, token))
    query = urlsplit(shop.party.authorize_url()).query
    check_page(shop.ask("GET", "/oauth/authorize", query_string=query), "Nothing was changed")
    check_page(shop.ask("GET", "/", headers={"Accept-Language": "nl"}), "niet bereikbaar")
    answer = shop.ask("GET", "/readyz")
    assert (answer.status_code, answer.get_json()) == (503, {"status": "unavailable"})
