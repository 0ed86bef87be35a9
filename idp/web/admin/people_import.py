"""Import people from a CSV file: upload it, see what it would do, start it, follow it, and print the codes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from flask import Blueprint, Response, abort, request, url_for

from idp import clock, csv_export
from idp.errors import Invalid, Message, say, say_many
from idp.identity.people_import import csv_file, jobs
from idp.identity.roles import ROLE_NAMES, Role
from idp.identity.users.activity import FIELDS
from idp.store import jobs as store
from idp.store import users
from idp.store.jobs import Job, JobLine
from idp.web import forms, language, pages, request_context
from idp.web.admin import guard, import_sheet
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin, Frame
from idp.web.downloads import separator, spreadsheet

HERE = "people"
LARGEST_FORM = 2 * csv_file.MOST_BYTES
"""More bytes than the limit of a file, so that the page itself refuses one that is too large."""
PAGE = 100
NEWEST = 20
OUTCOMES: Mapping[str, Message] = {
    "refused": say("refused"), "created": say("created"), "changed": say("changed"), "unchanged": say("unchanged"),
}  # fmt: skip
DOES = ("created", "changed")
"""The outcomes of lines that do something."""
NOTHING_TO_DO = say("This file adds and changes nobody.")
STATES: Mapping[str, Message] = {
    "draft": say("checked, not started"),
    "waiting": say("waiting"),
    "running": say("running"),
    "done": say("finished"),
    "cancelled": say("cancelled"),
}
FIELD_NAMES: Mapping[str, Message] = {name: FIELDS[name] for name in csv_file.HEADERS}


@dataclass(frozen=True)
class ImportPage:
    """Hold the form for a file, and the newest imports. ``columns``: the names that a header may have."""

    frame: Frame
    columns: tuple[tuple[str, Message], ...]
    jobs: tuple["ListedImport", ...]
    errors: tuple[Message, ...] = ()


@dataclass(frozen=True)
class ListedImport:
    """Hold an import in the list."""

    id: str
    state: Message
    by: str
    created_at: datetime
    done: int
    total: int


@dataclass(frozen=True)
class Line:
    """Hold a line of the file. ``number``: in the file; ``changed``: the fields; ``why``: why it was refused."""

    number: int
    username: str
    outcome: str
    words: Message
    changed: tuple[Message, ...]
    why: Message | None


@dataclass(frozen=True)
class JobPage:
    """Hold an import. ``counts``: lines by outcome, with a link to them; ``chosen``: the outcome that is shown.

    ``does_something``: a line would create or change somebody.
    """

    frame: Frame
    id: str
    state: str
    in_words: Message
    total: int
    done: int
    counts: tuple[tuple[str, int], ...]
    chosen: str
    lines: tuple[Line, ...]
    later: str
    prints_codes: bool
    has_codes: bool
    codes_until: datetime | None
    has_refused: bool = False
    does_something: bool = True


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes; they are below the people in the menu."""
    path = "/<store_url>/people/import"
    blueprint.add_url_rule(path, "import_people", upload, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{path}/template.csv", "import_template", template)
    blueprint.add_url_rule(f"{path}/<job_id>", "import_job", show)
    for act in ACTS:
        view = partial(_act, act=act)
        blueprint.add_url_rule(f"{path}/<job_id>/{act}", f"import_{act}", view, methods=["GET", "POST"])


def upload(store_url: str) -> Response:
    """Take a file and show what it would do. Only the job is written."""
    request.max_content_length = LARGEST_FORM
    admin = guard.administrator(store_url)
    if request.method == "GET":
        return pages.render("admin/import.html", _upload_page(admin))
    prints = "print_codes" in forms.fields()
    try:
        data = forms.upload("file", csv_file.MOST_BYTES)
        made = jobs.draft(request_context.settings(), admin.organisation, data, admin.origin, prints_codes=prints)
    except Invalid as wrong:
        return pages.render("admin/import.html", _upload_page(admin, wrong.message), 422)
    return pages.see_other(_address(admin, made))


def template(store_url: str) -> Response:
    """Send an example of a file, with columns as the reader calls them."""
    guard.administrator(store_url)
    head = tuple(pages.words(FIELD_NAMES[name]) for name in csv_file.HEADERS)
    role, last_day = pages.words(ROLE_NAMES[Role.EMPLOYEE]), f"{clock.now().year + 1}-12-31"
    cells = [head, ("kim", "Kim de Vries", "", "+31 6 12345678", role, "", "", language.chosen(), last_day)]
    return spreadsheet((csv_export.line(row, separator()) for row in cells), "people-template.csv")


def show(store_url: str, job_id: str) -> Response:
    """Show what an import would do, how far it is, or what it did."""
    admin = guard.administrator(store_url)
    return pages.render("admin/import_job.html", _job_page(admin, job_at(admin, job_id)))


def _act(store_url: str, job_id: str, *, act: str) -> Response:
    admin = guard.administrator(store_url)
    job = job_at(admin, job_id)
    chosen = ACTS[act]
    guard.administrator(store_url, fresh=chosen.asks_password)
    taken = sum(store.counts(admin.organisation.id, job.id).get(outcome, 0) for outcome in DOES)
    if act == "start" and job.state == "draft" and not taken:
        return guard.told(admin, _address(admin, job.id), NOTHING_TO_DO)
    question = Question(
        chosen.heading.about(num=taken), chosen.sentences, chosen.button, _address(admin, job.id),
        asks_password=chosen.asks_password,
    )  # fmt: skip
    return confirm_then(admin, HERE, question, partial(chosen.do, admin, job))


def _start(admin: Admin, job: Job) -> Response:
    jobs.start(request_context.settings(), job, admin.origin)
    return pages.see_other(_address(admin, job.id))


def _cancel(admin: Admin, job: Job) -> Response:
    jobs.cancel(job, admin.origin)
    return pages.see_other(url_for("admin.import_people", store_url=admin.organisation.store_url))


def _codes(admin: Admin, job: Job) -> Response:
    return import_sheet.show_once(admin.frame(HERE), job, admin.origin, _address(admin, job.id))


@dataclass(frozen=True)
class Act:
    """Describe what can be done with an import, and the question before it."""

    heading: Message
    sentences: tuple[Message, ...]
    button: Message
    do: Callable[[Admin, Job], Response]
    asks_password: bool = True


ACTS: Mapping[str, Act] = {
    "start": Act(
        say_many("Import %(num)s line?", "Import %(num)s lines?", 0),
        (
            say("Exactly the file that you have just checked is imported. Refused lines are left out."),
            say("You can close this page: the import continues."),
        ),
        say("Import these people"),
        _start,
    ),
    "cancel": Act(
        say("Discard this import?"),
        (say("Nobody has been created or changed yet. The file is forgotten."),),
        say("Discard the import"),
        _cancel,
        asks_password=False,
    ),
    "codes": Act(
        say("Show the sheet with codes?"),
        (
            say("The codes are shown once, to print and hand over. Give each card to its own person only."),
            say("Make sure that your printer works before you continue."),
        ),
        say("Show the sheet"),
        _codes,
    ),
}


def job_at(admin: Admin, job_id: str) -> Job:
    """Return an import of the organisation; 404 for anything else."""
    found = store.job(admin.organisation.id, job_id)
    return found if found is not None and found.kind == jobs.KIND and found.state in STATES else abort(404)


def _address(admin: Admin, job_id: str) -> str:
    return url_for("admin.import_job", store_url=admin.organisation.store_url, job_id=job_id)


def _upload_page(admin: Admin, *errors: Message) -> ImportPage:
    found = [job for job in store.jobs_of(admin.organisation.id, NEWEST, kind=jobs.KIND) if job.state in STATES]
    names = users.usernames(admin.organisation.id, [job.created_by for job in found])
    return ImportPage(
        frame=admin.frame(HERE),
        columns=tuple((name, FIELD_NAMES[name]) for name in csv_file.HEADERS),
        jobs=tuple(
            ListedImport(job.id, STATES[job.state], names.get(job.created_by, ""), job.created_at, job.done, job.total)
            for job in found
        ),
        errors=errors,
    )


def _job_page(admin: Admin, job: Job) -> JobPage:
    counts = store.counts(admin.organisation.id, job.id)
    asked = request.args.get("show", "")
    chosen = asked if asked in OUTCOMES else next((one for one in OUTCOMES if counts.get(one)), "")
    found = store.lines(admin.organisation.id, job.id, chosen, forms.row_asked(), PAGE + 1)
    last = found[PAGE - 1].position if len(found) > PAGE else 0
    later = f"{_address(admin, job.id)}?show={chosen}&before={last}" if last else ""
    is_left = job.codes_until is not None and job.codes_until > clock.now() and job.codes_shown_at is None
    return JobPage(
        frame=admin.frame(HERE),
        id=job.id,
        state=job.state,
        in_words=STATES[job.state],
        total=job.total,
        done=job.done,
        counts=tuple((name, counts[name]) for name in OUTCOMES if counts.get(name)),
        chosen=chosen,
        lines=tuple(_line(line) for line in found[:PAGE]),
        later=later,
        prints_codes=job.prints_codes,
        has_codes=job.state == "done" and is_left and bool(counts.get("created")),
        codes_until=job.codes_until,
        has_refused=bool(counts.get("refused")),
        does_something=any(counts.get(outcome) for outcome in DOES),
    )


def _line(line: JobLine) -> Line:
    content = jobs.content_of(request_context.settings(), line)
    return Line(
        number=content["number"],
        username=content["username"],
        outcome=line.outcome,
        words=OUTCOMES[line.outcome],
        changed=tuple(FIELD_NAMES.get(name, Message(name)) for name in content["changed"]),
        why=Message.from_json(content["refusal"]) if content["refusal"] else None,
    )
