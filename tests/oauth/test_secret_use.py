"""Each secret of a client: made by which actor, last used, ended at once or with an overlap (S72)."""

import base64
import sqlite3
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from idp import clock
from idp.audit import Event
from idp.errors import Conflict, NotFound
from idp.oauth import registration, secret_changes
from idp.oauth.registration import Ours
from idp.store import audit, client_secrets
from tests.drivers.applications import whole_app
from tests.drivers.secret_signer import assertion
from tests.drivers.statements import counted
from tests.factories import BY_TESTS

METADATA = {"grant_types": ["client_credentials"], "scope": "", "redirect_uris": []}
FORM = {"grant_type": "client_credentials"}


@pytest.fixture
def machine(factory, settings):
    """Register a client of machines. Returns its secret."""
    with factory.context():
        return registration.register(settings, "machine", METADATA, Ours(), None, BY_TESTS)[1]


def by(secret):
    """Return the header by which the client shows a secret."""
    return {"Authorization": "Basic " + base64.b64encode(f"machine:{secret}".encode()).decode()}


@pytest.fixture
def use(ask):
    """Return a function that asks for a token by a secret. It returns the status."""
    return lambda secret: ask("POST", "/oauth/token", headers=by(secret), data=FORM).status_code


def valid(factory):
    """Return the valid secrets, the oldest first."""
    with factory.context():
        return list(client_secrets.valid_secrets("machine", clock.now()))


@pytest.mark.both_engines
def test_an_ended_secret_fails_at_once_in_every_process(app, settings, factory, machine, use, engine):
    """S72: each process keeps clients in memory. The stamp tells all of them that a secret has ended."""
    with factory.context():
        new = secret_changes.rotate_secret(settings, "machine", BY_TESTS, timedelta(days=7))
    with whole_app(settings) as other:
        elsewhere = other.test_client(use_cookies=False)

        def use_elsewhere(secret):
            options = {"base_url": settings.issuer, "headers": by(secret), "data": FORM}
            return elsewhere.post("/oauth/token", **options).status_code

        assert [use(machine), use(new), use_elsewhere(machine), use_elsewhere(new)] == [200] * 4
        leaked = valid(factory)[0].id
        with factory.context():
            assert secret_changes.end_secret("machine", leaked, BY_TESTS) == 1
            with pytest.raises(NotFound):
                secret_changes.end_secret("machine", leaked, BY_TESTS)
        assert [use_elsewhere(machine), use(machine), use_elsewhere(new), use(new)] == [401, 401, 200, 200]
    with factory.context():
        row = audit.rows(audit.INSTALLATION)[-1]
        assert (row.event, row.client_id, row.data) == (Event.CLIENT_SECRET_ENDED, "machine", {"secret_id": leaked})


def test_a_chosen_overlap_holds_for_every_former_secret(factory, settings, machine, use, turned):
    """S72: three secrets were valid, and none could be ended. A shorter overlap shortens an earlier one."""
    with factory.context():
        second = secret_changes.rotate_secret(settings, "machine", BY_TESTS, timedelta(days=7))
        third = secret_changes.rotate_secret(settings, "machine", BY_TESTS, timedelta(hours=1))
    assert [use(one) for one in (machine, second, third)] == [200, 200, 200]
    turned.shift(3601)
    assert [use(one) for one in (machine, second, third)] == [401, 401, 200]
    with factory.context():
        secret_changes.rotate_secret(settings, "machine", BY_TESTS, timedelta(days=7))
        given = "z" * 40
        secret_changes.set_secret(settings, "machine", given, BY_TESTS)
    assert [use(one) for one in (third, given)] == [401, 200], "a given secret replaces all, those of an overlap too"
    assert len(valid(factory)) == 1


def test_no_client_has_more_than_five_valid_secrets(factory, settings, machine, use, turned):
    """S72: each more is one that may leak unnoticed. Those that have ended, or end at once, do not count."""
    with factory.context():
        made = [machine, *(secret_changes.rotate_secret(settings, "machine", BY_TESTS, timedelta(days=7)) for _ in range(4))]
        with pytest.raises(Conflict, match="at most"):
            secret_changes.rotate_secret(settings, "machine", BY_TESTS, timedelta(days=7))
        assert [use(one) for one in made] == [200] * 5
        assert len(valid(factory)) == 5
        secret_changes.end_secret("machine", valid(factory)[0].id, BY_TESTS)
        secret_changes.rotate_secret(settings, "machine", BY_TESTS, timedelta(hours=1))
        turned.shift(3601)
        assert len(valid(factory)) == 1
        secret_changes.rotate_secret(settings, "machine", BY_TESTS, timedelta())
    assert len(valid(factory)) == 1


@pytest.mark.both_engines
def test_the_last_use_is_written_once_an_hour(app, factory, settings, machine, use, turned, engine):
    """S72: the console shows if a secret is still in use. The hot path pays one statement an hour for it."""
    assert valid(factory)[0].last_used_at is None
    assert use("wrong") == 401
    assert valid(factory)[0].last_used_at is None
    writes = []
    for minutes in (0, 1, 58, 2, 1):
        turned.shift(60 * minutes)
        with counted(app) as seen:
            assert use(machine) == 200
        writes.append(len([one for one in seen if one.startswith("UPDATE client_secrets")]))
    assert writes == [1, 0, 0, 1, 0]
    assert valid(factory)[0].last_used_at == clock.now() - timedelta(minutes=1)
    with whole_app(settings) as other:
        options = {"base_url": settings.issuer, "headers": by(machine), "data": FORM}
        with counted(other) as seen:
            assert other.test_client().post("/oauth/token", **options).status_code == 200
    assert not [one for one in seen if one.startswith("UPDATE")], "a fresh process knows what others have noted"


def test_a_database_that_cannot_be_written_to_stops_no_app(app, factory, machine, use, monkeypatch):
    """Introspection and tokens of machines only read. A use that cannot be noted is left out."""

    def fail(*_):
        error = sqlite3.OperationalError("attempt to write a readonly database")
        error.sqlite_errorcode = sqlite3.SQLITE_READONLY
        raise OperationalError("UPDATE", None, error)

    monkeypatch.setattr(client_secrets, "note_use", fail)
    assert [use(machine), use(machine)] == [200, 200]
    assert valid(factory)[0].last_used_at is None


def test_the_use_of_a_secret_that_signs_is_noted(factory, settings, ask):
    """OpenID Connect Core §9: a client_secret_jwt proves the use of one of the secrets."""
    metadata = {**METADATA, "token_endpoint_auth_method": "client_secret_jwt"}
    with factory.context():
        old = registration.register(settings, "machine", metadata, Ours(), None, BY_TESTS)[1]
        secret_changes.rotate_secret(settings, "machine", BY_TESTS)
    proof = assertion("machine", old, settings.issuer)
    assert ask("POST", "/oauth/token", data={**FORM, **proof}).status_code == 200
    first, second = valid(factory)
    assert (first.last_used_at is not None, second.last_used_at) == (True, None)
    assert {first.made_by, second.made_by} == {"cli"}
