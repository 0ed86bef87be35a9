"""After `idp restore`, no import of the backup goes on, and no required set-up is forgotten (I3)."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from idp import worker
from idp.actors import Person
from idp.audit import Origin
from idp.errors import Conflict
from idp.identity.credentials import second_factor
from idp.identity.people_import import codes, jobs
from idp.store import jobs as store
from idp.store import organisations, users
from idp.store.organisations import Organisation
from tests.cli.conftest import ANNA, SHOP, Idp
from tests.drivers.applications import bare_app
from tests.factories import BY_TESTS

PETE = ANNA.replace("anna", "pete").replace("Anna", "Pete").replace("totp_secret", "# ").replace("recovery_codes", "# ")


@pytest.fixture
def shop(idp: Idp) -> Idp:
    """Make a shop with an owner, and Pete, who has no second factor."""
    idp.apply(SHOP + PETE)
    return idp


@contextmanager
def opened(idp: Idp) -> Iterator[None]:
    """Open the database, and close it again: a restore needs it for itself."""
    with bare_app(idp.settings) as app, app.app_context():
        yield


def shoes() -> Organisation:
    found = organisations.organisation_at("example-shoes")
    assert found is not None
    return found


def import_started(idp: Idp, username: str) -> store.Job:
    """Start an import of one person with a printed code, by the owner."""
    settings, at = idp.settings, shoes()
    owner = users.user_named(at.id, "olga")
    assert owner is not None
    by = Origin(Person(owner.id))
    job_id = jobs.draft(settings, at, f"username\n{username}\n".encode(), by, prints_codes=True)
    jobs.start(settings, store.job(at.id, job_id), by)
    return store.job(at.id, job_id)


def test_an_import_of_the_backup_is_not_carried_out(shop: Idp) -> None:
    """It may have been discarded since, or done. Codes that it printed are void, so they are not shown either."""
    with opened(shop):
        done = import_started(shop, "kim")
        assert worker.carry_out_jobs(shop.settings) == 1
        waiting = import_started(shop, "liv")
    shop("backup", str(shop.folder / "kept"), "--no-keys")
    with opened(shop):
        jobs.cancel(waiting, BY_TESTS)
    shop("restore", str(shop.folder / "kept"), "--replace")
    with opened(shop):
        assert worker.carry_out_jobs(shop.settings) == 0
        assert users.user_named(shoes().id, "liv") is None
        assert store.job(shoes().id, waiting.id).state == "cancelled"
        with pytest.raises(Conflict):
            codes.show_once(shop.settings, store.job(shoes().id, done.id), BY_TESTS)
        assert not store.lines_with_code(shoes().id, done.id)


def test_a_set_up_that_was_required_since_the_backup_is_required_again(shop: Idp) -> None:
    """S5: nobody gets rid of the requirement by an old copy. The password still works."""
    shop("backup", str(shop.folder / "kept"), "--no-keys")
    with opened(shop):
        pete = users.user_named(shoes().id, "pete")
        assert pete is not None
        assert second_factor.require_set_up(shoes(), pete, BY_TESTS)
    shop("restore", str(shop.folder / "kept"), "--replace")
    with opened(shop):
        pete = users.user_named(shoes().id, "pete")
        assert pete is not None
        assert pete.must_set_up_since is not None
        assert pete.password_hash is not None
