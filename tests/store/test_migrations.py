"""Migrations make the schema, it equals the tables in ``store``, and every migration can be undone."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import Connection, Table, UniqueConstraint, inspect, text

from idp import schema
from idp.config import Settings
from idp.db import Base, db, transaction
from idp.identity import odd_names
from idp.identity.users import lookup
from idp.store import email_links, organisations, password_resets, sealed, totp, users
from tests.drivers.applications import bare_app
from tests.drivers.people import everybody

SQLITE = "sqlite:///fresh.sqlite3"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def fresh(request: pytest.FixtureRequest, configure: Callable[..., Settings]) -> Settings:
    """Return settings of a database without tables, on the engine of the test or on SQLite."""
    on_postgresql = "engine" in request.fixturenames and request.getfixturevalue("engine") == "postgresql"
    return configure(database={"url": request.getfixturevalue("empty_postgres_url") if on_postgresql else SQLITE})


@pytest.mark.both_engines
def test_the_newest_migration_gives_exactly_the_tables_of_the_store(engine: str, database: Flask) -> None:
    """Alembic finds no difference between migrations and tables."""
    with db.engine.connect() as connection:
        found = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(found, Base.metadata) == []
        assert _names(connection) == {table.name: _wanted(table) for table in Base.metadata.sorted_tables}


@pytest.mark.both_engines
def test_every_migration_can_be_undone_and_repeated(engine: str, fresh: Settings) -> None:
    """The schema is taken down completely and made again. ``is_current``, which ``/readyz`` asks, is right at each point."""
    with bare_app(fresh) as app:
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
    """A second start, or a second process, finds no work."""
    with bare_app(settings) as app:
        schema.upgrade(app)
        assert schema.is_current(app)


@pytest.mark.both_engines
def test_a_zoneinfo_claim_becomes_a_time_zone_and_returns(engine: str, fresh: Settings) -> None:
    """0004: a claim that names a zone becomes the user's choice. Any other text was an invalid value and is dropped."""
    with bare_app(fresh) as app:
        schema.upgrade(app, "0003")
        with app.app_context(), db.engine.connect().execution_options(writes=True) as connection, connection.begin():
            _insert_organisation(connection)
            for name, claims in (("tim", '{"zoneinfo": "Asia/Tokyo", "gender": "x"}'), ("kim", '{"zoneinfo": "Mars"}')):
                _insert_user(connection, name, claims=claims)
        schema.upgrade(app)
        assert _zones(app) == [("kim", "", {}), ("tim", "Asia/Tokyo", {"gender": "x"})]
        schema.downgrade(app, "0003")
        with app.app_context(), db.engine.connect() as connection:
            kept = str(connection.execute(text("SELECT claims FROM users WHERE id = 'tim'")).scalar())
        assert "zoneinfo" in kept
        assert "Asia/Tokyo" in kept
        schema.upgrade(app)
        assert ("tim", "Asia/Tokyo", {"gender": "x"}) in _zones(app)


def test_the_last_accepted_step_stays_used(fresh: Settings) -> None:
    """0005: the last accepted step of an authenticator becomes a row. The downgrade puts it back into its column."""
    with bare_app(fresh) as app:
        schema.upgrade(app, "0004")
        with app.app_context(), db.engine.connect().execution_options(writes=True) as connection, connection.begin():
            _insert_organisation(connection, time_zone="")
            _insert_user(connection, "u", time_zone="")
            connection.execute(
                text(
                    "INSERT INTO totp (organisation_id, id, user_id, sealed_secret, last_step, active_since) "
                    "VALUES ('o', 't', 'u', 'x', 59000000, '2026-01-01 00:00:00+00:00')"
                )
            )
        schema.upgrade(app)
        with app.app_context():
            assert totp.used_steps("o", ["t"], 0, 10**9) == [("t", 59_000_000)]
        schema.downgrade(app, "0004")
        with app.app_context(), db.engine.connect() as connection:
            assert connection.execute(text("SELECT last_step FROM totp")).scalar() == 59_000_000


@pytest.mark.both_engines
def test_the_one_authenticator_app_becomes_the_first_of_several(engine: str, fresh: Settings) -> None:
    """0039: the one app is number 1. Going back keeps the first of each person, and wipes the secrets of the others."""
    columns = "INSERT INTO totp (organisation_id, id, user_id, sealed_secret, active_since, issuer, label"
    with bare_app(fresh) as app:
        schema.upgrade(app, "0038_from_0017")
        with app.app_context(), db.engine.connect().execution_options(writes=True) as connection, connection.begin():
            _insert_organisation(connection, time_zone="")
            for user in ("anna", "bob"):
                _insert_user(connection, user, time_zone="", barred_hashes="[]")
                values = f"VALUES ('o', 'app of {user}', '{user}', :secret, '2026-01-01 00:00:00+00:00', '', '')"
                connection.execute(text(f"{columns}) {values}"), {"secret": b"x"})
        schema.upgrade(app)
        with app.app_context(), transaction():
            assert [(row.number, row.name) for row in totp.active_totps("o", "anna")] == [(1, "")]
            made = {"organisation_id": "o", "user_id": "anna", "sealed_secret": b"y", "issuer": "", "label": ""}
            taken = [totp.add_totp(id=each, number=2, active_since=NOW, **made) for each in ("second", "third")]
            assert taken == [True, False]
        schema.downgrade(app, "0038_from_0017")
        with app.app_context(), db.engine.connect() as connection:
            found = connection.execute(text("SELECT id, sealed_secret FROM totp WHERE removed_at IS NULL ORDER BY id"))
            assert [(row[0], bytes(row[1])) for row in found] == [("app of anna", b"x"), ("app of bob", b"x")]
            gone = connection.execute(text("SELECT sealed_secret FROM totp WHERE removed_at IS NOT NULL"))
            assert [bytes(row[0]) for row in gone] == [b""]


def test_blocked_passwords_leave_existing_users_unchanged(fresh: Settings) -> None:
    """0010: the migration blocks no password and marks none as leaked. Its downgrade loses no data."""
    with bare_app(fresh) as app:
        schema.upgrade(app, "0009")
        with app.app_context(), db.engine.connect().execution_options(writes=True) as connection, connection.begin():
            _insert_organisation(connection, time_zone="")
            _insert_user(connection, "u", time_zone="", password_hash="made before")
        for _ in range(2):
            schema.upgrade(app)
            with app.app_context(), transaction():
                (row,) = everybody("o")
                assert (row.password_hash, row.barred_hashes, row.leaked_found_at) == ("made before", [], None)
                users.change_user("o", "u", barred_hashes=["given up"])
            schema.downgrade(app, "0009")


@pytest.mark.both_engines
def test_a_blocked_password_becomes_the_first_of_several(engine: str, fresh: Settings) -> None:
    """0012: the one blocked hash becomes the only one of the list. The downgrade keeps the newest."""
    with bare_app(fresh) as app:
        schema.upgrade(app, "0011")
        with app.app_context(), db.engine.connect().execution_options(writes=True) as connection, connection.begin():
            _insert_organisation(connection, time_zone="")
            for name, blocked in (("anna", "given up"), ("bob", None)):
                _insert_user(connection, name, time_zone="", barred_hash=blocked)
        schema.upgrade(app)
        with app.app_context(), transaction():
            assert [row.barred_hashes for row in everybody("o")] == [["given up"], []]
            users.change_user("o", "anna", barred_hashes=["given up", "leaked"])
        schema.downgrade(app, "0011")
        with app.app_context(), db.engine.connect() as connection:
            kept = connection.execute(text("SELECT barred_hash FROM users ORDER BY id")).scalars().all()
        assert kept == ["leaked", None]
        schema.upgrade(app)


@pytest.mark.both_engines
def test_comparison_keys_lose_invisible_characters_and_stay_unique(engine: str, fresh: Settings) -> None:
    """0008: an invisible character leaves the key unless another user has the key without it.
    Such users keep their own keys.
    """
    with bare_app(fresh) as app:
        schema.upgrade(app, "0007")
        with app.app_context(), db.engine.connect().execution_options(writes=True) as connection, connection.begin():
            _insert_organisation(connection, time_zone="")
            for number, code in enumerate(("Dam", "dam", "a,b")):
                _insert(connection, "shops", organisation_id="o", id=str(number), code=code, name=code)
                _insert(connection, "groups", organisation_id="o", id=str(number), name=code, requires_mfa=False)
            for name, key in (("a", "anna"), ("b", "an\u200bna"), ("c", "k\u00adim")):
                _insert_user(connection, name, username=key, username_key=key, time_zone="")
        schema.upgrade(app)
        with app.app_context():
            assert sorted(row.username_key for row in everybody("o")) == ["anna", "an\u200bna", "kim"]
            assert [getattr(lookup.find("o", typed), "id", "") for typed in ("KIM", "anna", "an\u200bna")] == ["c", "a", "b"]
            assert len({row.code_key for row in organisations.shops("o")}) == 3
            assert getattr(organisations.shop_at("o", "DAM"), "code", "") in ("Dam", "dam")
            kinds = [line.removeprefix("o: ").partition(" ")[0] for line in odd_names.found()]
        assert kinds == ["shop", "shop", "group", "group", "user", "user"]
        schema.downgrade(app, "0007")
        schema.upgrade(app)


AT = "2026-01-01 00:00:00+00:00"
RENAMED = {
    "address_failures": ("ip_failures", {"purpose": "sign-in", "address": "192.0.2.7", "count": 3, "window_ends": AT}),
    "failures": ("auth_failures", {"organisation_id": "o", "user_id": "u", "authenticator": "totp", "lane": "*",
                                   "count": 4, "last_at": AT}),
    "logins": ("sessions", {"organisation_id": "o", "id": "l", "user_id": "u", "browser_id": "b", "digest": b"d" * 32,
                            "proofs": "[]", "label": "", "address": "", "started_at": AT, "last_seen_at": AT,
                            "idle_until": AT, "ends_at": AT, "ended_why": ""}),
    "login_clients": ("session_clients", {"organisation_id": "o", "login_id": "l", "client_id": "pos", "since": AT}),
    "mailed_links": ("email_links", {"organisation_id": "o", "digest": b"e" * 32, "user_id": "u", "purpose": "reset",
                                     "sealed_values": "", "created_at": AT, "expires_at": AT}),
    "policies": ("dated_rules", {"name": "all", "starts": "2026-01-01", "require": "second_factor", "countries": "[]",
                                 "integrations": "[]", "roles": '["owner"]', "groups": "[]", "organisations": "[]",
                                 "clients": "[]"}),
    "reset_requests": ("password_resets", {"id": "r", "sealed_values": "", "created_at": AT}),
    "spent_steps": ("totp_used_steps", {"organisation_id": "o", "totp_id": "t", "step": 59_000_000, "spent_at": AT}),
}  # fmt: skip
"""A row of each table that migration 0013 renames."""


@pytest.mark.both_engines
def test_renamed_tables_keep_their_rows_and_sealed_values(engine: str, fresh: Settings) -> None:
    """0013: rows, references, indexes and constraints move both ways. Values sealed under the old name still open."""
    link = fresh.ring.seal_json({"to": "x"}, f"mailed_links:sealed_values:{(b'e' * 32).hex()}")
    reset = fresh.ring.seal_json({"typed": "y"}, "reset_requests:sealed_values:r")
    with bare_app(fresh) as app:
        schema.upgrade(app, "0012")
        with app.app_context(), db.engine.connect().execution_options(writes=True) as connection, connection.begin():
            before = _names(connection)
            _insert_organisation(connection, time_zone="")
            _insert_user(connection, "u", time_zone="", barred_hashes="[]")
            _insert(connection, "browsers", id="b", digest=b"c" * 32, locale="", created_at=AT, last_seen_at=AT)
            for old, (_, row) in RENAMED.items():
                sealed_values = {"mailed_links": link, "reset_requests": reset}.get(old)
                _insert(connection, old, **row | ({"sealed_values": sealed_values} if sealed_values else {}))
            rows = _rows(connection, RENAMED)
        schema.upgrade(app)
        with app.app_context(), db.engine.connect() as connection:
            renamed = _rows(connection, {new: () for new, _ in RENAMED.values()})
            assert [[row[: len(old[0])] for row in table] for table, old in zip(renamed, rows, strict=True)] == rows
            assert not inspect(connection).get_table_names().count("logins")
            assert [tuple(row) for row in connection.execute(text("SELECT id, digest FROM browsers"))] == [("b", b"c" * 32)]
            assert _names(connection) == {table.name: _wanted(table) for table in Base.metadata.sorted_tables}
        with app.app_context(), transaction():
            opened = email_links.open_link("o", b"e" * 32, datetime(2025, 12, 31, tzinfo=UTC))
            asked = password_resets.next_password_reset()
            assert opened is not None
            assert asked is not None
            assert sealed.EMAIL_LINKS.open_json(fresh.ring, opened.digest, opened.sealed_values) == {"to": "x"}
            assert sealed.PASSWORD_RESETS.open_json(fresh.ring, asked.id, asked.sealed_values) == {"typed": "y"}
        schema.downgrade(app, "0012")
        with app.app_context(), db.engine.connect() as connection:
            assert _rows(connection, RENAMED) == rows
            assert _names(connection) == before
        schema.upgrade(app)
        with app.app_context(), db.engine.connect().execution_options(writes=True) as connection, connection.begin():
            connection.execute(text("DELETE FROM users"))  # its references lead to the renamed tables
            assert connection.execute(text("SELECT count(*) FROM session_clients")).scalar() == 0


def _rows(connection: Connection, tables: Collection[str]) -> list[list[tuple[object, ...]]]:
    return [[tuple(row) for row in connection.execute(text(f"SELECT * FROM {table}"))] for table in tables]


def _names(connection: Connection) -> dict[str, tuple[str | None, set[str | None], set[str | None]]]:
    """Return the names of each table's primary key, references, and indexes."""
    found = inspect(connection)
    return {
        table: (
            found.get_pk_constraint(table)["name"],
            {one["name"] for one in found.get_foreign_keys(table)},
            {one["name"] for one in found.get_indexes(table)} | {one["name"] for one in found.get_unique_constraints(table)},
        )
        for table in found.get_table_names()
        if table != "alembic_version"
    }


def _wanted(table: Table) -> tuple[str | None, set[str | None], set[str | None]]:
    unique = {str(one.name) for one in table.constraints if isinstance(one, UniqueConstraint)}
    references = {str(one.name) for one in table.foreign_key_constraints}
    return str(table.primary_key.name), references, {str(one.name) for one in table.indexes} | unique


def _insert(connection: Connection, table: str, **values: object) -> None:
    stamp = {"created_at": AT} if table in ("organisations", "users") else {}
    columns = {**values, **stamp}
    names, places = ", ".join(columns), ", ".join(f":{name}" for name in columns)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), columns)


def _insert_organisation(connection: Connection, **more: object) -> None:
    """Insert the organisation ``o``. ``more`` holds columns that it has at that migration."""
    given = {"id": "o", "store_url": "o", "name": "O", "kind": "retailer", "country": "NL", "integrations": "[]"}
    _insert(connection, "organisations", **given, settings="{}", **more)


def _insert_user(connection: Connection, user_id: str, **more: object) -> None:
    """Insert a user of ``o``. The id is the username unless ``more`` names another."""
    named = {"organisation_id": "o", "id": user_id, "username": user_id, "username_key": user_id, "name": "", "locale": ""}
    given = {"claims": "{}", "role": "employee", "all_shops": True, "must_change_password": False}
    _insert(connection, "users", **{**named, **given, **more})


def _zones(app: Flask) -> list[tuple[str, str, dict[str, object]]]:
    with app.app_context():
        return [(row.id, row.time_zone, row.claims) for row in everybody("o")]
