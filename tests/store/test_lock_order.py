"""Rows that several transactions lock are locked in one order by all of them, or two at once are a deadlock."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from sqlalchemy import text

from idp.config import Settings
from idp.db import session, transaction
from idp.store import limits
from tests.drivers.applications import bare_app
from tests.factories import Factory

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_clearing_holds_nothing_while_it_waits_for_a_guess(configure: Callable[..., Settings], postgres_url: str) -> None:
    """V15.4.3: both lock the row over all lanes first, wherever the rows lie, so that never both wait."""
    settings = configure(database={"url": postgres_url})
    with bare_app(settings) as app, app.app_context(), ThreadPoolExecutor(1) as threads:
        factory = Factory(settings, app)
        anna = factory.make_user(factory.make_organisation(), "anna")
        counter = (anna.organisation_id, anna.id, "totp")

        def clear() -> int:
            with app.app_context(), transaction():
                return limits.clear_failures(anna.organisation_id, anna.id)

        with transaction():
            limits.count_towards_stop(*counter, 100, NOW)
            limits.admit_guess(*counter, "", NOW, [(5, NOW)])
        with transaction():
            limits.count_towards_stop(*counter, 100, NOW)  # PostgreSQL writes it anew, behind the lane's row
            clearing = threads.submit(clear)
            while not session().scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                assert not clearing.done(), "it did not wait"
            assert limits.admit_guess(*counter, "", NOW, [(5, NOW)]), "it held the lane while it waited"
        assert clearing.result() == 2, "the guess was counted before the pardon, so it is pardoned"
