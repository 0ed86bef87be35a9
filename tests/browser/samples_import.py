"""Show the pages of an import of people, in each state that looks different."""

from dataclasses import replace

from idp.errors import say
from idp.identity.accounts import belongings
from idp.identity.people_import.codes import Card
from idp.web.admin.import_sheet import SheetPage
from idp.web.admin.people_import import FIELD_NAMES, OUTCOMES, STATES, ImportPage, JobPage, Line, ListedImport
from tests.browser.samples_console import DAY, FRAME, LONG

FORM = ImportPage(
    frame=FRAME,
    columns=tuple(FIELD_NAMES.items()),
    jobs=(ListedImport("a", STATES["done"], "anna", DAY, 200, 200), ListedImport("b", STATES["draft"], LONG, DAY, 0, 5000)),
)
REFUSED = belongings.MISSING["shops"].about(name=LONG)
DRAFT = JobPage(
    frame=FRAME,
    id="a",
    state="draft",
    in_words=STATES["draft"],
    total=200,
    done=0,
    counts=tuple((name, 7) for name in OUTCOMES),
    chosen="refused",
    lines=(
        Line(2, LONG, "refused", OUTCOMES["refused"], (), REFUSED),
        Line(3, "kim", "changed", OUTCOMES["changed"], (FIELD_NAMES["name"], FIELD_NAMES["valid_until"]), None),
    ),
    later="?before=3",
    prints_codes=True,
    has_codes=False,
    codes_until=None,
    has_refused=True,
)
SHEET = SheetPage(
    frame=FRAME,
    job_id="a",
    cards=(Card("kim", "Kim de Vries", "ab3d-ef4h-jk5m-np6r-st7v-wx8z"), Card(LONG, LONG, "bb3d-ef4h-jk5m-np6r-st7v-wx8z")),
    address="https://id.example.com/welcome",
    printed_at=DAY,
    until=DAY,
    box="0 0 2 2",
    path="M0 0.5h1",
)
JOBS = {
    "console-import": ("admin/import.html", FORM),
    "console-import-wrong": ("admin/import.html", replace(FORM, jobs=(), errors=(say("Choose a file first."),))),
    "console-import-tried": ("admin/import_job.html", DRAFT),
    "console-import-tried-nothing": (
        "admin/import_job.html",
        replace(DRAFT, counts=(("refused", 7), ("unchanged", 7)), lines=DRAFT.lines[:1], does_something=False),
    ),
    "console-import-waiting": ("admin/import_job.html", replace(DRAFT, state="waiting", in_words=STATES["waiting"])),
    "console-import-running": (
        "admin/import_job.html",
        replace(DRAFT, state="running", in_words=STATES["running"], done=70),
    ),
    "console-import-done": (
        "admin/import_job.html",
        replace(DRAFT, state="done", in_words=STATES["done"], done=200, has_codes=True, codes_until=DAY),
    ),
    "console-import-sheet-ended": ("admin/import_sheet.html", replace(SHEET, ended=("liv", LONG))),
    "console-import-sheet": ("admin/import_sheet.html", SHEET),
}
