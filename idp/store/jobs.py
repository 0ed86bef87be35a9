"""Jobs that the worker carries out step by step: imports line by line, exports chunk by chunk. What they hold is sealed.

The row of a job is the claim on its next step: the worker that raises ``done``, in the transaction of that step's effect,
carries the step out.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Delete,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Select,
    String,
    Text,
    Update,
    delete,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from idp.db import Base, Id
from idp.rows import add
from idp.statements import asks_every, asks_one, changes, claims, delete_some, every, values
from idp.store.organisation_states import is_disabled

DUE = text("state IN ('waiting', 'running')")
UNSEEN = text("codes_until IS NOT NULL AND codes_shown_at IS NULL")
WITH_CODE = text("sealed_code <> ''")


class Job(Base):
    """A job. ``state``: reading, draft, waiting, running, done, cancelled or failed. ``done`` counts its steps.

    A step of an import is a line, and ``total`` counts its lines. A step of an export is a chunk of its file, and ``total``
    counts the lines of the chunks that are written.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"], ondelete="CASCADE"),
        Index("ix_jobs_list", "organisation_id", "created_at"),
        Index("ix_jobs_due", "created_at", sqlite_where=DUE, postgresql_where=DUE),
        Index("ix_jobs_created", "created_at"),
        Index("ix_jobs_unseen", "codes_until", sqlite_where=UNSEEN, postgresql_where=UNSEEN),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(10))
    created_by: Mapped[str] = mapped_column(Id)
    """The person who uploaded the file; from the start on the one who started it, by whose rights it is carried out."""
    created_at: Mapped[datetime]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    """The digest of the file: the worker carries out what the dry run judged."""
    total: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    prints_codes: Mapped[bool] = mapped_column(default=False)
    codes_until: Mapped[datetime | None]
    """When the printed codes expire; None without any."""
    codes_shown_at: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class JobLine(Base):
    """A line of an import, or a chunk of an export.

    ``outcome`` of a line: created, changed, unchanged or refused; before it is done, what is expected.
    """

    __tablename__ = "job_lines"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "job_id"], ["jobs.organisation_id", "jobs.id"], ondelete="CASCADE"),
        Index("uq_job_lines_position", "organisation_id", "job_id", "position", unique=True),
        Index("ix_job_lines_outcome", "organisation_id", "job_id", "outcome", "position"),
        Index("ix_job_lines_code", "organisation_id", "job_id", sqlite_where=WITH_CODE, postgresql_where=WITH_CODE),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    job_id: Mapped[str] = mapped_column(Id)
    position: Mapped[int]
    outcome: Mapped[str] = mapped_column(String(10))
    sealed: Mapped[str] = mapped_column(Text)
    sealed_code: Mapped[str] = mapped_column(Text, default="")


_Sibling = aliased(Job)


def add_job(job: Job) -> None:
    """Insert a job."""
    add(job)


def add_lines(lines: Sequence[JobLine]) -> None:
    """Insert lines of a job."""
    add(*lines)


@asks_one
def job(organisation_id: str, job_id: str) -> Select[Job]:
    """Return a job of an organisation."""
    return select(Job).where(Job.organisation_id == organisation_id, Job.id == job_id)


@asks_every
def jobs_of(organisation_id: str, most: int, *, kind: str | None = None) -> Select[Job]:
    """Return the newest jobs of an organisation."""
    here = [Job.organisation_id == organisation_id] + ([Job.kind == kind] if kind is not None else [])
    return select(Job).where(*here).order_by(Job.created_at.desc()).limit(most)


@claims
def move(organisation_id: str, job_id: str, was: str, digest: bytes, **columns: Any) -> Update:
    """Change a job that is still in this state and about this file."""
    here = (Job.organisation_id == organisation_id, Job.id == job_id, Job.state == was, Job.digest == digest)
    return update(Job).where(*here).values(**columns)


@changes
def keep_newest_drafts(organisation_id: str, most: int) -> Delete:
    """Delete the drafts of an organisation but its newest ones, with their lines."""
    drafts = select(Job.id).where(Job.organisation_id == organisation_id, Job.state == "draft")
    older = drafts.order_by(Job.created_at.desc()).offset(most).limit(most)
    return delete(Job).where(Job.organisation_id == organisation_id, Job.id.in_(older.scalar_subquery()))


@changes
def keep_newest(organisation_id: str, kind: str, most: int) -> Delete:
    """Delete the jobs of a kind but the newest ones, with their lines."""
    of_kind = select(Job.id).where(Job.organisation_id == organisation_id, Job.kind == kind)
    older = of_kind.order_by(Job.created_at.desc()).offset(most).limit(most)
    return delete(Job).where(Job.organisation_id == organisation_id, Job.id.in_(older.scalar_subquery()))


@asks_one
def due_job(now: datetime) -> Select[Job]:
    """Return the job that has waited longest, of the organisation that has waited longest. None of a disabled organisation.

    An organisation waits since the last round for any job of it, and a job since its own last round or the end of a dead
    lease; each since the job was made, if there was no round yet.
    """
    is_free = or_(Job.leased_until.is_(None), Job.leased_until <= now)
    since = func.coalesce(Job.leased_until, Job.created_at)
    busy = select(Job.organisation_id).where(DUE)
    last_round = func.max(func.coalesce(_Sibling.leased_until, _Sibling.ended_at)).label("last_round")
    of_each = select(_Sibling.organisation_id, last_round).where(_Sibling.organisation_id.in_(busy))
    turns = of_each.group_by(_Sibling.organisation_id).subquery()
    found = select(Job).join(turns, turns.c.organisation_id == Job.organisation_id)
    order = (func.coalesce(turns.c.last_round, Job.created_at), since)
    return found.where(DUE, is_free, ~is_disabled(Job.organisation_id)).order_by(*order).limit(1)


@claims
def lease(organisation_id: str, job_id: str, now: datetime, until: datetime) -> Update:
    """Take a due job until a moment. Of two workers one gets it."""
    is_free = or_(Job.leased_until.is_(None), Job.leased_until <= now)
    here = (Job.organisation_id == organisation_id, Job.id == job_id, Job.state.in_(("waiting", "running")), is_free)
    return update(Job).where(*here).values(state="running", leased_until=until)


def _is_at(organisation_id: str, job_id: str, before: int) -> tuple[ColumnElement[bool], ...]:
    """Match a job that is being carried out, at a step. It stops where its organisation is disabled."""
    its = (Job.organisation_id == organisation_id, Job.id == job_id)
    return *its, Job.state == "running", Job.done == before, ~is_disabled(organisation_id)


@claims
def take_line(organisation_id: str, job_id: str, before: int, position: int, until: datetime) -> Update:
    """Claim a line, in the transaction of its effect, so that it is carried out once. It also extends the lease."""
    here = _is_at(organisation_id, job_id, before)
    return update(Job).where(*here).values(done=position, leased_until=until)


@claims
def take_chunk(organisation_id: str, job_id: str, before: int, lines: int, until: datetime) -> Update:
    """Claim the chunk after ``before``, with which the file has so many lines, in the transaction that writes the chunk."""
    here = _is_at(organisation_id, job_id, before)
    return update(Job).where(*here).values(done=Job.done + 1, total=lines, leased_until=until)


@asks_one
def line(organisation_id: str, job_id: str, position: int) -> Select[JobLine]:
    """Return a line by its position, from 1."""
    here = (JobLine.organisation_id == organisation_id, JobLine.job_id == job_id, JobLine.position == position)
    return select(JobLine).where(*here)


@changes
def change_line(organisation_id: str, line_id: str, **columns: Any) -> Update:
    """Set columns of a line."""
    return update(JobLine).where(JobLine.organisation_id == organisation_id, JobLine.id == line_id).values(**columns)


@changes
def forget_lines(organisation_id: str, job_id: str) -> Delete:
    """Delete the lines of a job that is never carried out."""
    return delete(JobLine).where(JobLine.organisation_id == organisation_id, JobLine.job_id == job_id)


def lines(organisation_id: str, job_id: str, outcome: str, after: int, most: int) -> list[JobLine]:
    """Return lines with an outcome (empty: any) after a position, in order."""
    here = [JobLine.organisation_id == organisation_id, JobLine.job_id == job_id, JobLine.position > after]
    here += [JobLine.outcome == outcome] if outcome else []
    return every(select(JobLine).where(*here).order_by(JobLine.position).limit(most))


def counts(organisation_id: str, job_id: str) -> dict[str, int]:
    """Return the number of lines by outcome."""
    here = (JobLine.organisation_id == organisation_id, JobLine.job_id == job_id)
    return dict(values(select(JobLine.outcome, func.count()).where(*here).group_by(JobLine.outcome)))


@claims
def show_codes(organisation_id: str, job_id: str, now: datetime) -> Update:
    """Claim the right to show the printed codes. It is there once."""
    is_left = (Job.state == "done", Job.codes_shown_at.is_(None), Job.codes_until > now)
    return update(Job).where(Job.organisation_id == organisation_id, Job.id == job_id, *is_left).values(codes_shown_at=now)


def lines_with_code(organisation_id: str, job_id: str) -> list[JobLine]:
    """Return the lines with a printed code, in order."""
    here = (JobLine.organisation_id == organisation_id, JobLine.job_id == job_id, WITH_CODE)
    return every(select(JobLine).where(*here).order_by(JobLine.position))


@changes
def wipe_codes(organisation_id: str, job_id: str) -> Update:
    """Forget the printed codes of a job."""
    here = (JobLine.organisation_id == organisation_id, JobLine.job_id == job_id, WITH_CODE)
    return update(JobLine).where(*here).values(sealed_code="")


@asks_every
def with_expired_codes(now: datetime, most: int) -> Select[Job]:
    """Return some jobs whose printed codes have expired and were not shown."""
    here = (UNSEEN, Job.codes_until <= now)
    return select(Job).where(*here).order_by(Job.codes_until).limit(most)


@changes
def close_codes(organisation_id: str, job_id: str, now: datetime) -> Update:
    """End the right to show the printed codes."""
    return update(Job).where(Job.organisation_id == organisation_id, Job.id == job_id).values(codes_shown_at=now)


def sweep_jobs(before: datetime, most: int) -> int:
    """Delete jobs that were made before ``before``, with their lines."""
    return delete_some(Job, Job.created_at < before, most)
