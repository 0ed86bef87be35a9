"""Keep an import as a job, and carry it out line by line.

Each line is one transaction, with the claim on that line: a worker that was killed, or a second one, does no line twice.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import structlog

from idp import clock, crypto, outage
from idp.actors import Person
from idp.audit import Event, Origin, record
from idp.config import Settings
from idp.db import release, transaction
from idp.errors import Conflict, Message, Refusal, Unreadable, say
from idp.identity import permissions, sensitive_changes
from idp.identity.accounts import accounts, invitations
from idp.identity.credentials.imported import Ready
from idp.identity.jobs.loop import LEASE, Carrier, Step
from idp.identity.people_import import csv_file
from idp.identity.people_import.dry_run import CHANGED, CREATED, REFUSED, UNCHANGED, DryRun, Judged, for_new_person
from idp.identity.roles import Role
from idp.identity.sensitive_changes import Access
from idp.identity.user_fields import PersonDraft
from idp.identity.users import lookup
from idp.store import jobs as store
from idp.store import sealed
from idp.store.jobs import Job, JobLine
from idp.store.organisations import Organisation

KIND = "people_import"
CHUNK = 100
MOST_DRAFTS = 20
"""Files of an organisation that wait for a decision. An upload needs no confirmation, and must not fill the disk."""
NOT_BEGUN = ("draft", "waiting")
"""The states of a job of which no line was carried out."""
OURS = say("Something went wrong on our side; we've logged it. Import this line again later.")
STALE = say("This person has been added or removed since the file was checked. Check the file again.")
log = structlog.get_logger("jobs")


def draft(settings: Settings, organisation: Organisation, data: bytes, origin: Origin, *, prints_codes: bool) -> str:
    """Judge the lines of a file, and keep them as a job with what each would do. Nothing else is written.

    Returns the job's id. Raises ``Invalid`` for a file that cannot be read.
    """
    permissions.require_ruler(organisation.id, origin)
    rows = csv_file.read(data)
    judged = DryRun(organisation, origin).judge(rows)
    job = Job(
        organisation_id=organisation.id,
        id=crypto.new_id(),
        kind=KIND,
        state="reading",
        created_by=origin.actor_id,
        created_at=clock.now(),
        digest=crypto.sha256(data),
        total=len(judged),
        prints_codes=prints_codes,
    )
    with transaction():
        store.add_job(job)
    for first in range(0, len(judged), CHUNK):
        with transaction():
            store.add_lines(_lines(settings, job, judged[first : first + CHUNK], first))
    with transaction():
        store.move(organisation.id, job.id, "reading", job.digest, state="draft")
        store.keep_newest_drafts(organisation.id, MOST_DRAFTS)
    return job.id


def _lines(settings: Settings, job: Job, judged: Sequence[Judged], first: int) -> list[JobLine]:
    made = []
    for position, one in enumerate(judged, first + 1):
        line_id = crypto.new_id()
        content = {
            "number": one.number,
            "username": one.username,
            "name": one.values.get("name", ""),
            "values": one.values,
            "changed": one.changed,
            "cells": dict(one.cells),
            "more": one.more,
            "refusal": one.refusal.as_json() if one.refusal else None,
        }
        made.append(
            JobLine(
                organisation_id=job.organisation_id,
                id=line_id,
                job_id=job.id,
                position=position,
                outcome=one.outcome,
                sealed=sealed.JOB_LINES.seal_json(settings.ring, line_id, content),
            )
        )
    return made


def content_of(settings: Settings, line: JobLine) -> dict[str, Any]:
    """Return what a line holds. One whose sealing key was removed is refused, and the others go on."""
    try:
        found: dict[str, Any] = sealed.JOB_LINES.open_json(settings.ring, line.id, line.sealed)
    except Unreadable:
        return {"number": line.position, "username": "", "values": {}, "cells": {}, "changed": [], "refusal": OURS.as_json()}
    return found


def refused(settings: Settings, job: Job) -> Iterator[dict[str, Any]]:
    """Yield what the refused lines of a job hold, in order. Reads in chunks, and holds no connection between."""
    after = 0
    while lines := store.lines(job.organisation_id, job.id, REFUSED, after, CHUNK):
        release()
        yield from (content_of(settings, line) for line in lines)
        after = lines[-1].position


def start(settings: Settings, job: Job, origin: Origin) -> None:
    """Hand a job to the worker, once. Raises ``Conflict`` if it was started or discarded before.

    From now on it is a job of the acting user. Another administrator may have uploaded the file: nobody acts by the rights
    of a person who has confirmed nothing.
    """
    permissions.require_ruler(job.organisation_id, origin)
    sensitive_changes.require(None, Access("printed_code", Role.ADMINISTRATOR))
    until = clock.ahead(hours=settings.lifetimes.invitation_hours) if job.prints_codes else None
    with transaction():
        ready = {"state": "waiting", "codes_until": until, "created_by": origin.actor_id}
        if not store.move(job.organisation_id, job.id, "draft", job.digest, **ready):
            raise Conflict(say("This import was already started or discarded."))
        record(origin, Event.IMPORT_STARTED, organisation_id=job.organisation_id, data={"lines": job.total, "job": job.id})


def cancel(job: Job, origin: Origin) -> None:
    """Discard an import that has not begun. Raises ``Conflict`` if it has."""
    permissions.require_ruler(job.organisation_id, origin)
    with transaction():
        over = {"state": "cancelled", "ended_at": clock.now()}
        if job.state not in NOT_BEGUN or not store.move(job.organisation_id, job.id, job.state, job.digest, **over):
            raise Conflict(say("This import has begun, and can no longer be discarded."))
        store.forget_lines(job.organisation_id, job.id)
        record(origin, Event.IMPORT_CANCELLED, organisation_id=job.organisation_id, data={"job": job.id})


def carry(settings: Settings, organisation: Organisation, job: Job) -> Carrier:
    """Return what carries out a line, for the loop of the worker."""

    def step(position: int) -> Step:
        if position > job.total:
            return Step.OVER
        return Step.DONE if _do_line(settings, organisation, job, position) else Step.LOST

    return step


def _do_line(settings: Settings, organisation: Organisation, job: Job, position: int) -> bool:
    """Carry out one line. Returns False where another worker has it, or the job is gone."""
    line = store.line(job.organisation_id, job.id, position)
    if line is None:
        return False
    content = content_of(settings, line)
    if line.outcome != REFUSED and not content["values"]:
        return _refuse(settings, job, line, content, OURS)
    try:
        with transaction():
            if not _take(job, position):
                return False
            if line.outcome != REFUSED:
                _carry_out(settings, organisation, job, line, content)
    except Refusal as refusal:
        return _refuse(settings, job, line, content, refusal.message)
    except Exception as error:
        if outage.is_outage(error):
            raise
        log.exception("import_line_failed", job=job.id, line=position)
        return _refuse(settings, job, line, content, OURS)
    return True


def _take(job: Job, position: int) -> bool:
    """Claim a line, within the transaction. Returns False if another worker has it."""
    return store.take_line(job.organisation_id, job.id, position - 1, position, clock.now() + LEASE)


def _carry_out(settings: Settings, organisation: Organisation, job: Job, line: JobLine, content: dict[str, Any]) -> None:
    """Create or change a person, by the rights that the administrator who started the import has now."""
    origin, values, code = Origin(Person(job.created_by)), content["values"], ""
    changed: tuple[str, ...] = ()
    user = lookup.find(organisation.id, values["username"])
    if (user is None) != (line.outcome == CREATED):  # nobody else is changed, and nobody who was removed comes back
        raise Conflict(STALE)
    if user is None:
        ready = Ready()
        user = accounts.create(settings, organisation, PersonDraft.of(**for_new_person(values)), origin, ready)
        outcome = CREATED
        code = invitations.print_code(settings, organisation, user, origin) if job.prints_codes else ""
    else:
        changed = accounts.change(settings, organisation, user, values, origin)
        outcome = CHANGED if changed else UNCHANGED
    kept = {**content, "values": {}, "cells": {}, "changed": changed}
    ring = settings.ring
    store.change_line(
        job.organisation_id,
        line.id,
        outcome=outcome,
        sealed=sealed.JOB_LINES.seal_json(ring, line.id, kept),
        sealed_code=sealed.JOB_CODES.seal_json(ring, line.id, code) if code else "",
    )


def _refuse(settings: Settings, job: Job, line: JobLine, content: dict[str, Any], why: Message) -> bool:
    kept = {**content, "values": {}, "refusal": why.as_json()}
    with transaction():
        if not _take(job, line.position):
            return False
        text = sealed.JOB_LINES.seal_json(settings.ring, line.id, kept)
        store.change_line(job.organisation_id, line.id, outcome=REFUSED, sealed=text, sealed_code="")
    return True
