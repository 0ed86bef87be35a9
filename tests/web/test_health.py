"""I9: ``/livez`` and ``/readyz`` tell the truth, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from idp import schema
from idp.app import create_app
from idp.config import Settings
from tests.drivers.applications import bare_app, close


def health(app: Flask) -> tuple[int, int]:
    """The statuses of ``/livez`` and ``/readyz``, whose answers say one word."""
    client = app.test_client(use_cookies=False)
    told = [client.get(path, base_url="https://id.example.com") for path in ("/livez", "/readyz")]
    for one in told:
        assert one.get_json() == {"status": "ok" if one.status_code == 200 else "unavailable"}
        assert one.headers["Cache-Control"] == "no-store"
        assert not one.headers.getlist("Set-Cookie")
    return told[0].status_code, told[1].status_code


@pytest.mark.both_engines
def test_a_server_that_can_serve_is_ready(app: Flask) -> None:
    """V13.4.5: alive and ready, without details."""
    assert health(app) == (200, 200)


def test_without_migrations_it_lives_and_is_not_ready(configure: Callable[..., Settings], tmp_path: Path) -> None:
    """I9: an empty database, then its tables (keys are made when first needed); no restart is needed in between."""
    settings = configure(database={"url": f"sqlite:///{tmp_path / 'empty.sqlite3'}"})
    app = create_app(settings)
    try:
        assert health(app) == (200, 503)
        with bare_app(settings) as bare:
            schema.upgrade(bare)
        assert health(app) == (200, 200)
    finally:
        close(app)


def test_with_the_database_away_it_lives_and_is_not_ready(configure: Callable[..., Settings], tmp_path: Path) -> None:
    """I9, V16.5.2: nobody listens where PostgreSQL should be."""
    app = create_app(configure(database={"url": f"postgresql://nobody@/none?host={tmp_path}"}))
    try:
        assert health(app) == (200, 503)
    finally:
        close(app)
