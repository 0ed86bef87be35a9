"""Connections to PostgreSQL can end while they wait in the pool, or within a transaction."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, PendingRollbackError

from idp import outage
from idp.config import Settings
from idp.db import connection, forget_reads, release, transaction
from idp.store import names, organisations
from tests.drivers.applications import bare_app
from tests.factories import Factory


@pytest.fixture
def on_postgres(postgres_url: str, configure: Callable[..., Settings]) -> Iterator[Flask]:
    """Return an application whose pool holds a connection."""
    with bare_app(configure(database={"url": f"{postgres_url}&application_name=lost"})) as app, app.app_context():
        yield app


@pytest.fixture
def end_them(postgres_url: str) -> Callable[[], None]:
    """Return a function that ends the application's connections, as a restart or a firewall does."""
    ended = "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE application_name = 'lost'"

    def end() -> None:
        with psycopg.connect(postgres_url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as server:
            found = server.execute(ended).fetchone()
        assert found
        assert found[0] >= 1

    return end


def read() -> None:
    """Read by a statement that is compiled once."""
    assert organisations.organisation("nobody") is None


def write() -> None:
    """Open a transaction that writes."""
    with transaction():
        names.change_organisation("nobody", name="x")


def ask() -> None:
    """Run a statement that is built for one call."""
    assert connection().scalar(text("SELECT 1")) == 1


@pytest.mark.usefixtures("on_postgres")
@pytest.mark.parametrize("act", [read, write, ask])
def test_a_connection_that_was_lost_in_the_pool_is_replaced(end_them: Callable[[], None], act: Callable[[], None]) -> None:
    """The first statement runs again on another connection, as the lost one did no work."""
    act()
    release()
    end_them()
    act()


def test_a_transaction_that_lost_its_connection_is_not_repeated(
    on_postgres: Flask, configure: Callable[..., Settings], end_them: Callable[[], None]
) -> None:
    """Its earlier statements are undone, so no later one may run alone. The next transaction works."""
    organisation_id = Factory(configure(), on_postgres).make_organisation(name="Shoes")

    def rename_twice() -> None:
        with transaction():
            names.change_organisation(organisation_id, name="Boots")
            end_them()
            names.change_organisation(organisation_id, name="Hats")

    with pytest.raises((DBAPIError, PendingRollbackError)) as caught:
        rename_twice()
    assert outage.is_outage(caught.value)
    forget_reads()
    found = organisations.organisation(organisation_id)
    assert found
    assert found.name == "Shoes"
    write()
