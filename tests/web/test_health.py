"""``/livez`` and ``/readyz`` report whether the process runs and can serve, and no more (I9)."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from idp import schema
from idp.app import create_app
from idp.config import Settings
from tests.drivers.applications import bare_app, close


def health(app: Flask) -> tuple[int, int]:
    """Return the statuses of ``/livez`` and ``/readyz``. Each response is one word."""
    client = app.test_client(use_cookies=False)
    answers = [client.get(path, base_url="https://id.example.com") for path in ("/livez", "/readyz")]
    for one in answers:
        assert one.get_json() == {"status": "ok" if one.status_code == 200 else "unavailable"}
        assert one.headers["Cache-Control"] == "no-store"
        assert not one.headers.getlist("Set-Cookie")
    return answers[0].status_code, answers[1].status_code


@pytest.mark.both_engines
def test_a_server_that_can_serve_is_ready(app: Flask) -> None:
    """V13.4.5: it is alive and ready, and reveals no details."""
    assert health(app) == (200, 200)


def test_a_server_without_migrations_is_alive_but_not_ready(configure: Callable[..., Settings], tmp_path: Path) -> None:
    """I9: after the migrations it is ready without a restart. Keys are made at their first use."""
    settings = configure(database={"url": f"sqlite:///{tmp_path / 'empty.sqlite3'}"})
    app = create_app(settings)
    try:
        assert health(app) == (200, 503)
        with bare_app(settings) as bare:
            schema.upgrade(bare)
        assert health(app) == (200, 200)
    finally:
        close(app)


def test_a_server_without_a_database_is_alive_but_not_ready(configure: Callable[..., Settings], tmp_path: Path) -> None:
    """I9, V16.5.2: no PostgreSQL listens at the configured address."""
    app = create_app(configure(database={"url": f"postgresql://nobody@/none?host={tmp_path}"}))
    try:
        assert health(app) == (200, 503)
    finally:
        close(app)
