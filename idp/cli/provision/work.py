"""Run ``idp apply``: first a trial that finds every fault and is rolled back, then the real run in short transactions.

The trial goes through the same calls, so the rules are those of every other skin; ``--dry-run`` is the trial alone.
Passwords are hashed between the two, with no transaction open.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

from idp import db, errors
from idp.actors import System
from idp.audit import Origin
from idp.cli.provision.document import Document, Refused, Table
from idp.cli.provision.lines import CREATED, REMOVED, UNCHANGED, Lines
from idp.cli.provision.rehearsal import apart
from idp.cli.refusals import in_english
from idp.config import Settings
from idp.identity.credentials.imported import Ready
from idp.identity.organisations.settings import normal_store_url
from idp.identity.user_fields import PersonDraft
from idp.store import organisations as store
from idp.store.organisations import Organisation

T = TypeVar("T")
ORIGIN = Origin(System("apply"))
"""The actor in the audit log: provisioning."""


class Undo(Exception):
    """Ends the trial with a rollback."""


@dataclass(frozen=True)
class Pending:
    """Hold credentials that will be set. ``has_factor``: whether the person has a second factor by then.

    ``blocked``: the hashes of passwords that the person must not have again.
    """

    table: Table
    draft: PersonDraft
    organisation: Organisation
    has_factor: bool
    blocked: tuple[str, ...] = ()


Step = Callable[["Plan", Table], None]
Unit = list[tuple[Step, Table]]
"""Steps that take effect together."""


@dataclass
class Plan:
    """The state that the parts of a run share. ``prepared``: hashed credentials by user name; None in the trial."""

    settings: Settings
    document: Document
    set_credentials: bool = False
    prepared: Mapping[str, Ready] | None = None
    lines: Lines = field(default_factory=Lines)
    credentials_of: dict[str, Pending] = field(default_factory=dict)
    """The ``[[users]]`` with credentials to set, by name; the trial finds them."""
    written: int = 0
    """The number of steps whose transaction was committed."""

    def changes(self, unit: Unit) -> bool:
        """Check if a step of the unit found something to change in this run."""
        return any(self.lines.outcome_of(table.kind, table.name) != UNCHANGED for _, table in unit)

    @contextmanager
    def at(self, table: Table) -> Iterator[None]:
        """Note a refusal within this block as a fault of the table."""
        try:
            yield
        except errors.Invalid as refusal:
            self.document.fault(table, refusal.field, in_english(refusal.message))
        except errors.Refusal as refusal:
            self.document.fault(table, "", in_english(refusal.message))

    def put(self, table: Table, row: T | None, create: Callable[[], object], change: Callable[[T], Iterable[str]]) -> None:
        """Create the object of a table, or change the ``row`` that is there, and note which."""
        with self.at(table):
            if row is None:
                create()
                self.lines.note(table.kind, table.name, CREATED)
            else:
                self.lines.note_change(table.kind, table.name, change(row))

    def remove(self, table: Table, row: T | None, remove: Callable[[T], object]) -> None:
        """Remove the object of a table if it exists, and note that."""
        with self.at(table):
            if row is not None:
                remove(row)
            self.lines.note(table.kind, table.name, REMOVED if row is not None else UNCHANGED)

    def organisation_of(self, table: Table) -> Organisation | None:
        """Return the organisation that a table names; note a fault if there is none and its own table has no fault."""
        typed = str(table.get("organisation"))
        found = store.organisation_at(normal_store_url(typed))
        if found is None and not any(other.get("store_url") == typed for other in self.document.of("organisations")):
            self.document.fault(table, "organisation", f"there is no organisation {typed!r} in this file or in the database")
        return found


BATCH = 50
"""Steps in one transaction at most."""
LONGEST_SECONDS = 0.05
"""A transaction that took this long starts no further unit, so that no sign-in waits long for SQLite's only write lock."""
SHORTEST_PAUSE = 0.03
"""Seconds between two transactions on SQLite: processes that wait for the lock try every 25 milliseconds."""


def run(work: Plan, units: Iterable[Unit], progress: Callable[[int], None]) -> None:
    """Run the steps in short transactions. Calls ``progress`` with the number of finished steps.

    The trial has checked everything. Raises ``Refused`` if somebody changed the data since; it names what is written
    already. After that, or after a crash, applying the file again does the rest.
    """
    left = deque(units)
    while left:
        began = time.monotonic()
        try:
            with db.transaction():
                done = _take_some(work, left)
        except Refused as refused:
            raise Refused(refused.faults, written=work.written) from refused
        work.written += done
        progress(work.written)
        if left and work.settings.database_url.startswith("sqlite"):
            time.sleep(max(SHORTEST_PAUSE, (time.monotonic() - began) / 2))


def _take_some(work: Plan, left: deque[Unit]) -> int:
    """Take units from the front of ``left``, one at least, until the transaction is long enough. Returns the number of
    steps.
    """
    until, done = time.monotonic() + LONGEST_SECONDS, 0
    while left and (not done or (done + len(left[0]) <= BATCH and time.monotonic() < until)):
        unit = left.popleft()
        _take(work, unit)
        done += len(unit)
    return done


def _take(work: Plan, steps: Unit) -> None:
    for step, table in steps:
        step(work, table)
    work.document.refuse_if_faulty()


def rehearse(work: Plan, units: Iterable[Unit], progress: Callable[[int], None]) -> None:
    """Run all steps in one transaction and undo them. Raises ``Refused`` with every error.

    ``progress`` as for ``run``.
    """
    try:
        with apart(work.settings):
            for number, (step, table) in enumerate(chain.from_iterable(units), 1):
                step(work, table)
                progress(number)
            work.document.refuse_if_faulty()
            raise Undo
    except Undo:
        return
