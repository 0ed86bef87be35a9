"""One run of ``idp apply``: a trial that finds every fault and is undone, then the real thing in one transaction.

The trial goes through the same calls, so the rules are those of every other skin; ``--dry-run`` is the trial alone.
Passwords are hashed between the two, with no transaction open.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from idp import db, errors
from idp.audit import Origin
from idp.cli.command import in_english
from idp.cli.provision.document import Document, Table
from idp.cli.provision.lines import Lines
from idp.config import Settings
from idp.identity.credentials import Ready
from idp.identity.details import PersonDraft
from idp.identity.organisations import normal_store_url
from idp.store import organisations as store
from idp.store.organisations import Organisation

ORIGIN = Origin(actor_id="apply")
"""In the audit trail: provisioning."""


class Undo(Exception):
    """The trial is over: roll back."""


@dataclass(frozen=True)
class Pending:
    """Credentials that will be set, and where. ``has_factor``: whether the person has a second factor by then."""

    table: Table
    draft: PersonDraft
    organisation: Organisation
    has_factor: bool


@dataclass
class Work:
    """What the parts of a run share. ``prepared``: hashed credentials by the users' names; None in the trial."""

    settings: Settings
    document: Document
    set_credentials: bool = False
    prepared: Mapping[str, Ready] | None = None
    lines: Lines = field(default_factory=Lines)
    credentials_of: dict[str, Pending] = field(default_factory=dict)
    """The ``[[users]]`` whose credentials will be set, by name; found by the trial."""

    @contextmanager
    def at(self, table: Table) -> Iterator[None]:
        """Whatever is refused within belongs to this table."""
        try:
            yield
        except errors.Invalid as refusal:
            self.document.fault(table, refusal.field, in_english(refusal.message))
        except errors.Refusal as refusal:
            self.document.fault(table, "", in_english(refusal.message))

    def organisation_of(self, table: Table) -> Organisation | None:
        """The organisation that a table names; a fault, or silence where its own table is the faulty one."""
        typed = str(table.get("organisation"))
        found = store.organisation_at(normal_store_url(typed))
        if found is None and not any(other.get("store_url") == typed for other in self.document.of("organisations")):
            self.document.fault(
                table, "organisation", f"there is no organisation {typed!r}, neither here nor in the database"
            )
        return found


def run(work: Work, steps: Callable[[Work], None]) -> None:
    """Run the steps in one transaction; raises ``Refused`` with every fault, and then nothing is done."""
    with db.transaction():
        steps(work)
        work.document.refuse_if_faulty()


def rehearse(work: Work, steps: Callable[[Work], None]) -> None:
    """Run the steps and undo them; raises ``Refused`` with every fault."""
    try:
        with db.transaction():
            steps(work)
            work.document.refuse_if_faulty()
            raise Undo
    except Undo:
        return
