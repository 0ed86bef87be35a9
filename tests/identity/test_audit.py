"""The audit trail: in the transaction, in order, chained (I1)."""

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
from idp.store.organisations import Organisation, change_organisation
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
    """I1: none for a change that did not commit, not even in the commit after it."""

    def break_off() -> None:
        with transaction():
            _record(organisation)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    with transaction():
        change_organisation(organisation.id, name="New")
    assert store.rows(organisation.id) == []
    assert chain.verify(organisation.id) is None


def test_an_undone_savepoint_keeps_what_was_recorded_before_it(organisation: Organisation) -> None:
    """I1: a change that goes on after a value turned out to be taken is recorded in full, and once."""
    taken = Conflict(say("Taken."))
    with transaction():
        _record(organisation, "before")
        with suppress(Conflict), refuse_duplicate("store_url", taken):
            add(Organisation(id=crypto.new_id(), store_url=organisation.store_url, name="Other", created_at=clock.now()))
        _record(organisation, "after")
    assert [row.subject_id for row in store.rows(organisation.id)] == ["before", "after"]
    assert chain.verify(organisation.id) is None


@pytest.mark.both_engines
def test_a_savepoint_does_not_lock_the_chain(organisation: Organisation, engine: str) -> None:
    """I1: the head that every sign-in of an organisation needs is locked at the commit, not at each savepoint before it."""
    told = Seen()
    with watched(told), transaction():
        _record(organisation)
        with refuse_duplicate("name", Conflict(say("Taken."))):
            change_organisation(organisation.id, name="New")
        assert any("UPDATE organisations" in statement for statement in told)
        assert not [statement for statement in told if "audit" in statement]
    assert len(store.rows(organisation.id)) == 1


def test_what_concerns_no_organisation_has_a_chain_of_its_own(organisation: Organisation) -> None:
    """Keys and clients belong to the installation."""
    with transaction():
        record(Origin(), Event.KEY_ROTATED)
        _record(organisation)
    assert store.rows(store.INSTALLATION)[-1].event == "key:rotated"
    assert [row.event for row in store.rows(organisation.id)].count("key:rotated") == 0
    assert chain.verify(store.INSTALLATION) is None
    assert len(store.rows(organisation.id)) == 1


@pytest.mark.parametrize("column", ["event", "outcome", "actor_id", "subject_id", "client_id", "address", "request_id"])
def test_a_changed_column_is_found(organisation: Organisation, column: str) -> None:
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
def test_a_deleted_row_is_found(organisation: Organisation, gone: int, found_at: int) -> None:
    """I1: also the last one, which only the head remembers."""
    for _ in range(3):
        with transaction():
            _record(organisation)
    with transaction():
        write(delete(AuditRow).where(AuditRow.seq == gone))
    fault = chain.verify(organisation.id)
    assert fault is not None
    assert fault.seq == found_at


def test_a_row_whose_data_was_changed_is_found(organisation: Organisation) -> None:
    """I1: data is covered too."""
    with transaction():
        _record(organisation)
    with transaction():
        write(update(AuditRow).values(data={"n": []}))
    assert chain.verify(organisation.id) == chain.ChainError(1, "the row was changed")


@pytest.mark.both_engines
def test_writers_at_the_same_moment_make_one_chain(
    engine: str, organisation: Organisation, at_once: Callable[..., list[None]]
) -> None:
    """I1: two nodes writing at once keep one chain."""

    def act() -> None:
        with transaction():
            _record(organisation)

    at_once(10, act)
    assert [row.seq for row in store.rows(organisation.id)] == list(range(1, 11))
    assert chain.verify(organisation.id) is None


def test_a_failing_audit_table_fails_the_change(organisation: Organisation) -> None:
    """ASVS 16.5.3: fail closed. What cannot be audited does not happen."""
    with transaction():
        connection().execute(text("DROP TABLE audit"))

    def change() -> None:
        with transaction():
            change_organisation(organisation.id, name="New")
            _record(organisation)

    with pytest.raises(DBAPIError, match="audit"):
        change()
    assert connection().scalar(text("SELECT name FROM organisations")) == "Example Shoes"


def test_a_row_added_while_the_chain_is_verified_is_no_fault(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I1: others go on working; only a head to which no rows lead is a fault."""
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
