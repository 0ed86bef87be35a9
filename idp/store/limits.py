"""Failure counters, in SQL so that they hold across workers and restarts."""

from datetime import datetime

from sqlalchemy import Index, Integer, String, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id, every, one, upsert, write


class Failures(Base):
    """Failures in a row of one user with one authenticator (``password``, ``totp``, ``recovery``, …) in one lane.

    ``lane`` is the browser's id where that user signed in before, else empty: guessing elsewhere does not close it.
    """

    __tablename__ = "failures"
    __table_args__ = (Index("ix_failures_last", "last_at"),)

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """A user's id, or a digest of what was typed where no user is known by it."""
    authenticator: Mapped[str] = mapped_column(String(20), primary_key=True)
    lane: Mapped[str] = mapped_column(String(26), primary_key=True, default="")
    count: Mapped[int] = mapped_column(Integer, default=0)
    last_at: Mapped[datetime]
    blocked_until: Mapped[datetime | None]


class AddressFailures(Base):
    """Failures from one address (a /64 for IPv6) within a window."""

    __tablename__ = "address_failures"
    __table_args__ = (Index("ix_address_failures_window", "window_ends"),)

    purpose: Mapped[str] = mapped_column(String(20), primary_key=True)
    address: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int] = mapped_column(Integer, default=0)
    window_ends: Mapped[datetime]


def failures(organisation_id: str, user_id: str, authenticator: str, lane: str) -> Failures | None:
    """One counter."""
    return one(
        select(Failures).where(
            Failures.organisation_id == organisation_id,
            Failures.user_id == user_id,
            Failures.authenticator == authenticator,
            Failures.lane == lane,
        )
    )


def failures_of(organisation_id: str, user_id: str) -> list[Failures]:
    """All counters of a user."""
    return every(select(Failures).where(Failures.organisation_id == organisation_id, Failures.user_id == user_id))


def count_failure(organisation_id: str, user_id: str, authenticator: str, lane: str, now: datetime) -> int:
    """Count a guess before it is checked, in one statement; the count it makes."""
    keys = {"organisation_id": organisation_id, "user_id": user_id, "authenticator": authenticator, "lane": lane}
    upsert(Failures, tuple(keys), {**keys, "count": 1, "last_at": now}, {"count": Failures.count + 1, "last_at": now})
    found = failures(organisation_id, user_id, authenticator, lane)
    return found.count if found else 1


def block(organisation_id: str, user_id: str, authenticator: str, lane: str, until: datetime) -> int:
    """No further guess before ``until``."""
    here = (
        Failures.organisation_id == organisation_id,
        Failures.user_id == user_id,
        Failures.authenticator == authenticator,
        Failures.lane == lane,
    )
    return write(update(Failures).where(*here).values(blocked_until=until))


def clear_failures(organisation_id: str, user_id: str, authenticator: str | None = None, lane: str | None = None) -> int:
    """Forget failures: after a success in that lane, or all by an administrator."""
    here = [Failures.organisation_id == organisation_id, Failures.user_id == user_id]
    if authenticator is not None:
        here.append(Failures.authenticator == authenticator)
    if lane is not None:
        here.append(Failures.lane == lane)
    return write(delete(Failures).where(*here))


def count_address(purpose: str, address: str, now: datetime, window_ends: datetime) -> int:
    """Count a failure of an address within its window; the count it makes."""
    write(
        delete(AddressFailures).where(
            AddressFailures.purpose == purpose, AddressFailures.address == address, AddressFailures.window_ends <= now
        )
    )
    keys = {"purpose": purpose, "address": address}
    upsert(
        AddressFailures,
        ("purpose", "address"),
        {**keys, "count": 1, "window_ends": window_ends},
        {"count": AddressFailures.count + 1},
    )
    found = address_failures(purpose, address, now)
    return found.count if found else 1


def uncount_address(purpose: str, address: str) -> int:
    """Take one back: the guess that was counted before its check was right."""
    here = (AddressFailures.purpose == purpose, AddressFailures.address == address, AddressFailures.count > 0)
    return write(update(AddressFailures).where(*here).values(count=AddressFailures.count - 1))


def address_failures(purpose: str, address: str, now: datetime) -> AddressFailures | None:
    """The counter of an address whose window is open."""
    return one(
        select(AddressFailures).where(
            AddressFailures.purpose == purpose, AddressFailures.address == address, AddressFailures.window_ends > now
        )
    )


def sweep_limits(before: datetime, now: datetime) -> int:
    """Delete counters that no longer matter."""
    write(delete(AddressFailures).where(AddressFailures.window_ends <= now))
    return write(delete(Failures).where(Failures.last_at < before))
