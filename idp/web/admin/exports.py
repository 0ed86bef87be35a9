"""Send a file at once, or have the worker write a long one: ask, follow, download, discard (people and the audit log)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, request, url_for

from idp.errors import Message, say
from idp.identity.exports import files
from idp.identity.exports.files import Wanted
from idp.identity.jobs import loop
from idp.store import jobs as store
from idp.store import users
from idp.store.jobs import Job
from idp.web import pages, request_context
from idp.web.admin import guard
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin, Frame
from idp.web.downloads import download, spreadsheet

STATES: Mapping[str, Message] = {
    "waiting": say("waiting"),
    "running": say("being written"),
    "done": say("ready"),
    "cancelled": say("discarded"),
    "failed": say("failed"),
}
NAMES: Mapping[str, tuple[str, Message]] = {
    files.PEOPLE: ("people", say("Export of people")),
    files.AUDIT: ("audit", say("Export of the audit log")),
    files.INSTALLATION: ("audit", say("Export of the installation's audit log")),
}
"""The section that a kind of file belongs to, and its heading."""


@dataclass(frozen=True)
class ListedFile:
    """Hold a file in the list."""

    id: str
    state: Message
    by: str
    created_at: datetime
    lines: int


@dataclass(frozen=True)
class AskPage:
    """Hold the question before a long file is made. ``kept``: the newest files.

    ``back``: the list that is exported, with its filter.
    """

    frame: Frame
    heading: Message
    section: str
    back: str
    kept: tuple[ListedFile, ...]


@dataclass(frozen=True)
class FilePage:
    """Hold a file. ``lines``: written so far; ``is_cut``: it ends at the limit; ``until``: when it is deleted."""

    frame: Frame
    id: str
    heading: Message
    section: str
    state: str
    in_words: Message
    lines: int
    is_cut: bool
    until: datetime


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    path = "/<store_url>/exports/<job_id>"
    blueprint.add_url_rule(path, "export_file", show)
    blueprint.add_url_rule(f"{path}/download", "download_export", send_written)
    blueprint.add_url_rule(f"{path}/discard", "discard_export", discard, methods=["GET", "POST"])


def send(admin: Admin, wanted: Wanted, found: int, lines: Iterator[str]) -> Response:
    """Send a short file at once. For a longer one, ask first, and hand it to the worker when the form is posted."""
    if found <= files.AT_ONCE:
        return pages.see_other(request.full_path) if request.method == "POST" else _sent(admin, wanted, found, lines)
    if request.method == "POST":
        made = files.start(request_context.settings(), admin.organisation.id, wanted, admin.origin)
        return pages.see_other(_address(admin, made))
    section, heading = NAMES[wanted.kind]
    page = AskPage(admin.frame(section), heading, section, _back(admin, section), _kept(admin, wanted.kind))
    return pages.render("admin/export.html", page)


def _sent(admin: Admin, wanted: Wanted, found: int, lines: Iterator[str]) -> Response:
    files.note_handed_out(admin.organisation.id, wanted.kind, found, admin.origin)
    return _file(wanted, lines)


def show(store_url: str, job_id: str) -> Response:
    """Show how far a file is."""
    admin, job = _job_at(store_url, job_id)
    section, heading = NAMES[job.kind]
    page = FilePage(
        frame=admin.frame(section),
        id=job.id,
        heading=heading,
        section=section,
        state=job.state,
        in_words=STATES[job.state],
        lines=job.total,
        is_cut=job.state == "done" and job.total >= files.MOST_LINES,
        until=job.created_at + timedelta(days=loop.KEEP_DAYS),
    )
    return pages.render("admin/export_file.html", page)


def send_written(store_url: str, job_id: str) -> Response:
    """Send a file that the worker has written."""
    admin, job = _job_at(store_url, job_id)
    return _file(*files.pieces(request_context.settings(), job, admin.origin))


def discard(store_url: str, job_id: str) -> Response:
    """Discard a file, after a question."""
    admin, job = _job_at(store_url, job_id)
    question = Question(
        say("Discard this file?"),
        (say("What has been written of it is deleted. You can make the file again."),),
        say("Discard the file"),
        _address(admin, job.id),
        asks_password=False,
    )
    return confirm_then(admin, NAMES[job.kind][0], question, partial(_discard, admin, job))


def _discard(admin: Admin, job: Job) -> Response:
    files.discard(job, admin.origin)
    return pages.see_other(_address(admin, job.id))


def _file(wanted: Wanted, lines: Iterator[str]) -> Response:
    return download(lines, "application/json", wanted.name) if wanted.form == "json" else spreadsheet(lines, wanted.name)


def _job_at(store_url: str, job_id: str) -> tuple[Admin, Job]:
    """Return the administrator and the file. One of the installation's audit log is not there for those of organisations."""
    admin = guard.administrator(store_url, or_installation=True)
    job = store.job(admin.organisation.id, job_id)
    if job is None or job.kind not in NAMES or (job.kind == files.INSTALLATION and not admin.is_operator):
        abort(404)
    return admin, job


def _address(admin: Admin, job_id: str) -> str:
    return url_for("admin.export_file", store_url=admin.organisation.store_url, job_id=job_id)


def _back(admin: Admin, section: str) -> str:
    """Return the address of the list, with the filter of this request."""
    address = url_for(f"admin.{section}", store_url=admin.organisation.store_url)
    asked = urlencode([*request.args.items(multi=True)])
    return f"{address}?{asked}" if asked else address


def _kept(admin: Admin, kind: str) -> tuple[ListedFile, ...]:
    found = store.jobs_of(admin.organisation.id, files.MOST_KEPT, kind=kind)
    names = users.usernames(admin.organisation.id, [job.created_by for job in found])
    return tuple(
        ListedFile(job.id, STATES[job.state], names.get(job.created_by, ""), job.created_at, job.total) for job in found
    )
