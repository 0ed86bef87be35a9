"""Processes keep tables that change rarely in memory, and a change reaches all processes."""

from contextlib import suppress
from datetime import date

import pytest
from flask import Flask

from idp.db import forget_reads, transaction
from idp.store import dated_rules, kept
from idp.store.dated_rules import StoredRule
from idp.store.kept import Kept


class Process:
    """A process that keeps the names of the dated rules. ``reads`` counts its queries for them."""

    def __init__(self) -> None:
        self.reads = 0
        self._names = Kept(self._read)

    def names(self) -> list[str]:
        """Return the names, as a new request sees them."""
        forget_reads()
        return self._names.get()

    def _read(self) -> list[str]:
        self.reads += 1
        return [row.name for row in dated_rules.dated_rules()]


def add_rule(name: str) -> None:
    """Add a rule, in this transaction or in one of its own."""
    with transaction():
        dated_rules.add_dated_rule(StoredRule(name=name, starts=date(2026, 1, 1), ends=None, require="mfa"))


@pytest.mark.both_engines
def test_a_change_reaches_every_process_at_once(database: Flask, engine: str) -> None:
    """A value is read once for each change, whichever process made it."""
    here, there = Process(), Process()
    add_rule("a")
    for process in (here, there, here, there):
        assert process.names() == ["a"]
    assert (here.reads, there.reads) == (1, 1)
    add_rule("b")
    assert (here.names(), there.names()) == (["a", "b"], ["a", "b"])


@pytest.mark.usefixtures("database")
def test_a_rolled_back_change_is_seen_only_in_its_transaction() -> None:
    """No value that was read within a transaction is kept."""
    process = Process()
    add_rule("a")
    before = (process.names(), kept.stamp())
    with suppress(ZeroDivisionError), transaction():
        add_rule("b")
        assert process.names() == ["a", "b"]
        raise ZeroDivisionError
    assert (process.names(), kept.stamp()) == before


@pytest.mark.usefixtures("database")
def test_the_stamp_is_random_and_not_a_counter() -> None:
    """After a restore, a counter could have the same value for other rules."""
    stamps = set()
    for name in "abcde":
        add_rule(name)
        stamps.add(kept.stamp())
    assert len(stamps) == 5
    assert min(stamps) > 0
    assert sorted(stamps) != list(range(min(stamps), min(stamps) + 5))


@pytest.mark.usefixtures("database")
def test_a_change_by_an_earlier_release_is_seen_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """During an upgrade an older process runs beside this one. It renews the stamp for clients only."""
    monkeypatch.setattr(kept, "KEPT_SECONDS", 0.0)
    process = Process()
    add_rule("a")
    assert process.names() == ["a"]
    with transaction():
        dated_rules._delete_rule("a")
    assert process.names() == []
