"""The audit log is written in the transaction of the change, in order, and chained (I1)."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError

from idp import clock, crypto
from idp.audit import Event, Origin, chain, record
from idp.db import connection, refuse_duplicate, transaction
from idp.errors import Conflict, say
from idp.rows import add
from idp.statements import write
from idp.store import audit as store
from idp.store.audit import AuditRow
from idp.store.names import change_organisation
from idp.store.organisations import Organisation
from tests.drivers.statements import Seen, watched
from tests.identity.conftest import CLI


def _record(organisation: Organisation, subject: str = "someone") -> None:
    record(CLI, Event.USER_CHANGED, organisation_id=organisation.id, subject_id=subject, data={"n": [1, "é"]})


def test_a_record_outside_a_transaction_is_refused(organisation: Organisation) -> None:
    """I1: an audit row belongs to a change."""
    with pytest.raises(RuntimeError):
        _record(organisation)


def test_rows_are_written_in_order_and_the_chain_holds(organisation: Organisation) -> None:
    """I1: one row for each event, in the order in which they happened."""
    with transaction():
        _record(organisation, "first")
        change_organisation(organisation.id, name="New")
        _record(organisation, "second")
    with transaction():
        _record(organisation, "third")
    rows = store.rows(organisation.id)
    assert [(row.seq, row.subject_id) for row in rows] == [(1, "first"), (2, "second"), (3, "third")]
    assert chain.verify(organisation.id) is None


def test_a_rolled_back_change_leaves_no_row(organisation: Organisation) -> None:
    """I1: a change that is not committed writes no row, not even in the next commit."""

    def record_and_fail() -> None:
        with transaction():
            _record(organisation)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        record_and_fail()
    with transaction():
        change_organisation(organisation.id, name="New")
    assert store.rows(organisation.id) == []
    assert chain.verify(organisation.id) is None


def test_a_rolled_back_savepoint_keeps_earlier_audit_rows(organisation: Organisation) -> None:
    """I1: a change may go on after a value was already in use. It is recorded completely and once."""
    taken = Conflict(say("Taken."))
    with transaction():
        _record(organisation, "before")
        with suppress(Conflict), refuse_duplicate("store_url", taken):
            add(Organisation(id=crypto.new_id(), store_url=organisation.store_url, name="Other", created_at=clock.now()))
        _record(organisation, "after")
    assert [row.subject_id for row in store.rows(organisation.id)] == ["before", "after"]
    assert chain.verify(organisation.id) is None


@pytest.mark.both_engines
def test_a_savepoint_does_not_lock_the_audit_chain(organisation: Organisation, engine: str) -> None:
    """I1: every sign-in of an organisation needs the head of its chain. So a change locks the head at the commit only."""
    statements = Seen()
    with watched(statements), transaction():
        _record(organisation)
        with refuse_duplicate("name", Conflict(say("Taken."))):
            change_organisation(organisation.id, name="New")
        assert any("UPDATE organisations" in statement for statement in statements)
        assert not [statement for statement in statements if "audit" in statement]
    assert len(store.rows(organisation.id)) == 1


def test_installation_events_have_their_own_chain(organisation: Organisation) -> None:
    """Keys and clients belong to the installation, not to an organisation."""
    with transaction():
        record(Origin(), Event.KEY_ROTATED)
        _record(organisation)
    assert store.rows(store.INSTALLATION)[-1].event == "key:rotated"
    assert [row.event for row in store.rows(organisation.id)].count("key:rotated") == 0
    assert chain.verify(store.INSTALLATION) is None
    assert len(store.rows(organisation.id)) == 1


@pytest.mark.parametrize("column", ["event", "outcome", "actor_id", "subject_id", "client_id", "address", "request_id"])
def test_verification_finds_a_changed_column(organisation: Organisation, column: str) -> None:
    """I1: the hash covers every column."""
    for _ in range(3):
        with transaction():
            _record(organisation)
    with transaction():
        write(update(AuditRow).where(AuditRow.seq == 2).values({column: "x"}))
    fault = chain.verify(organisation.id)
    assert fault is not None
    assert fault.seq == 2


@pytest.mark.parametrize(("gone", "found_at"), [(1, 1), (2, 2), (3, 2)])
def test_verification_finds_a_deleted_row(organisation: Organisation, gone: int, found_at: int) -> None:
    """I1: the last row is found too. Only the head of the chain names it."""
    for _ in range(3):
        with transaction():
            _record(organisation)
    with transaction():
        write(delete(AuditRow).where(AuditRow.seq == gone))
    fault = chain.verify(organisation.id)
    assert fault is not None
    assert fault.seq == found_at


def test_verification_finds_changed_data(organisation: Organisation) -> None:
    """I1: the hash covers the data."""
    with transaction():
        _record(organisation)
    with transaction():
        write(update(AuditRow).values(data={"n": []}))
    assert chain.verify(organisation.id) == chain.ChainError(1, "the entry was changed")


@pytest.mark.both_engines
def test_concurrent_writers_make_one_chain(
    engine: str, organisation: Organisation, at_once: Callable[..., list[None]]
) -> None:
    """I1: two processes that write at the same moment keep one chain."""

    def act() -> None:
        with transaction():
            _record(organisation)

    at_once(10, act)
    assert [row.seq for row in store.rows(organisation.id)] == list(range(1, 11))
    assert chain.verify(organisation.id) is None


def test_a_change_fails_when_it_cannot_be_audited(organisation: Organisation) -> None:
    """ASVS 16.5.3: the audit log fails closed. A change without its audit row is undone."""
    with transaction():
        connection().execute(text("DROP TABLE audit"))

    def change() -> None:
        with transaction():
            change_organisation(organisation.id, name="New")
            _record(organisation)

    with pytest.raises(DBAPIError, match="audit"):
        change()
    assert connection().scalar(text("SELECT name FROM organisations")) == "Example Shoes"


def test_verification_accepts_rows_added_while_it_runs(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    """I1: other processes go on writing. The chain is broken only where no rows lead to its head."""
    with transaction():
        _record(organisation)
    heads: list[str] = []
    head = store.head

    def after_another_commit(organisation_id: str) -> store.AuditHead | None:
        if not heads:
            heads.append(organisation_id)
            with transaction():
                _record(organisation)
                _record(organisation)
        return head(organisation_id)

    monkeypatch.setattr(store, "head", after_another_commit)
    assert chain.verify(organisation.id) is None
    assert heads
