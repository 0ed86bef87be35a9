"""Several processes change signing keys at the same moment (I8). One known key is active, never two or none."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

import pytest
from sqlalchemy import delete, update

from idp import clock, crypto, keys
from idp.config import Settings
from idp.db import transaction
from idp.statements import write
from idp.store import operators, signing_keys
from idp.store.signing_keys import SigningKey
from tests.drivers.browser import Browser
from tests.drivers.crowd import PROCESSES, Ask, write_config
from tests.drivers.idp_process import PATIENCE, started
from tests.races.conftest import TIMES, Race, posted

pytestmark = pytest.mark.both_engines


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Wait for the hasher longer than a busy machine needs, because each rotation asks for the password."""
    return configure(passwords={"hash_patience_seconds": 30.0})


def states(race: Race, alg: str) -> dict[str, str]:
    """Return the keys of the algorithm, each with its state."""
    with race.factory.context():
        return {row.kid: keys.state_of(row) for row in signing_keys.all_keys() if row.alg == alg}


def known(race: Race) -> set[str]:
    """Return the keys that apps have had time to learn."""
    with race.factory.context():
        before = clock.now() - keys.PUBLISHED_BEFORE_USE
        return {row.kid for row in signing_keys.published_keys() if row.created_at <= before}


def test_concurrent_rotations_rotate_once(race: Race) -> None:
    """Many requests to rotate cause one rotation. A key is always active, and its successor is published.

    Two of each process are enough: every request makes keys before it learns that another was first.
    """
    with race.factory.context(), transaction():
        home = operators.add_installation(crypto.new_id(), clock.now()).id
    olga = race.factory.make_user(home, "olga", role="administrator", with_totp=True, email="olga@example.org")
    race.factory.make_organisation("boots")
    browser = Browser(race.app, race.settings.issuer).open("/admin/")
    browser.fill(organisation=olga.store_url).submit()
    browser.fill(username=olga.username, password=olga.password).submit()
    browser.fill(code=olga.authenticator.code()).submit()
    browser.open("/admin/installation/keys/rotate")
    ask, before = posted(browser, password=olga.password), {alg: states(race, alg) for alg in keys.ALGORITHMS}
    answers = race.at_once([replace(ask)] * (2 * PROCESSES))
    assert {one.status for one in answers} <= {303, 422, 429, 503}
    assert 303 in {one.status for one in answers}
    for alg in keys.ALGORITHMS:
        after = states(race, alg)
        assert [after[kid] for kid in before[alg]] == ["retired", "active"]
        assert list(after.values()) == ["retired", "active", "next"]


def test_concurrent_rotate_commands_rotate_once(race: Race) -> None:
    """Two operators run ``idp keys rotate``. The second one is told to wait, and every algorithm can sign."""
    before = {alg: states(race, alg) for alg in keys.ALGORITHMS}
    config = write_config(race.settings, race.folder)
    with ExitStack() as both:
        typed = [both.enter_context(started(config, "keys", "rotate")) for _ in range(2)]
        outputs = [process.communicate(timeout=PATIENCE)[0] for process in typed]
    assert [process.returncode for process in typed] == [0, 0], outputs
    assert "".join(outputs).count("signs from now on") == 2, outputs
    for alg in keys.ALGORITHMS:
        after = states(race, alg)
        assert [after[kid] for kid in before[alg]] == ["retired", "active"]
        assert list(after.values()) == ["retired", "active", "next"]


@pytest.mark.parametrize("lost", ["the active key", "all but the retired one"])
def test_concurrent_repairs_activate_a_published_key(race: Race, lost: str) -> None:
    """An algorithm lost its active key.
    A published key replaces it, and no process makes a new key to sign with.
    """
    now = clock.now()
    old = [row.kid for row in _keys(race) if row.alg == "ES256"]
    with race.factory.context(), transaction():
        if lost == "all but the retired one":
            write(update(SigningKey).where(SigningKey.kid == old[0]).values(retired_at=now))
            write(delete(SigningKey).where(SigningKey.kid == old[1]))
        else:
            write(delete(SigningKey).where(SigningKey.kid == old[0]))
    answers = race.at_once([Ask("/oauth/jwks", method="GET")] * TIMES)
    assert {one.status for one in answers} == {200}
    signing = {kid for kid, state in states(race, "ES256").items() if state == "active"}
    assert len(signing) == 1
    assert signing <= known(race) & set(old)


def _keys(race: Race) -> list[SigningKey]:
    with race.factory.context():
        return signing_keys.all_keys()
