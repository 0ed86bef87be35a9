"""An organisation and users for the tests of ``idp.identity``, without HTTP and pages."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
from flask import Flask

from idp import clock, config, crypto
from idp.actors import System
from idp.audit import Origin
from idp.config import Settings
from idp.db import transaction
from idp.identity.accounts import accounts
from idp.identity.user_fields import PersonDraft
from idp.store.names import add_organisation
from idp.store.organisations import Organisation
from idp.store.users import User
from tests.identity.traces import Presence

T = TypeVar("T")
CLI = Origin(System("cli"))


@pytest.fixture
def organisation(database: Flask) -> Organisation:
    """Create a shoe shop in the Netherlands."""
    row = Organisation(
        id=crypto.new_id(),
        store_url="example-shoes",
        name="Example Shoes",
        kind="retailer",
        country="NL",
        integrations=[],
        settings={},
        created_at=clock.now(),
    )
    with transaction():
        add_organisation(row)
    return row


@pytest.fixture
def make_user(settings: Settings, organisation: Organisation) -> Callable[..., User]:
    """Return a function that creates users by their details."""

    def make(username: str = "anna", **details: Any) -> User:
        if details.get("role") == "owner":
            details = {"email": f"{username}@shoes.example", "email_verified": True, **details}
        return accounts.create(settings, organisation, PersonDraft.of(username=username, **details), CLI)

    return make


@pytest.fixture
def at_once(database: Flask) -> Callable[[int, Callable[[], T]], list[T]]:
    """Return a function that calls another one so many times at the same moment, each with a database session of its own."""

    def run(times: int, act: Callable[[], T]) -> list[T]:
        start = threading.Barrier(times)

        def one() -> T:
            with database.app_context():
                start.wait()
                return act()

        with ThreadPoolExecutor(times) as threads:
            return [asked.result() for asked in [threads.submit(one) for _ in range(times)]]

    return run


@pytest.fixture
def bare_settings(tmp_path: Path) -> Callable[..., Settings]:
    """Return a function that makes settings for tests without a database."""

    def make(**over: Any) -> Settings:
        cheap = {"argon2_memory_kib": 64, "argon2_passes": 1}
        secrets = [config.new_ring_entry("test")]
        values = {"issuer": "https://id.example.com", "secrets": secrets, "folder": str(tmp_path), "passwords": cheap}
        return config.make({**values, **over})

    return make


@pytest.fixture
def presence(settings: Settings, organisation: Organisation) -> Callable[[User], Presence]:
    """Return a function that gives a user everything that can be ended."""
    return lambda user: Presence(settings, organisation, user)
