"""The audit trail: append-only rows, chained for each organisation by hash, and the head of each chain."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, LargeBinary, Select, String, Update, select, update
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.dml import ReturningInsert

from idp.db import Base, Id
from idp.rows import add, upserting
from idp.statements import asks_one, changes, every, takes, values

INSTALLATION = ""
"""The chain of what concerns no organisation (clients, keys, operators)."""


class AuditRow(Base):
    """One event. Holds ids, never names or secrets. ``hash`` covers every column and the hash of the row before."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_subject", "organisation_id", "subject_id", "seq"),)

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
    """Insert rows of the audit trail."""
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
    """Hold a filter; empty fields match everything. ``user_id``: as actor or as subject. ``until`` is exclusive."""

    event: str = ""
    user_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


def rows_found(
    organisation_id: str, sought: Sought, *, after: int | None = None, before: int = 0, limit: int
) -> list[AuditRow]:
    """Return the rows of a chain that are sought: newest first, or with ``after`` oldest first from there on."""
    event, user_id, since, until = sought.event, sought.user_id, sought.since, sought.until
    here = [AuditRow.organisation_id == organisation_id]
    here += [AuditRow.event == event] if event else []
    here += [(AuditRow.subject_id == user_id) | (AuditRow.actor_id == user_id)] if user_id else []
    here += [AuditRow.at >= since] if since else []
    here += [AuditRow.at < until] if until else []
    here += [AuditRow.seq < before] if before else []
    here += [AuditRow.seq > after] if after is not None else []
    order = AuditRow.seq if after is not None else AuditRow.seq.desc()
    return every(select(AuditRow).where(*here).order_by(order).limit(limit))


@asks_one
def head(organisation_id: str) -> Select[AuditHead]:
    """Return the head of a chain, unlocked."""
    return select(AuditHead).where(AuditHead.organisation_id == organisation_id)


def chain_ids() -> list[str]:
    """Return the organisations that have a chain, also removed ones: their trail stays."""
    return [row[0] for row in values(select(AuditHead.organisation_id).order_by(AuditHead.organisation_id))]


def rows_about(organisation_id: str, subject_id: str, limit: int = 100, before: int = 0) -> list[AuditRow]:
    """Return the latest rows about a user, newest first; with ``before`` those with a smaller number."""
    here = [AuditRow.organisation_id == organisation_id, AuditRow.subject_id == subject_id]
    if before:
        here.append(AuditRow.seq < before)
    return every(select(AuditRow).where(*here).order_by(AuditRow.seq.desc()).limit(limit))
