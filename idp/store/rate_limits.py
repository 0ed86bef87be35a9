"""Failure counters, in SQL so that they hold across workers and restarts."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Delete,
    Index,
    Insert,
    Integer,
    Select,
    String,
    Update,
    and_,
    case,
    delete,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.dml import ReturningInsert

from idp.db import Base, Id, Moment
from idp.rows import upserting
from idp.statements import asks_every, asks_one, changes, claims, delete_some, takes, values

ALL_LANES = "*"
"""The lane of the row that counts over all lanes, for the lockout."""
MAC_LENGTH = 64
"""The length of the key that replaces a user's id where there is none."""
FOR_GOOD = datetime(9999, 1, 1, tzinfo=UTC)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class AuthFailures(Base):
    """Failures in a row of one user with one authenticator (``password``, ``totp``, ``recovery``, …) in one lane.

    ``lane`` is the id of a browser in which that user signed in before, else empty: guesses made elsewhere do not close it.
    """

    __tablename__ = "auth_failures"
    __table_args__ = (Index("ix_auth_failures_last", "last_at"),)

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """A user's id, or a keyed MAC of what was typed where no user is known by it (``Ring.lookups``)."""
    authenticator: Mapped[str] = mapped_column(String(20), primary_key=True)
    lane: Mapped[str] = mapped_column(String(26), primary_key=True, default="")
    count: Mapped[int] = mapped_column(Integer, default=0)
    last_at: Mapped[datetime]
    blocked_until: Mapped[datetime | None]


class IpFailures(Base):
    """Failures from one address (a /64 for IPv6) within a window."""

    __tablename__ = "ip_failures"
    __table_args__ = (Index("ix_ip_failures_window", "window_ends"),)

    purpose: Mapped[str] = mapped_column(String(20), primary_key=True)
    address: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int] = mapped_column(Integer, default=0)
    window_ends: Mapped[datetime]


@asks_one
def auth_failures(organisation_id: str, user_id: str, authenticator: str, lane: str) -> Select[AuthFailures]:
    """Return one counter."""
    return select(AuthFailures).where(
        AuthFailures.organisation_id == organisation_id,
        AuthFailures.user_id == user_id,
        AuthFailures.authenticator == authenticator,
        AuthFailures.lane == lane,
    )


@changes
def rekey_auth_failures(organisation_id: str, old: Sequence[str], key: str) -> Update:
    """Move the counters of a name that nobody has from its MACs under old keys to the current one."""
    theirs = AuthFailures.organisation_id == organisation_id
    moved = select(AuthFailures.authenticator).where(theirs, AuthFailures.user_id == key).correlate(None)
    here = (theirs, AuthFailures.user_id.in_(old), AuthFailures.authenticator.not_in(moved))
    return update(AuthFailures).where(*here).values(user_id=key)


def count_unmarked(mark: str) -> int:
    """Count the counters of names that nobody has whose MAC is not of the key with this mark."""
    here = (func.length(AuthFailures.user_id) == MAC_LENGTH, not_(AuthFailures.user_id.startswith(mark)))
    return int(values(select(func.count()).select_from(AuthFailures).where(*here))[0][0])


@asks_every
def auth_failures_of(organisation_id: str, user_id: str) -> Select[AuthFailures]:
    """Return all counters of a user."""
    return select(AuthFailures).where(*_counted(organisation_id, user_id))


def admit_guess(
    organisation_id: str, user_id: str, authenticator: str, lane: str, now: datetime, waits: Sequence[tuple[int, datetime]]
) -> bool:
    """Admit and count a guess before it is checked, in one statement. Returns False if the lane is closed.

    ``waits``: the count from which the lane closes, and until when; the last one is for all higher counts.
    """
    first = waits[0][1] if waits[0][0] <= 1 else None
    steps = {
        f"{name}_{at}": value for at, wait in enumerate(waits) for name, value in zip(("from", "until"), wait, strict=True)
    }
    return _admit(organisation_id, user_id, authenticator, lane, now, first, **steps)


@claims
def _admit(
    organisation_id: str,
    user_id: str,
    authenticator: str,
    lane: str,
    now: datetime,
    first: datetime | None,
    **waits: Any,
) -> Insert:
    """``waits``: ``from_0``, ``until_0``, ``from_1`` and so on."""
    keys = {"organisation_id": organisation_id, "user_id": user_id, "authenticator": authenticator, "lane": lane}
    made, last = AuthFailures.count + 1, len(waits) // 2 - 1
    until = [type_coerce(waits[f"until_{at}"], Moment()) for at in range(last + 1)]
    steps = [(made < waits[f"from_{at + 1}"], until[at]) for at in range(last)]
    closing = case((made < waits["from_0"], null()), *steps, else_=until[last])
    return upserting(
        AuthFailures,
        tuple(keys),
        {**keys, "count": 1, "last_at": now, "blocked_until": first},
        {"count": made, "last_at": now, "blocked_until": closing},
        where=or_(AuthFailures.blocked_until.is_(None), AuthFailures.blocked_until <= now),
    )


@takes
def count_towards_stop(
    organisation_id: str, user_id: str, authenticator: str, stop: int, now: datetime
) -> ReturningInsert[int]:
    """Count a guess over all lanes, in one statement. Returns the new count, or None if it is locked out.

    The count that reaches the limit closes the row for good: only ``clear_auth_failures`` (or that very guess) opens it.
    """
    keys = {"organisation_id": organisation_id, "user_id": user_id, "authenticator": authenticator, "lane": ALL_LANES}
    made = AuthFailures.count + 1
    return upserting(
        AuthFailures,
        tuple(keys),
        {**keys, "count": 1, "last_at": now, "blocked_until": None},
        {"count": made, "last_at": now, "blocked_until": case((made >= stop, literal(FOR_GOOD, Moment())), else_=null())},
        where=and_(AuthFailures.blocked_until.is_(None), AuthFailures.count < stop),
    ).returning(AuthFailures.count)


def forget_lane(organisation_id: str, user_id: str, authenticator: str, lane: str, *, reopen: bool) -> None:
    """Clear the failures of a lane after a right guess. Those of the other lanes still count towards the lockout."""
    _hold(organisation_id, user_id, authenticator)
    _drop_lane(organisation_id, user_id, authenticator, lane)
    _sum_up(organisation_id, user_id, authenticator, **({"blocked_until": None} if reopen else {}))


@changes
def _drop_lane(organisation_id: str, user_id: str, authenticator: str, lane: str) -> Delete:
    return delete(AuthFailures).where(*_counted_with(organisation_id, user_id, authenticator), AuthFailures.lane == lane)


@changes
def _sum_up(organisation_id: str, user_id: str, authenticator: str, **columns: Any) -> Update:
    """Let the row over all lanes count what the lanes count."""
    here = _counted_with(organisation_id, user_id, authenticator)
    others = select(func.coalesce(func.sum(AuthFailures.count), 0)).where(*here, AuthFailures.lane != ALL_LANES)
    remaining = others.correlate(None).scalar_subquery()
    return update(AuthFailures).where(*here, AuthFailures.lane == ALL_LANES).values(count=remaining, **columns)


def clear_auth_failures(organisation_id: str, user_id: str, authenticator: str | None = None) -> int:
    """Forget a user's failures with one authenticator or with all, and the lockout. Returns how many rows counted any."""
    gone = 0
    for name in _counted_authenticators(organisation_id, user_id, authenticator=authenticator):
        _hold(organisation_id, user_id, name)
        gone += _drop_counting(organisation_id, user_id, name)
        _drop_all(organisation_id, user_id, name)
    return gone


@asks_every
def _counted_authenticators(organisation_id: str, user_id: str, *, authenticator: str | None = None) -> Select[str]:
    of_user = _counted(organisation_id, user_id)
    chosen = of_user if authenticator is None else (*of_user, AuthFailures.authenticator == authenticator)
    return select(AuthFailures.authenticator).where(*chosen).distinct().order_by(AuthFailures.authenticator)


@changes
def _drop_counting(organisation_id: str, user_id: str, authenticator: str) -> Delete:
    return delete(AuthFailures).where(*_counted_with(organisation_id, user_id, authenticator), AuthFailures.count > 0)


@changes
def _drop_all(organisation_id: str, user_id: str, authenticator: str) -> Delete:
    return delete(AuthFailures).where(*_counted_with(organisation_id, user_id, authenticator))


@changes
def _hold(organisation_id: str, user_id: str, authenticator: str) -> Insert:
    """Lock the row over all lanes, and make it if it is missing. Every counter update locks it first (lock order).

    Looking for the row is not enough: if it was just cleared nothing would be locked, and two requests that then take the
    rows in different orders would deadlock.
    """
    keys = {"organisation_id": organisation_id, "user_id": user_id, "authenticator": authenticator, "lane": ALL_LANES}
    made = {"count": 0, "last_at": NEVER, "blocked_until": None}
    return upserting(AuthFailures, tuple(keys), {**keys, **made}, {"count": AuthFailures.count})


@asks_every
def lock_auth_failures(organisation_id: str, user_id: str) -> Select[AuthFailures]:
    """Lock the rows that count a user's failures over all lanes, until the commit."""
    here = (*_counted(organisation_id, user_id), AuthFailures.lane == ALL_LANES)
    return select(AuthFailures).where(*here).order_by(AuthFailures.authenticator).with_for_update()


def _counted_with(organisation_id: str, user_id: str, authenticator: str) -> tuple[ColumnElement[bool], ...]:
    return *_counted(organisation_id, user_id), AuthFailures.authenticator == authenticator


def _counted(organisation_id: str, user_id: str) -> tuple[ColumnElement[bool], ...]:
    return AuthFailures.organisation_id == organisation_id, AuthFailures.user_id == user_id


@claims
def admit_ip(purpose: str, address: str, limit: int, now: datetime, window_ends: datetime) -> Insert:
    """Admit and count a guess of an address before it is checked, in one statement; False where its window is full."""
    is_over = IpFailures.window_ends <= now
    return upserting(
        IpFailures,
        ("purpose", "address"),
        {"purpose": purpose, "address": address, "count": 1, "window_ends": window_ends},
        {
            "count": case((is_over, 1), else_=IpFailures.count + 1),
            "window_ends": case((is_over, type_coerce(window_ends, Moment())), else_=IpFailures.window_ends),
        },
        where=or_(is_over, IpFailures.count < limit),
    )


@changes
def uncount_ip(purpose: str, address: str) -> Update:
    """Take one back: the guess that was counted before its check was right."""
    here = (IpFailures.purpose == purpose, IpFailures.address == address, IpFailures.count > 0)
    return update(IpFailures).where(*here).values(count=IpFailures.count - 1)


@asks_one
def ip_failures(purpose: str, address: str, now: datetime) -> Select[IpFailures]:
    """Return the counter of an address whose window is open."""
    return select(IpFailures).where(
        IpFailures.purpose == purpose, IpFailures.address == address, IpFailures.window_ends > now
    )


def sweep_ip_failures(now: datetime, most: int) -> int:
    """Delete the counters of addresses whose window is over."""
    return delete_some(IpFailures, IpFailures.window_ends <= now, most)


def sweep_auth_failures(before: datetime, now: datetime, most: int) -> int:
    """Delete counters to which nothing was added since ``before``. Time does not end a lockout."""
    is_nobody = func.length(AuthFailures.user_id) == MAC_LENGTH  # a name that nobody has: nobody can clear it
    is_open = or_(AuthFailures.blocked_until.is_(None), AuthFailures.blocked_until <= now, is_nobody)
    return delete_some(AuthFailures, and_(AuthFailures.last_at < before, is_open), most)
