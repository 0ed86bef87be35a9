"""PostgreSQL at an address with options of its own, and behind a pooler that gives every transaction another session."""

from base64 import b64encode
from collections.abc import Callable, Iterator

import psycopg
import pytest
from sqlalchemy import text

from idp import schema
from idp.config import Settings
from idp.db import connection, transaction
from idp.db import connection as current
from tests.conftest import prepare
from tests.drivers import pgbouncer, postgres
from tests.drivers.applications import bare_app, whole_app
from tests.drivers.crowd import Ask, Crowd
from tests.drivers.relying_party import RelyingParty
from tests.factories import Factory
from tests.web.conftest import Shop


@pytest.fixture
def pooled_url(postgres_server: postgres.Server) -> Iterator[str]:
    """Return the address of an empty database behind PgBouncer in transaction mode."""
    with postgres_server.fresh() as url:
        name = url.partition("@/")[2].partition("?")[0]
        with pgbouncer.bouncing(postgres_server, name) as pooled:
            yield pooled


def test_everything_works_through_a_pooler_in_transaction_mode(
    pooled_url: str, configure: Callable[..., Settings], crowd: Crowd, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Migrations, sign-ins and refreshes work from four processes on two connections.
    Each statement runs more often than psycopg waits before it prepares it.
    """
    settings = configure(database={"url": pooled_url})
    prepare(settings)
    with whole_app(settings) as app, bare_app(settings) as bare:
        factory = Factory(settings, bare)
        shoes = factory.make_organisation(settings={"offer_set_up": False}, owner=True)
        ann = factory.make_user(shoes, "ann", with_totp=True)
        made = factory.make_client(grant_types=["authorization_code", "refresh_token"])
        party = RelyingParty(app, settings.issuer, made.client_id, made.redirect_uri, secret=made.secret)
        shop = Shop(app, settings, factory, shoes, ann, made, party)
        token = party.callback(shop.signed_in(scope="openid offline_access").left_for).refresh_token
    form = [("grant_type", "refresh_token"), ("refresh_token", token)]
    basic = b64encode(f"{made.client_id}:{made.secret}".encode()).decode()
    asks = [Ask("/oauth/token", form, headers={"Authorization": f"Basic {basic}"}) for _ in range(16)]
    answers = crowd.at_once(settings, tmp_path_factory.mktemp("crowd"), asks)
    assert [one.status for one in answers] == [200] * 16, {one.body for one in answers if one.status != 200}


def test_a_connection_without_pooler_prepares_statements(postgres_url: str, configure: Callable[..., Settings]) -> None:
    """Prepared statements are faster, and safe without a pooler. An option in the address decides in the end."""
    for options, wanted in (("", 5), ("&prepare_threshold=0", None), ("&prepare_threshold=7", 7)):
        with bare_app(configure(database={"url": postgres_url + options})) as app, app.app_context():
            raw = connection().connection.dbapi_connection
            assert raw.prepare_threshold == wanted


def test_options_of_the_address_take_effect(empty_postgres_url: str, configure: Callable[..., Settings]) -> None:
    """Schema, time zone, limits and application name are those of the address."""
    with psycopg.connect(empty_postgres_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA shops")
    given = "-csearch_path%3Dshops%20-cTimeZone%3DAsia/Tokyo%20-cstatement_timeout%3D7777"
    url = f"{empty_postgres_url}&options={given}&application_name=till&connect_timeout=9"
    settings = configure(database={"url": url})
    prepare(settings)
    with bare_app(settings) as app, app.app_context():
        assert schema.is_current(app)
        with transaction():
            shown = {name: current().execute(text(f"SHOW {name}")).scalar() for name in (
                "search_path", "timezone", "statement_timeout", "application_name")}  # fmt: skip
    assert shown == {
        "search_path": "shops", "timezone": "Asia/Tokyo", "statement_timeout": "7777ms", "application_name": "till",
    }  # fmt: skip
    with psycopg.connect(empty_postgres_url) as connection:
        found = connection.execute("SELECT DISTINCT schemaname FROM pg_tables WHERE tablename IN ('users', 'clients')")
        assert found.fetchall() == [("shops",)]
    with whole_app(settings) as app:
        assert app.test_client().get("/readyz", base_url=settings.issuer).status_code == 200
