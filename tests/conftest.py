"""Provide fixtures: configuration, a database (SQLite, PostgreSQL, or both), the application, people and relying apps."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis
import playwright.sync_api
import pytest
import time_machine
from flask import Flask

from idp import config, keys, schema
from idp.app import create_app
from idp.config import Settings
from tests.drivers import chromium as chromium_driver
from tests.drivers import lock_order, postgres
from tests.drivers.applications import bare_app, close, whole_app
from tests.drivers.browser import Browser
from tests.drivers.crowd import Crowd, gathered
from tests.drivers.idp_process import Database
from tests.drivers.machine import REQUIRE_ALL, free_port, leave_out, quick_folder
from tests.drivers.smtp import Mailbox, smtp_server
from tests.factories import Factory

pytest_plugins = ["tests.drivers.collection", "tests.drivers.deadline"]

# A machine that is busy with other tests must not fail a property.
hypothesis.settings.register_profile("sleutel", deadline=None)
hypothesis.settings.load_profile("sleutel")

ISSUER = "https://id.example.com"
ENGINE = os.environ.get("ENGINE", "sqlite")
"""``ENGINE=postgresql make test`` runs every test there; tests marked ``both_engines`` run on each anyway."""
SECRET = config.new_ring_entry("test")
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)
CHEAP = {"argon2_memory_kib": 64, "argon2_passes": 1}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Count a skipped test as failed under ``REQUIRE_ALL=1``."""
    report: Any = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name the skipped tests, and how to get what they need."""
    reasons = {str(report.longrepr[2]).removeprefix("Skipped: ") for report in terminalreporter.stats.get("skipped", [])}
    if reasons:
        terminalreporter.section("Left out")
        for reason in sorted(reasons):
            terminalreporter.line(f"* {reason}")
        terminalreporter.line("`.ci/run` installs what is missing (Debian) and leaves nothing out.")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test marked ``both_engines`` on SQLite and on PostgreSQL."""
    if metafunc.definition.get_closest_marker("both_engines") and "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", ["sqlite", "postgresql"], indirect=True)


@dataclass(frozen=True)
class Live:
    """Hold a served application. ``settings.issuer`` is its address."""

    settings: Settings
    app: Flask
    factory: Factory


def prepare(settings: Settings) -> None:
    """Make tables and signing keys, as ``idp run`` does at its first start, dated long before any test.

    The clock ticks here even if the first test that needs this has stopped it, because keys are ordered by their time.
    """
    with time_machine.travel(LONG_AGO, tick=True), bare_app(settings) as app:
        schema.upgrade(app)
        with app.app_context():
            keys.ensure(settings)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a migrated SQLite file with signing keys. Every test gets a copy."""
    folder = tmp_path_factory.mktemp("template")
    prepare(config.make({"issuer": ISSUER, "secrets": [SECRET], "folder": str(folder)}))
    return folder / "sleutel.sqlite3"


@pytest.fixture(scope="session")
def crowd() -> Iterator[Crowd]:
    """Start four processes that send requests at the same moment."""
    with gathered() as started:
        yield started


@pytest.fixture(scope="session")
def made_database(sqlite_template: Path) -> Database:
    """Give a database for an installation of its own (``new_installation``)."""
    return Database(sqlite_template, SECRET)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """Start a PostgreSQL with a migrated database ``sleutel_template``."""
    binaries = postgres.find_binaries()
    if binaries is None:
        leave_out("PostgreSQL", postgres.HOW)
    with postgres.running(binaries) as server:
        server.execute("CREATE DATABASE sleutel_template TEMPLATE template0")
        url = server.url("sleutel_template")
        prepare(config.make({"issuer": ISSUER, "secrets": [SECRET], "database": {"url": url}}))
        yield server


@pytest.fixture(scope="session")
def migrated_databases(postgres_server: postgres.Server) -> postgres.Refilled:
    """Keep PostgreSQL databases with tables and signing keys. Tests use each of them one after the other."""
    return postgres.Refilled(postgres_server, "sleutel_template")


@pytest.fixture
def postgres_url(migrated_databases: postgres.Refilled) -> Iterator[str]:
    """Give the address of a migrated PostgreSQL database without rows of other tests."""
    with migrated_databases.lend() as url:
        yield url


@pytest.fixture
def empty_postgres_url(postgres_server: postgres.Server) -> Iterator[str]:
    """Give the address of a PostgreSQL database without tables."""
    with postgres_server.fresh() as url:
        yield url


@pytest.fixture
def tmp_path(home: Path) -> Path:
    """Give an empty folder to this test, of the same name for every test of a process, so that applications are kept."""
    for left in home.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    return home


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """Give the folder for the files of this process's tests."""
    with tempfile.TemporaryDirectory(prefix="sleutel-tests-", dir=quick_folder(), ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """Give ``sqlite`` or ``postgresql``."""
    return str(getattr(request, "param", ENGINE))


@pytest.fixture
def database_url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of a fresh, migrated database of ``engine``."""
    if engine == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    file = tmp_path / "sleutel.sqlite3"
    shutil.copy(request.getfixturevalue("sqlite_template"), file)
    return f"sqlite:///{file}"


@pytest.fixture
def configure(tmp_path: Path, database_url: str) -> Callable[..., Settings]:
    """Give a function that makes settings: ``configure(mail={"host": …})`` changes sections of the defaults of tests."""

    def _make(**over: Any) -> Settings:
        values: dict[str, Any] = {
            "issuer": ISSUER,
            "secrets": [SECRET],
            "folder": str(tmp_path),
            "database": {"url": database_url},
            "passwords": CHEAP,
        }
        for key, value in over.items():
            values[key] = {**values.get(key, {}), **value} if isinstance(value, dict) else value
        return config.make(values)

    return _make


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Give settings with a fresh database and cheap hashing."""
    return configure()


@pytest.fixture
def database(settings: Settings) -> Iterator[Flask]:
    """Open the database alone, with a context: for floors 0 to 3."""
    with bare_app(settings) as app, app.app_context():
        yield app


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """Give the whole application, as ``idp run`` serves it."""
    with whole_app(settings) as made:
        yield made


@pytest.fixture
def browser(app: Flask, settings: Settings) -> Browser:
    """Give a browser without cookies."""
    return Browser(app, settings.issuer)


@pytest.fixture
def new_browser(app: Flask, settings: Settings) -> Callable[..., Browser]:
    """Give a function that makes more browsers: ``new_browser(languages="nl")``."""
    return lambda **options: Browser(app, settings.issuer, **options)


@pytest.fixture(scope="session")
def chromium() -> Iterator[playwright.sync_api.Browser]:
    """Start a real browser, which the tests of a process share. Each test has contexts of its own."""
    executable = chromium_driver.find_chromium()
    if executable is None:
        leave_out("Chromium", chromium_driver.HOW)
    with playwright.sync_api.sync_playwright() as driver:
        browser = chromium_driver.launch(driver, executable)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def own_port() -> int:
    """Give the port on which this process serves applications. It never changes, so that they can be kept."""
    return free_port()


@pytest.fixture
def live(configure: Callable[..., Settings], own_port: int) -> Iterator[Live]:
    """Serve the whole application on ``http://localhost:PORT``, which is its issuer."""
    settings = configure(issuer=f"http://localhost:{own_port}")
    with whole_app(settings) as app, _served(settings, app, own_port) as served:
        yield served


@pytest.fixture
def own_live(configure: Callable[..., Settings], own_port: int) -> Iterator[Live]:
    """Serve an application that has not answered a request yet, so that routes can be added to it."""
    settings = configure(issuer=f"http://localhost:{own_port}")
    app = create_app(settings)
    try:
        with _served(settings, app, own_port) as served:
            yield served
    finally:
        close(app)


@contextmanager
def _served(settings: Settings, app: Flask, port: int) -> Iterator[Live]:
    with chromium_driver.serving(app, port), bare_app(settings) as bare:
        yield Live(settings, app, Factory(settings, bare))


@pytest.fixture
def page(chromium: playwright.sync_api.Browser) -> Iterator[playwright.sync_api.Page]:
    """Open a page in a fresh English profile. ``chromium_driver.new_context`` makes others."""
    context = chromium_driver.new_context(chromium)
    yield context.new_page()
    context.close()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """Start a real SMTP server without encryption."""
    with smtp_server() as running:
        yield running


@pytest.fixture
def factory(settings: Settings, request: pytest.FixtureRequest) -> Iterator[Factory]:
    """Give a factory of organisations, people and clients in this test's database."""
    with bare_app(settings) as app:
        yield Factory(settings, app)


@pytest.fixture
def locks_in_order() -> Iterator[None]:
    """Fail if a transaction on PostgreSQL locks rows in another order than ``LOCK_ORDER``."""
    with lock_order.watched() as faults:
        yield
    assert not faults
