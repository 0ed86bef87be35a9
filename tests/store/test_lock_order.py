"""All transactions lock shared rows in one order, as two of them would otherwise deadlock."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from flask import Flask

from idp.config import Settings
from idp.db import transaction
from idp.identity import email_links
from idp.identity.credentials import password_reset
from idp.identity.email_links import Opened
from idp.store import rate_limits, users
from idp.store.users import User
from tests.drivers.applications import bare_app
from tests.drivers.rival import made_to_wait
from tests.factories import BY_TESTS, Factory

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NEW = "violet harbour kettle 9"


@dataclass
class Scene:
    """A user, and a concurrent change of that user's account."""

    app: Flask
    settings: Settings
    counter: tuple[str, str, str]

    def anna(self) -> User:
        """Return the user."""
        found = users.user(*self.counter[:2])
        assert found is not None
        return found

    def choose(self, link: Opened) -> None:
        """Choose a password by a mailed link."""
        password_reset.choose(self.settings, link, NEW, NEW, BY_TESTS)

    def guess(self) -> None:
        """Count one guess, as ``lockout.rate_limits.gate`` does."""
        rate_limits.count_towards_stop(*self.counter, 100, NOW)
        assert rate_limits.admit_guess(*self.counter, "", NOW, [(5, NOW)])

    def waiting(self, deed: Callable[[], object]) -> Future[object]:
        """Start the concurrent change. It waits for the transaction of the test."""
        return made_to_wait(self.app, deed)


@pytest.fixture
def scene(configure: Callable[..., Settings], postgres_url: str, locks_in_order: None) -> Iterator[Scene]:
    """Make the scene on PostgreSQL only, as SQLite has one writer."""
    settings = configure(database={"url": postgres_url})
    with bare_app(settings) as app, app.app_context():
        factory = Factory(settings, app)
        anna = factory.make_user(factory.make_organisation(), "anna")
        yield Scene(app, settings, (anna.organisation_id, anna.id, "totp"))


def test_clearing_failures_holds_no_lock_while_it_waits_for_a_guess(scene: Scene) -> None:
    """V15.4.3: both lock the total row first, wherever the rows are stored. So they never wait for each other."""
    organisation_id, anna_id, _ = scene.counter
    with transaction():
        scene.guess()
    with transaction():
        rate_limits.count_towards_stop(*scene.counter, 100, NOW)  # PostgreSQL stores the row again, after the lane's row
        clearing = scene.waiting(lambda: rate_limits.clear_auth_failures(organisation_id, anna_id))
        assert rate_limits.admit_guess(*scene.counter, "", NOW, [(5, NOW)]), "clearing held the lane's row while it waited"
    assert clearing.result() == 2, "a guess that was counted before the unlock is cleared too"


def test_a_guess_waits_for_the_clearing_of_a_lane(scene: Scene) -> None:
    """V15.4.3: a right guess clears the count. The next guess waits for it, although there is no row to lock."""
    with transaction():
        rate_limits.forget_lane(*scene.counter, "", reopen=False)
        guessing = scene.waiting(scene.guess)
    guessing.result()
    assert {row.count for row in rate_limits.auth_failures_of(*scene.counter[:2])} == {1}


def test_concurrent_unlocks_unlock_once(scene: Scene) -> None:
    """I7, V15.4.3: the second unlock waits for the first. It finds no failures left to clear."""
    organisation_id, anna_id, _ = scene.counter
    with transaction():
        scene.guess()
    with transaction():
        assert rate_limits.clear_auth_failures(organisation_id, anna_id) == 2
        clearing = scene.waiting(lambda: rate_limits.clear_auth_failures(organisation_id, anna_id))
    assert clearing.result() == 0
    assert rate_limits.auth_failures_of(organisation_id, anna_id) == []


def test_the_first_owner_is_created_under_the_lock_of_the_organisation(scene: Scene) -> None:
    """V15.4.3: two new owners at once would each hold the organisation by their row, and wait for the other to own it."""
    factory = Factory(scene.settings, scene.app)
    factory.make_user(factory.make_organisation("toys"), "olga", role="owner", email="olga@toys.example")


def test_a_password_reset_waits_for_a_sign_in(scene: Scene) -> None:
    """V15.4.3, S49: sign-in locks the user's row, then the counter, and then uses the one-time password."""
    organisation_id, anna_id, _ = scene.counter
    with transaction():
        rate_limits.count_towards_stop(organisation_id, anna_id, "password", 100, NOW)
        token = email_links.make(scene.settings, scene.anna(), "reset", {}, email_links.soon(scene.settings))
    link = email_links.opened(scene.settings, token, "reset")
    with transaction():
        users.lock_user(organisation_id, anna_id)
        choosing = made_to_wait(scene.app, lambda: scene.choose(link), begins_itself=True)
        rate_limits.forget_lane(organisation_id, anna_id, "password", "", reopen=False)
        users.change_user(organisation_id, anna_id, last_login_at=NOW)
    choosing.result()
