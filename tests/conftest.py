"""Fixtures: configuration, a database (SQLite, PostgreSQL, or both), the application, people and relying apps."""

import gc
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
from tests.drivers.deadline import (
    pytest_runtest_teardown,  # noqa: F401 — hooks
)
from tests.drivers.machine import REQUIRE_ALL, free_port, leave_out, quick_folder
from tests.drivers.smtp import Mailbox, smtp_server
from tests.factories import Factory

# A machine that is busy with other tests must not make a property look broken.
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
    """Under ``REQUIRE_ALL=1`` a test that is left out has failed."""
    report: Any = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long tests: one that begins last keeps a single worker busy while the others have nothing to do."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """What was imported stays until the end: it need not be looked through for garbage again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name what was left out and how to get it."""
    reasons = {str(report.longrepr[2]).removeprefix("Skipped: ") for report in terminalreporter.stats.get("skipped", [])}
    if reasons:
        terminalreporter.section("Left out")
        for reason in sorted(reasons):
            terminalreporter.line(f"* {reason}")
        terminalreporter.line("`.ci/run` installs what is missing (Debian) and leaves nothing out.")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``both_engines`` runs a test on SQLite and on PostgreSQL."""
    if metafunc.definition.get_closest_marker("both_engines") and "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", ["sqlite", "postgresql"], indirect=True)


@dataclass(frozen=True)
class Live:
    """A served application. ``settings.issuer`` is its address."""

    settings: Settings
    app: Flask
    factory: Factory


def prepare(settings: Settings) -> None:
    """What ``idp run`` does at its first start, long before any test: tables and signing keys.

    The clock ticks here even where the first test that needs this has stopped it: keys are ordered by when they were made.
    """
    with time_machine.travel(LONG_AGO, tick=True), bare_app(settings) as app:
        schema.upgrade(app)
        with app.app_context():
            keys.ensure(settings)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file with signing keys; every test gets a copy."""
    folder = tmp_path_factory.mktemp("template")
    prepare(config.make({"issuer": ISSUER, "secrets": [SECRET], "folder": str(folder)}))
    return folder / "sleutel.sqlite3"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A PostgreSQL with a migrated database ``sleutel_template``."""
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
    """PostgreSQL databases with tables and signing keys, each used by one test after the other."""
    return postgres.Refilled(postgres_server, "sleutel_template")


@pytest.fixture
def postgres_url(migrated_databases: postgres.Refilled) -> Iterator[str]:
    """The address of a migrated PostgreSQL database in which no test left anything."""
    with migrated_databases.lend() as url:
        yield url


@pytest.fixture
def empty_postgres_url(postgres_server: postgres.Server) -> Iterator[str]:
    """The address of a PostgreSQL database without any table."""
    with postgres_server.fresh() as url:
        yield url


@pytest.fixture
def tmp_path(home: Path) -> Path:
    """An empty folder of this test's. It has the same name for every test of a process, so that applications can be kept."""
    for left in home.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    return home


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """Where the tests of this process keep their files."""
    with tempfile.TemporaryDirectory(prefix="sleutel-tests-", dir=quick_folder(), ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """``sqlite`` or ``postgresql``."""
    return str(getattr(request, "param", ENGINE))


@pytest.fixture
def database_url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a fresh, migrated database of ``engine``."""
    if engine == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    file = tmp_path / "sleutel.sqlite3"
    shutil.copy(request.getfixturevalue("sqlite_template"), file)
    return f"sqlite:///{file}"


@pytest.fixture
def configure(tmp_path: Path, database_url: str) -> Callable[..., Settings]:
    """Make settings: ``configure(mail={"host": …})`` puts sections over the defaults of tests."""

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
    """Settings with a fresh database and cheap hashing."""
    return configure()


@pytest.fixture
def database(settings: Settings) -> Iterator[Flask]:
    """The database alone, with a context open: for floors 0 to 3."""
    with bare_app(settings) as app, app.app_context():
        yield app


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The whole application, as ``idp run`` serves it."""
    with whole_app(settings) as made:
        yield made


@pytest.fixture
def browser(app: Flask, settings: Settings) -> Browser:
    """A browser that knows nothing yet."""
    return Browser(app, settings.issuer)


@pytest.fixture
def new_browser(app: Flask, settings: Settings) -> Callable[..., Browser]:
    """Further browsers: ``new_browser(languages="nl")``."""
    return lambda **options: Browser(app, settings.issuer, **options)


@pytest.fixture(scope="session")
def chromium() -> Iterator[playwright.sync_api.Browser]:
    """A real browser, shared by the tests of a process; contexts are theirs alone."""
    executable = chromium_driver.find_chromium()
    if executable is None:
        leave_out("Chromium", chromium_driver.HOW)
    with playwright.sync_api.sync_playwright() as driver:
        browser = chromium_driver.launch(driver, executable)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def own_port() -> int:
    """Where this process serves applications: always the same, so that they can be kept."""
    return free_port()


@pytest.fixture
def live(configure: Callable[..., Settings], own_port: int) -> Iterator[Live]:
    """The whole application on ``http://localhost:PORT``, which is its issuer."""
    settings = configure(issuer=f"http://localhost:{own_port}")
    with whole_app(settings) as app, _served(settings, app, own_port) as served:
        yield served


@pytest.fixture
def own_live(configure: Callable[..., Settings], own_port: int) -> Iterator[Live]:
    """As ``live``, of an application that nobody has asked anything: routes can be added to it."""
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
    """A page in a fresh English profile; ``chromium_driver.new_context`` makes others."""
    context = chromium_driver.new_context(chromium)
    yield context.new_page()
    context.close()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A real SMTP server without encryption."""
    with smtp_server() as running:
        yield running


@pytest.fixture
def factory(settings: Settings, request: pytest.FixtureRequest) -> Iterator[Factory]:
    """Makes organisations, people and clients in this test's database."""
    with bare_app(settings) as app:
        yield Factory(settings, app)


@pytest.fixture
def locks_in_order() -> Iterator[None]:
    """Fail where a transaction on PostgreSQL locks rows in another order than ``LOCK_ORDER``."""
    with lock_order.watched() as faults:
        yield
    assert not faults
