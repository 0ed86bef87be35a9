"""Write a long file for the worker: each chunk is one transaction, with the claim on it and the place of the next one."""

import structlog

from idp import clock, outage
from idp.actors import Person
from idp.audit import Origin, search
from idp.config import Settings
from idp.db import release, transaction
from idp.errors import Refusal
from idp.identity.exports import files
from idp.identity.exports.files import Chunk, Wanted
from idp.identity.jobs import loop
from idp.identity.jobs.loop import LEASE, Carrier, Kinds, Step
from idp.identity.users import export as people
from idp.keyset import Place
from idp.store import audit, user_search
from idp.store import jobs as store
from idp.store.jobs import Job
from idp.store.organisations import Organisation
from idp.store.user_search import PeopleSought

CHUNK = 1_000
log = structlog.get_logger("jobs")


class Writer:
    """Write chunks of one file in a round of the worker."""

    def __init__(self, settings: Settings, organisation: Organisation, job: Job) -> None:
        self._settings, self._organisation, self._job = settings, organisation, job
        self._lines = job.total
        self._chunks: PeopleChunks | AuditChunks | None = None

    def write(self, position: int) -> Step:
        """Write the chunk at a position. A file that cannot be written ends as failed, and holds up no other job."""
        try:
            return self._write(position)
        except Refusal as refusal:
            log.info("export_refused", job=self._job.id, reason=str(refusal))
            loop.end(self._job, "running", "cancelled")
        except Exception as error:
            if outage.is_outage(error):
                raise
            log.exception("export_failed", job=self._job.id)
            loop.end(self._job, "running", "failed")
        return Step.LOST

    def _write(self, position: int) -> Step:
        """Write by the rights that the person who asked for the file has now."""
        job = self._job
        files.require_may(job.organisation_id, job.kind, Origin(Person(job.created_by)))
        room = min(CHUNK, files.MOST_LINES - self._lines)
        self._chunks = self._chunks or self._begin()
        chunk, count = self._chunks.read(room) if room > 0 else (Chunk("", 0), 0)
        release()
        if not count:
            return Step.OVER
        line = files.pack(self._settings, job, position, chunk)
        with transaction():
            until = clock.now() + LEASE
            if not store.take_chunk(job.organisation_id, job.id, position - 1, self._lines + count, until):
                return Step.LOST
            store.add_lines([line])
        self._lines += count
        return Step.DONE

    def _begin(self) -> "PeopleChunks | AuditChunks":
        job, wanted = self._job, files.wanted_of(self._settings, self._job)
        after = files.chunk_at(self._settings, job, job.done).after if job.done else ""
        if isinstance(wanted.sought, PeopleSought):
            return PeopleChunks(job.organisation_id, wanted, wanted.sought, str(after))
        chain = audit.INSTALLATION if job.kind == files.INSTALLATION else job.organisation_id
        return AuditChunks(chain, wanted, wanted.sought, int(after or 0))


class PeopleChunks:
    """Read people by username, from a username on."""

    def __init__(self, organisation_id: str, wanted: Wanted, sought: PeopleSought, after: str) -> None:
        self._organisation_id, self._separator, self._sought, self._after = organisation_id, wanted.separator, sought, after
        self._belongings = people.belongings(organisation_id)

    def read(self, most: int) -> tuple[Chunk, int]:
        """Return the next chunk, and how many lines it has."""
        place = Place((self._after,)) if self._after else None
        rows = user_search.search(self._organisation_id, self._sought, place, most)
        self._after = rows[-1].username_key if rows else self._after
        text = "".join(people.line(row, self._belongings, self._separator) for row in rows)
        return Chunk(text, self._after), len(rows)


class AuditChunks:
    """Read a chain of the audit log, oldest first, from a row on."""

    def __init__(self, chain: str, wanted: Wanted, sought: audit.Sought, after: int) -> None:
        self._chain, self._wanted, self._sought, self._after = chain, wanted, sought, after

    def read(self, most: int) -> tuple[Chunk, int]:
        """Return the next chunk, and how many lines it has."""
        rows = search.some(self._chain, self._sought, self._after, most)
        self._after = rows[-1].row.seq if rows else self._after
        if self._wanted.form == "json":
            return Chunk(",\n".join(map(search.json_line, rows)), self._after), len(rows)
        return Chunk("".join(search.csv_line(row, self._wanted.separator) for row in rows), self._after), len(rows)


def carry(settings: Settings, organisation: Organisation, job: Job) -> Carrier:
    """Return what writes a chunk of the file, for the loop of the worker."""
    return Writer(settings, organisation, job).write


KINDS: Kinds = dict.fromkeys((files.PEOPLE, files.AUDIT, files.INSTALLATION), carry)
