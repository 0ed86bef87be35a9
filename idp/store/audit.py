"""The audit log: append-only rows, chained for each organisation by hash, and the head of each chain."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Index,
    LargeBinary,
    Select,
    String,
    Update,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.dml import ReturningInsert

from idp.db import Base, Id
from idp.keyset import Place, page_of
from idp.rows import add, upserting
from idp.statements import asks_one, changes, every, takes, values
from idp.store.users import UserShop

INSTALLATION = ""
"""The chain of what concerns no organisation (clients, keys, operators)."""


OF_APPS, PLACED = text("client_id <> ''"), text("address <> ''")
"""Match rows with an app, and with an address. Only with these words in a statement do both engines use their indexes."""


class AuditRow(Base):
    """One event. Holds ids, never names or secrets. ``hash`` covers every column and the hash of the row before."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_time", "organisation_id", "at", "seq"),
        Index("ix_audit_event", "organisation_id", "event", "at", "seq"),
        Index("ix_audit_actor", "organisation_id", "actor_id", "at", "seq"),
        Index("ix_audit_about", "organisation_id", "subject_id", "at", "seq"),
        Index(
            "ix_audit_client", "organisation_id", "client_id", "at", "seq", sqlite_where=OF_APPS, postgresql_where=OF_APPS
        ),
        Index("ix_audit_address", "organisation_id", "address", "at", "seq", sqlite_where=PLACED, postgresql_where=PLACED),
    )

    organisation_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    event: Mapped[str] = mapped_column(String(60))
    outcome: Mapped[str] = mapped_column(String(10))
    actor_id: Mapped[str] = mapped_column(String(40), default="")
    subject_id: Mapped[str] = mapped_column(String(40), default="")
    client_id: Mapped[str] = mapped_column(String(200), default="")
    address: Mapped[str] = mapped_column(String(45), default="")
    label: Mapped[str] = mapped_column(String(100), default="")
    """The browser in words, where one was used."""
    request_id: Mapped[str] = mapped_column(Id, default="")
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    previous: Mapped[bytes] = mapped_column(LargeBinary(32))
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


BY_TIME = (AuditRow.at, AuditRow.seq)


class AuditHead(Base):
    """The last link of an organisation's chain; locked only while a link is added."""

    __tablename__ = "audit_heads"

    organisation_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, default=0)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


def lock_head(organisation_id: str) -> AuditHead:
    """Return the head of a chain, locked until the commit."""
    head = _locked_head(organisation_id)
    if head is None:
        raise LookupError("the audit head vanished")
    return head


@takes
def _locked_head(organisation_id: str) -> ReturningInsert[AuditHead]:
    """Lock and read the head by one statement, which makes the head of a new chain."""
    first = {"organisation_id": organisation_id, "seq": 0, "hash": bytes(32)}
    return upserting(AuditHead, ("organisation_id",), first, {"seq": AuditHead.seq}).returning(AuditHead)


@changes
def move_head(organisation_id: str, seq: int, hash: bytes) -> Update:
    """Set the row at which the chain ends."""
    return update(AuditHead).where(AuditHead.organisation_id == organisation_id).values(seq=seq, hash=hash)


def add_rows(rows: Iterable[AuditRow]) -> None:
    """Insert rows of the audit log."""
    add(*rows)


def rows(organisation_id: str, after: int = 0, limit: int = 1000) -> list[AuditRow]:
    """Return rows of a chain in order."""
    return every(
        select(AuditRow)
        .where(AuditRow.organisation_id == organisation_id, AuditRow.seq > after)
        .order_by(AuditRow.seq)
        .limit(limit)
    )


@dataclass(frozen=True)
class Sought:
    """Hold a filter; empty fields match everything. ``user_id``: as actor or as subject. ``until`` is exclusive.

    ``events``: one of these. ``shop_id``: acts of people who work in this shop and not in all.
    """

    event: str = ""
    user_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    events: tuple[str, ...] = ()
    client_id: str = ""
    address: str = ""
    shop_id: str = ""


def rows_found(
    organisation_id: str, sought: Sought, *, after: int | None = None, before: int = 0, limit: int
) -> list[AuditRow]:
    """Return the rows of a chain that match: newest first, or with ``after`` oldest first from there.

    A filter has an index of its own, ordered by time, so that rows between two matches are not read.
    """
    if sought == Sought():
        return _in_order(organisation_id, [], (AuditRow.seq,), after, before, limit)
    kinds = _kinds(organisation_id, sought)
    found = {row.seq: row for kind in kinds for row in _in_order(organisation_id, kind, BY_TIME, after, before, limit)}
    return sorted(found.values(), key=attrgetter("at", "seq"), reverse=after is None)[:limit]


def count_found(organisation_id: str, sought: Sought, most: int) -> int:
    """Return how many rows match; ``most`` and one where there are more."""
    if sought == Sought():
        at = head(organisation_id)
        return min(at.seq if at else 0, most + 1)
    found: set[int] = set()
    for kind in _kinds(organisation_id, sought):
        asked = select(AuditRow.seq).where(AuditRow.organisation_id == organisation_id, *kind)
        found |= {row[0] for row in values(asked.limit(most + 1))}
    return min(len(found), most + 1)


def _kinds(organisation_id: str, sought: Sought) -> list[list[ColumnElement[bool]]]:
    """Return conditions, of which each has an index: a row matches where one of them holds."""
    here = _conditions(organisation_id, sought)
    sides = (AuditRow.subject_id, AuditRow.actor_id) if sought.user_id else ()
    events = (sought.event,) if sought.event else sought.events
    of_person = [[*here, side == sought.user_id] for side in sides] or [here]
    return [[*one, AuditRow.event == event] for one in of_person for event in events] or of_person


def _conditions(organisation_id: str, sought: Sought) -> list[Any]:
    here: list[Any] = [AuditRow.at >= sought.since] if sought.since else []
    here += [AuditRow.at < sought.until] if sought.until else []
    here += [AuditRow.client_id == sought.client_id, OF_APPS] if sought.client_id else []
    here += [AuditRow.address == sought.address, PLACED] if sought.address else []
    if sought.shop_id:
        works = (UserShop.organisation_id == organisation_id, UserShop.user_id == AuditRow.actor_id)
        here += [select(UserShop.user_id).where(*works, UserShop.shop_id == sought.shop_id).exists()]
    return here


def _in_order(
    organisation_id: str,
    here: list[ColumnElement[bool]],
    order: tuple[Any, ...],
    after: int | None,
    before: int,
    limit: int,
) -> list[AuditRow]:
    asked = select(AuditRow).where(AuditRow.organisation_id == organisation_id, *here)
    return page_of(asked, order, _place(organisation_id, order, after or before), limit, descending=after is None)


def _place(organisation_id: str, order: tuple[Any, ...], seq: int) -> Place | None:
    """Return the place of a row by its number. An unknown number means the next older row."""
    if not seq or order != BY_TIME:
        return Place((seq,)) if seq else None
    at = _time_of(organisation_id, seq)
    return Place((at, seq)) if at else None


@asks_one
def _time_of(organisation_id: str, seq: int) -> Select[datetime]:
    here = (AuditRow.organisation_id == organisation_id, AuditRow.seq <= seq)
    return select(AuditRow.at).where(*here).order_by(AuditRow.seq.desc()).limit(1)


@asks_one
def last_of(organisation_id: str, actor_id: str, event: str) -> Select[AuditRow]:
    """Return the newest row about what this user did: it goes back through their own acts alone."""
    here = (AuditRow.organisation_id == organisation_id, AuditRow.actor_id == actor_id, AuditRow.event == event)
    return select(AuditRow).where(*here).order_by(AuditRow.at.desc(), AuditRow.seq.desc()).limit(1)


@asks_one
def head(organisation_id: str) -> Select[AuditHead]:
    """Return the head of a chain, unlocked."""
    return select(AuditHead).where(AuditHead.organisation_id == organisation_id)


def chain_ids() -> list[str]:
    """Return the organisations that have a chain, also removed ones: their audit log stays."""
    return [row[0] for row in values(select(AuditHead.organisation_id).order_by(AuditHead.organisation_id))]


def rows_about(organisation_id: str, subject_id: str, limit: int = 100, before: int = 0) -> list[AuditRow]:
    """Return the latest rows about a user, newest first; with ``before`` those that are older than the row so numbered."""
    return _in_order(organisation_id, [AuditRow.subject_id == subject_id], BY_TIME, None, before, limit)
