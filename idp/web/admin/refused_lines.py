"""Send the refused lines of an import as a file, which can be corrected and imported again."""

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response

from idp import csv_export
from idp.errors import Message
from idp.identity.people_import import csv_file, jobs
from idp.store.jobs import Job
from idp.web import pages, request_context
from idp.web.admin import guard, people_import
from idp.web.downloads import separator, spreadsheet

COLUMNS = (csv_file.LINE, *csv_file.HEADERS, csv_file.WHY)


def mount(blueprint: Blueprint) -> None:
    """Add this file's route."""
    blueprint.add_url_rule("/<store_url>/people/import/<job_id>/refused.csv", "import_refused", send)


def send(store_url: str, job_id: str) -> Response:
    """Send each refused line with its number, its cells as they were given, and why it was refused.

    Cells for which the header had no name follow at the end, without a name: imported as it is, the line is refused again.
    """
    admin = guard.administrator(store_url)
    return spreadsheet(_lines(people_import.job_at(admin, job_id), separator()), f"people-refused-{store_url}.csv")


def _lines(job: Job, between: str) -> Iterator[str]:
    yield csv_export.line(COLUMNS, between)
    for content in jobs.refused(request_context.settings(), job):
        yield csv_export.line(_cells(content), between)


def _cells(content: Mapping[str, Any]) -> tuple[Any, ...]:
    given, why = content.get("cells", {}), Message.from_json(content["refusal"])
    named = (given.get(name, "") for name in csv_file.HEADERS)
    return content["number"], *named, pages.words(why), *content.get("more", ())
