"""Keep what a long file shall hold as a job, and read the file that the worker wrote.

Chunks are sealed, as a file of people that is imported: they hold personal data.
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from idp import clock, crypto
from idp.audit import Event, Origin, record, search
from idp.config import Settings
from idp.db import release, transaction
from idp.errors import Conflict, NotFound, Unreadable, say
from idp.identity import permissions
from idp.identity.jobs import loop
from idp.identity.users import export as people
from idp.store import audit, sealed
from idp.store import jobs as store
from idp.store.jobs import Job, JobLine
from idp.store.user_search import PeopleSought

PEOPLE, AUDIT, INSTALLATION = "people_export", "audit_export", "installation_export"
"""The kinds of files: people, the audit log of an organisation, and that of the installation, which is for operators."""
AT_ONCE = 10_000
"""A file of more lines is written by the worker."""
MOST_LINES = 1_000_000
"""The lines at which a file ends. What it leaves out is found by a narrower filter."""
MOST_KEPT = 5
"""Files of a kind that an organisation keeps: the newest ones."""
REQUEST = 0
"""The position of the line that holds what was asked for; chunks follow from 1."""
NOT_WRITTEN = say("This file has not been written yet, or was discarded.")
LOST = say("This file can no longer be read. Make it again.")


@dataclass(frozen=True)
class Wanted:
    """Hold what a file shall hold. ``form``: csv or json; ``separator``: of cells; ``name``: of the file."""

    kind: str
    sought: PeopleSought | audit.Sought
    name: str
    form: str = "csv"
    separator: str = ","


@dataclass(frozen=True)
class Chunk:
    """Hold some lines of a file, and the place where the next chunk begins: a username or a number of the audit log."""

    text: str
    after: str | int


def require_may(organisation_id: str, kind: str, origin: Origin) -> None:
    """Raise unless the acting person may have a file of this kind now."""
    permissions.require_ruler(organisation_id, origin)
    if kind == INSTALLATION and not permissions.runs_installation(origin):
        raise NotFound(detail="the installation's audit log is for operators")


def start(settings: Settings, organisation_id: str, wanted: Wanted, origin: Origin) -> str:
    """Hand a file to the worker. Returns the job's id. Of each kind the newest files are kept."""
    require_may(organisation_id, wanted.kind, origin)
    plain = json.dumps({**asdict(wanted), "sought": _plain(_steady(wanted.sought))}).encode()
    job = Job(
        organisation_id=organisation_id,
        id=crypto.new_id(),
        kind=wanted.kind,
        state="waiting",
        created_by=origin.actor_id,
        created_at=clock.now(),
        digest=crypto.sha256(plain),
        total=0,
    )
    with transaction():
        store.add_job(job)
        store.add_lines([line_of(settings, job, REQUEST, plain)])
        store.keep_newest(organisation_id, wanted.kind, MOST_KEPT)
    return job.id


def note_handed_out(organisation_id: str, kind: str, lines: int, origin: Origin) -> None:
    """Record that a person gets a file, sent at once or written by the worker: in the chain that an exported log is of."""
    event = Event.PEOPLE_EXPORTED if kind == PEOPLE else Event.AUDIT_EXPORTED
    chain = audit.INSTALLATION if kind == INSTALLATION else organisation_id
    with transaction():
        record(origin, event, organisation_id=chain, data={"lines": lines})


def discard(job: Job, origin: Origin) -> None:
    """Discard a file, written or not. Raises ``Conflict`` if its state changed."""
    require_may(job.organisation_id, job.kind, origin)
    if not loop.end(job, job.state, "cancelled"):
        raise Conflict(say("This file has changed since this page was shown. Look at it again."))


def wanted_of(settings: Settings, job: Job) -> Wanted:
    """Return what a file shall hold. Raises ``Unreadable``, and ``NotFound`` if it was discarded."""
    held = json.loads(_opened(settings, job, REQUEST))
    if job.kind == PEOPLE:
        return Wanted(**{**held, "sought": PeopleSought(**_held(held["sought"]))})
    return Wanted(**{**held, "sought": audit.Sought(**_held(held["sought"]))})


def pack(settings: Settings, job: Job, position: int, chunk: Chunk) -> JobLine:
    """Return a chunk as a line of the job."""
    return line_of(settings, job, position, json.dumps(asdict(chunk)).encode())


def chunk_at(settings: Settings, job: Job, position: int) -> Chunk:
    """Return a chunk. Raises ``Unreadable``, and ``NotFound`` if the file was discarded."""
    return Chunk(**json.loads(_opened(settings, job, position)))


def pieces(settings: Settings, job: Job, origin: Origin) -> tuple[Wanted, Iterator[str]]:
    """Return what a written file holds, and its text in pieces. Raises ``Conflict`` where there is no file to send."""
    require_may(job.organisation_id, job.kind, origin)
    if job.state != "done":
        raise Conflict(NOT_WRITTEN)
    try:
        wanted = wanted_of(settings, job)
    except Unreadable as lost:
        raise Conflict(LOST) from lost
    except NotFound as gone:
        raise Conflict(NOT_WRITTEN) from gone
    note_handed_out(job.organisation_id, job.kind, job.total, origin)
    return wanted, (_as_json if wanted.form == "json" else _as_csv)(settings, job, wanted)


def _as_csv(settings: Settings, job: Job, wanted: Wanted) -> Iterator[str]:
    yield people.header(wanted.separator) if job.kind == PEOPLE else search.header(wanted.separator)
    yield from _texts(settings, job)


def _as_json(settings: Settings, job: Job, _: Wanted) -> Iterator[str]:
    joint = "[\n"
    for text in _texts(settings, job):
        yield joint + text
        joint = ",\n"
    yield "[]\n" if joint == "[\n" else "\n]\n"


def _texts(settings: Settings, job: Job) -> Iterator[str]:
    """Yield the chunks. A file that is discarded during a download ends in an error, never as if it were whole."""
    for position in range(1, job.done + 1):
        text = chunk_at(settings, job, position).text
        release()
        yield text


def line_of(settings: Settings, job: Job, position: int, plain: bytes) -> JobLine:
    """Return a sealed line of a job, packed: lines of a file repeat each other."""
    line_id = crypto.new_id()
    return JobLine(
        organisation_id=job.organisation_id,
        id=line_id,
        job_id=job.id,
        position=position,
        outcome="written",
        sealed=sealed.JOB_LINES.seal(settings.ring, line_id, zlib.compress(plain)),
    )


def _opened(settings: Settings, job: Job, position: int) -> bytes:
    found = store.line(job.organisation_id, job.id, position)
    if found is None:
        raise NotFound(detail="the file was discarded")
    return zlib.decompress(sealed.JOB_LINES.open(settings.ring, found.id, found.sealed))


def _steady(sought: PeopleSought | audit.Sought) -> PeopleSought | audit.Sought:
    """Return a search that finds the same while the worker reads: people by username, and the audit log until now."""
    if isinstance(sought, PeopleSought):
        return replace(sought, order="")
    return replace(sought, until=min(sought.until or clock.now(), clock.now()))


def _plain(sought: PeopleSought | audit.Sought) -> dict[str, Any]:
    return {
        name: {"at": one.isoformat()} if isinstance(one, datetime) else one for name, one in asdict(sought).items() if one
    }


def _held(plain: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for name, one in plain.items():
        moment = datetime.fromisoformat(one["at"]) if isinstance(one, dict) else one
        found[name] = tuple(one) if isinstance(one, list) else moment
    return found
