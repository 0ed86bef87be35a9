"""The schema: made by migrations, equal to the tables in ``store``, and taken back again."""

from collections.abc import Callable

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import inspect

from idp import schema
from idp.config import Settings
from idp.db import Base, db
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
