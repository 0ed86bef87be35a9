"""The databases of tests on PostgreSQL are refilled, so no test finds what another one left behind."""

import psycopg
import pytest

from tests.drivers import postgres

LEFT = {
    "rows": "INSERT INTO spare (name) VALUES ('left')",
    "deleted rows": "DELETE FROM alembic_version",
    "changed rows": "UPDATE alembic_version SET version_num = '0'",
    "a column": "ALTER TABLE alembic_version ADD COLUMN left_over TEXT",
    "an index": "CREATE INDEX left_over ON spare (name)",
    "a dropped constraint": "ALTER TABLE spare DROP CONSTRAINT spare_name_key",
    "a table": "CREATE TABLE left_over (name TEXT)",
    "a schema": "CREATE SCHEMA left_over",
    "a sequence moved": "SELECT nextval('numbers')",
    "a setting": "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''1MB''', current_database()); END $$",
}
SEEN = """SELECT (SELECT count(*) FROM spare), (SELECT string_agg(version_num, ',') FROM alembic_version),
    (SELECT last_value FROM pg_sequences), current_setting('work_mem'),
    (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace), to_regnamespace('left_over'),
    (SELECT count(*) FROM pg_attribute WHERE attrelid = 'alembic_version'::regclass)"""


@pytest.fixture(scope="module")
def refilled(postgres_server: postgres.Server) -> postgres.Refilled:
    """Return databases like one with a migration, an empty table and an unused sequence."""
    name = postgres_server.create()
    with psycopg.connect(postgres_server.url(name)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('11')")
        connection.execute("CREATE TABLE spare (name TEXT UNIQUE)")
        connection.execute("CREATE SEQUENCE numbers")
    return postgres.Refilled(postgres_server, name)


def test_no_test_finds_what_another_one_left(refilled: postgres.Refilled) -> None:
    """The order of tests must not matter. Neither must a connection that was left open."""
    with refilled.lend() as url, psycopg.connect(url) as connection:
        untouched = connection.execute(SEEN).fetchone()
    for what, statement in LEFT.items():
        with refilled.lend() as url:
            forgotten = psycopg.connect(url, autocommit=True)
            forgotten.execute(statement.encode())
        with refilled.lend() as url, psycopg.connect(url) as connection:
            assert connection.execute(SEEN).fetchone() == untouched, what
        forgotten.close()
