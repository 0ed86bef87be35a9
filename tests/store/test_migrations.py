"""The schema: made by migrations, equal to the tables in ``store``, and taken back again."""

from collections.abc import Callable

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import Connection, inspect, text

from idp import schema
from idp.config import Settings
from idp.db import Base, db, transaction
from idp.identity import odd_names
from idp.identity.users import lookup
from idp.store import organisations, totp, users
from tests.drivers.applications import bare_app


@pytest.mark.both_engines
def test_the_newest_migration_gives_exactly_the_tables_of_the_store(engine: str, database: Flask) -> None:
    """Migrations and tables cannot drift apart: Alembic finds no difference."""
    with db.engine.connect() as connection:
        found = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(found, Base.metadata) == []


@pytest.mark.both_engines
def test_every_migration_can_be_taken_back_and_made_again(
    engine: str, configure: Callable[..., Settings], request: pytest.FixtureRequest
) -> None:
    """Down to nothing and up again; ``is_current`` (what ``/readyz`` asks) tells the truth at each point."""
    fresh = {"url": "sqlite:///fresh.sqlite3"}
    if engine == "postgresql":
        fresh = {"url": request.getfixturevalue("empty_postgres_url")}
    with bare_app(configure(database=fresh)) as app:
        assert not schema.is_current(app)
        schema.upgrade(app)
        assert schema.is_current(app)
        schema.downgrade(app, "base")
        assert not schema.is_current(app)
        with app.app_context():
            assert inspect(db.engine).get_table_names() == ["alembic_version"]
        schema.upgrade(app)
        assert schema.is_current(app)


@pytest.mark.both_engines
def test_upgrading_a_current_database_changes_nothing(engine: str, settings: Settings) -> None:
    """Two starts in a row, or two nodes: the second finds nothing to do."""
    with bare_app(settings) as app:
        schema.upgrade(app)
        assert schema.is_current(app)


@pytest.mark.both_engines
def test_time_zones_take_over_the_claim_zoneinfo_and_give_it_back(
    engine: str, configure: Callable[..., Settings], request: pytest.FixtureRequest
) -> None:
    """0004: a claim that names a zone becomes the person's choice; any other text was no value of the claim."""
    fresh = {"url": "sqlite:///fresh.sqlite3"}
    if engine == "postgresql":
        fresh = {"url": request.getfixturevalue("empty_postgres_url")}
    with bare_app(configure(database=fresh)) as app:
        schema.upgrade(app, "0003")
        with app.app_context(), db.engine.connect().execution_options(writes=True) as connection, connection.begin():
            _insert(connection, "organisations", id="o", store_url="o", name="O", kind="retailer", country="NL",
                    integrations="[]", settings="{}")  # fmt: skip
            for name, claims in (("tim", '{"zoneinfo": "Asia/Tokyo", "gender": "x"}'), ("kim", '{"zoneinfo": "Mars"}')):
                _insert(connection, "users", organisation_id="o", id=name, username=name, username_key=name, name="",
                        locale="", claims=claims, role="employee", all_shops=True, must_change_password=False)  # fmt: skip
        schema.upgrade(app)
        assert _zones(app) == [("kim", "", {}), ("tim", "Asia/Tokyo", {"gender": "x"})]
        schema.downgrade(app, "0003")
        with app.app_context(), db.engine.connect() as connection:
            kept = str(connection.execute(text("SELECT claims FROM users WHERE id = 'tim'")).scalar())
        assert "zoneinfo" in kept
        assert "Asia/Tokyo" in kept
        schema.upgrade(app)
        assert ("tim", "Asia/Tokyo", {"gender": "x"}) in _zones(app)


def test_the_last_accepted_step_stays_spent(configure: Callable[..., Settings]) -> None:
    """0005: the last accepted step of an authenticator becomes a row, and goes back into its column."""
    with bare_app(configure(database={"url": "sqlite:///fresh.sqlite3"})) as app:
        schema.upgrade(app, "0004")
        with app.app_context(), db.engine.connect().execution_options(writes=True) as connection, connection.begin():
            _insert(connection, "organisations", id="o", store_url="o", name="O", kind="retailer", country="NL",
                    integrations="[]", settings="{}", time_zone="")  # fmt: skip
            _insert(connection, "users", organisation_id="o", id="u", username="u", username_key="u", name="", locale="",
                    claims="{}", role="employee", all_shops=True, must_change_password=False, time_zone="")  # fmt: skip
            connection.execute(
                text(
                    "INSERT INTO totp (organisation_id, id, user_id, sealed_secret, last_step, active_since) "
                    "VALUES ('o', 't', 'u', 'x', 59000000, '2026-01-01 00:00:00+00:00')"
                )
            )
        schema.upgrade(app)
        with app.app_context():
            assert totp.spent_steps("o", "t", 0, 10**9) == {59_000_000}
        schema.downgrade(app, "0004")
        with app.app_context(), db.engine.connect() as connection:
            assert connection.execute(text("SELECT last_step FROM totp")).scalar() == 59_000_000


def test_barred_passwords_leave_those_who_are_there_as_they_were(configure: Callable[..., Settings]) -> None:
    """0010: nobody's password is barred or found leaked by the migration, and it goes back without a loss."""
    with bare_app(configure(database={"url": "sqlite:///fresh.sqlite3"})) as app:
        schema.upgrade(app, "0009")
        with app.app_context(), db.engine.connect().execution_options(writes=True) as connection, connection.begin():
            _insert(connection, "organisations", id="o", store_url="o", name="O", kind="retailer", country="NL",
                    integrations="[]", settings="{}", time_zone="")  # fmt: skip
            _insert(connection, "users", organisation_id="o", id="u", username="u", username_key="u", name="", locale="",
                    claims="{}", role="employee", all_shops=True, must_change_password=False, time_zone="",
                    password_hash="made before")  # fmt: skip
        for _ in range(2):
            schema.upgrade(app)
            with app.app_context(), transaction():
                (row,) = users.users("o")
                assert (row.password_hash, row.barred_hashes, row.leaked_found_at) == ("made before", [], None)
                users.change_user("o", "u", barred_hashes=["given up"])
            schema.downgrade(app, "0009")


@pytest.mark.both_engines
def test_a_barred_password_becomes_the_first_of_several(
    engine: str, configure: Callable[..., Settings], request: pytest.FixtureRequest
) -> None:
    """0012: the one barred hash is the list's only one; back again, the newest one stays."""
    fresh = {"url": "sqlite:///fresh.sqlite3"}
    if engine == "postgresql":
        fresh = {"url": request.getfixturevalue("empty_postgres_url")}
    with bare_app(configure(database=fresh)) as app:
        schema.upgrade(app, "0011")
        with app.app_context(), db.engine.connect().execution_options(writes=True) as connection, connection.begin():
            _insert(connection, "organisations", id="o", store_url="o", name="O", kind="retailer", country="NL",
                    integrations="[]", settings="{}", time_zone="")  # fmt: skip
            for name, barred in (("anna", "given up"), ("bob", None)):
                _insert(connection, "users", organisation_id="o", id=name, username=name, username_key=name, name="",
                        locale="", claims="{}", role="employee", all_shops=True, must_change_password=False, time_zone="",
                        barred_hash=barred)  # fmt: skip
        schema.upgrade(app)
        with app.app_context(), transaction():
            assert [row.barred_hashes for row in users.users("o")] == [["given up"], []]
            users.change_user("o", "anna", barred_hashes=["given up", "leaked"])
        schema.downgrade(app, "0011")
        with app.app_context(), db.engine.connect() as connection:
            kept = connection.execute(text("SELECT barred_hash FROM users ORDER BY id")).scalars().all()
        assert kept == ["leaked", None]
        schema.upgrade(app)


@pytest.mark.both_engines
def test_compared_forms_are_renewed_and_look_alikes_kept_apart(
    engine: str, configure: Callable[..., Settings], request: pytest.FixtureRequest
) -> None:
    """0008: invisible characters leave the keys unless somebody has the visible one; twins stay, each under its own key."""
    fresh = {"url": "sqlite:///fresh.sqlite3"}
    if engine == "postgresql":
        fresh = {"url": request.getfixturevalue("empty_postgres_url")}
    with bare_app(configure(database=fresh)) as app:
        schema.upgrade(app, "0007")
        with app.app_context(), db.engine.connect().execution_options(writes=True) as connection, connection.begin():
            _insert(connection, "organisations", id="o", store_url="o", name="O", kind="retailer", country="",
                    integrations="[]", settings="{}", time_zone="")  # fmt: skip
            for number, code in enumerate(("Dam", "dam", "a,b")):
                _insert(connection, "shops", organisation_id="o", id=str(number), code=code, name=code)
                _insert(connection, "groups", organisation_id="o", id=str(number), name=code, requires_mfa=False)
            for name, key in (("a", "anna"), ("b", "an\u200bna"), ("c", "k\u00adim")):
                _insert(connection, "users", organisation_id="o", id=name, username=key, username_key=key, name="",
                        locale="", claims="{}", role="employee", all_shops=True, must_change_password=False,
                        time_zone="")  # fmt: skip
        schema.upgrade(app)
        with app.app_context():
            assert sorted(row.username_key for row in users.users("o")) == ["anna", "an\u200bna", "kim"]
            assert [getattr(lookup.find("o", typed), "id", "") for typed in ("KIM", "anna", "an\u200bna")] == ["c", "a", "b"]
            assert len({row.code_key for row in organisations.shops("o")}) == 3
            assert getattr(organisations.shop_at("o", "DAM"), "code", "") in ("Dam", "dam")
            kinds = [line.removeprefix("o: ").partition(" ")[0] for line in odd_names.found()]
        assert kinds == ["shop", "shop", "group", "group", "user", "user"]
        schema.downgrade(app, "0007")
        schema.upgrade(app)


def _insert(connection: Connection, table: str, **values: object) -> None:
    stamp = {"created_at": "2026-01-01 00:00:00+00:00"} if table in ("organisations", "users") else {}
    columns = {**values, **stamp}
    names, places = ", ".join(columns), ", ".join(f":{name}" for name in columns)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), columns)


def _zones(app: Flask) -> list[tuple[str, str, dict[str, object]]]:
    with app.app_context():
        return [(row.id, row.time_zone, row.claims) for row in users.users("o")]
