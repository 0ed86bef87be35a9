"""Show the pages of a long export, in each state that looks different."""

from dataclasses import replace

from idp.identity.exports import files
from idp.web.admin.exports import NAMES, STATES, AskPage, FilePage, ListedFile
from tests.browser.samples_console import DAY, FRAME, LONG

ASK = AskPage(
    frame=FRAME,
    heading=NAMES[files.PEOPLE][1],
    section="people",
    back="/admin/example-shoes/people?q=kim",
    kept=(
        ListedFile("a", STATES["done"], "anna", DAY, 123_456),
        ListedFile("b", STATES["running"], LONG, DAY, 1_000),
    ),
)
FILE = FilePage(
    frame=FRAME,
    id="a",
    heading=NAMES[files.AUDIT][1],
    section="audit",
    state="waiting",
    in_words=STATES["waiting"],
    lines=0,
    is_cut=False,
    until=DAY,
)


def _file(state: str, lines: int, *, is_cut: bool = False) -> tuple[str, FilePage]:
    return "admin/export_file.html", replace(FILE, state=state, in_words=STATES[state], lines=lines, is_cut=is_cut)


EXPORTS = {
    "console-export": ("admin/export.html", ASK),
    "console-export-first": ("admin/export.html", replace(ASK, kept=())),
    "console-export-waiting": _file("waiting", 0),
    "console-export-running": _file("running", 1),
    "console-export-done": _file("done", 1_000_000, is_cut=True),
    "console-export-cancelled": _file("cancelled", 0),
    "console-export-failed": _file("failed", 0),
}
