"""Rows that several transactions lock are locked in one order by all of them, or two at once are a deadlock."""

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
    """A person, and a concurrent change of that person's account."""

    app: Flask
    settings: Settings
    counter: tuple[str, str, str]

    def anna(self) -> User:
        """The person."""
        found = users.user(*self.counter[:2])
        assert found is not None
        return found

    def choose(self, link: Opened) -> None:
        """Choose a password by a mailed link."""
        password_reset.choose(self.settings, link, NEW, NEW, BY_TESTS)

    def guess(self) -> None:
        """Count one, as ``throttle.gate`` does."""
        rate_limits.count_towards_stop(*self.counter, 100, NOW)
        assert rate_limits.admit_guess(*self.counter, "", NOW, [(5, NOW)])

    def waiting(self, deed: Callable[[], object]) -> Future[object]:
        """The other's deed, which waits for us."""
        return made_to_wait(self.app, deed)


@pytest.fixture
def scene(configure: Callable[..., Settings], postgres_url: str, locks_in_order: None) -> Iterator[Scene]:
    """On PostgreSQL: SQLite has one writer."""
    settings = configure(database={"url": postgres_url})
    with bare_app(settings) as app, app.app_context():
        factory = Factory(settings, app)
        anna = factory.make_user(factory.make_organisation(), "anna")
        yield Scene(app, settings, (anna.organisation_id, anna.id, "totp"))


def test_clearing_holds_nothing_while_it_waits_for_a_guess(scene: Scene) -> None:
    """V15.4.3: both lock the row over all lanes first, wherever the rows lie, so that never both wait."""
    organisation_id, anna_id, _ = scene.counter
    with transaction():
        scene.guess()
    with transaction():
        rate_limits.count_towards_stop(*scene.counter, 100, NOW)  # PostgreSQL writes it again, behind the lane's row
        clearing = scene.waiting(lambda: rate_limits.clear_auth_failures(organisation_id, anna_id))
        assert rate_limits.admit_guess(*scene.counter, "", NOW, [(5, NOW)]), "it held the lane while it waited"
    assert clearing.result() == 2, "the guess was counted before the pardon, so it is pardoned"


def test_what_is_not_counted_yet_is_locked_too(scene: Scene) -> None:
    """V15.4.3: a right guess whose count was cleared in between makes the next one wait, though there is no row to lock."""
    with transaction():
        rate_limits.forget_lane(*scene.counter, "", reopen=False)
        guessing = scene.waiting(scene.guess)
    guessing.result()
    assert {row.count for row in rate_limits.auth_failures_of(*scene.counter[:2])} == {1}


def test_concurrent_unlocks_unlock_once(scene: Scene) -> None:
    """I7, V15.4.3: the second unlock waits for the first, and finds no failures left to clear."""
    organisation_id, anna_id, _ = scene.counter
    with transaction():
        scene.guess()
    with transaction():
        assert rate_limits.clear_auth_failures(organisation_id, anna_id) == 2
        clearing = scene.waiting(lambda: rate_limits.clear_auth_failures(organisation_id, anna_id))
    assert clearing.result() == 0
    assert rate_limits.auth_failures_of(organisation_id, anna_id) == []


def test_a_password_reset_waits_for_a_sign_in(scene: Scene) -> None:
    """V15.4.3, S49: an answer at sign-in locks the person's row, then the counter, then spends the one-time password."""
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
