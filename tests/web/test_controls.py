"""What people who cannot see, or have no mouse, get from a page: names, stops, focus and what is announced (WCAG 2.2)."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest
from flask import Flask
from selectolax.lexbor import LexborHTMLParser

from idp.web import pages
from tests.browser.samples import SAMPLES

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
BARE = {
    "Change", "Copy", "Delete", "Disable", "Edit", "Enable", "End", "Forget", "Hide", "Remove", "Rename", "Rotate", "Show",
}  # fmt: skip
"""Words that do not say what a control does unless one sees what stands beside it."""
REFERENCES = ("for", "aria-labelledby", "aria-describedby", "aria-controls")
OF_THE_FRAME = ("header", "footer", "nav")


@dataclass
class Node:
    """Hold an element with its text, as far as people who hear the page get it."""

    tag: str
    given: Mapping[str, str | None]
    within: tuple[str, ...]
    pieces: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return the accessible name of a button or link, or the ids of the texts that make it."""
        told = self.given.get("aria-labelledby") or self.given.get("aria-label") or "".join(self.pieces)
        return " ".join(told.split())

    @property
    def is_stop(self) -> bool:
        """Check if the Tab key stops here."""
        if self.given.get("tabindex") == "-1" or self.given.get("type") == "hidden":
            return False  # what has the attribute `hidden` waits for the script
        return self.tag in ("button", "input", "select", "textarea", "summary") or (self.tag == "a" and "href" in self.given)


class Elements(HTMLParser):
    """List the elements of a page in their order."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.all: list[Node] = []
        self._open: list[Node] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        node = Node(tag, dict(attrs), tuple(one.tag for one in self._open))
        self.all.append(node)
        if tag not in VOID:
            self._open.append(node)

    def handle_data(self, data: str) -> None:
        """Note text, for every element around it, unless it is hidden from those who hear the page."""
        if not any(one.given.get("aria-hidden") == "true" for one in self._open):
            for one in self._open:
                one.pieces.append(data)

    def handle_endtag(self, tag: str) -> None:
        """Close the element, and those that need no end."""
        while self._open and self._open.pop().tag != tag:
            pass

    def controls(self) -> Iterator[Node]:
        """Yield the links and buttons of the page itself."""
        for one in self.all:
            if one.is_stop and one.tag in ("a", "button", "summary") and not set(OF_THE_FRAME) & set(one.within):
                yield one


WITHOUT_A_FIELD = {"passkey-refused"}
"""Samples of errors with no field to mend."""


@pytest.fixture(scope="module")
def shown() -> dict[str, Elements]:
    """Hold the samples, parsed once."""
    return {}


@pytest.fixture
def samples(request: pytest.FixtureRequest, shown: dict[str, Elements]) -> dict[str, Elements]:
    """Give the elements of every sample."""
    if not shown:
        app: Flask = request.getfixturevalue("app")
        for name, (template, page) in SAMPLES.items():
            with app.test_request_context("/"):
                shown[name] = Elements(pages.render(template, page).get_data(as_text=True))
    return shown


def test_every_control_says_what_it_does(samples: dict[str, Elements]) -> None:
    """SC 2.4.4, 2.4.6: people who jump from button to button hear "Remove Passkey Phone", not "Remove"."""
    vague = {name: [one.name for one in page.controls() if one.name in BARE | {""}] for name, page in samples.items()}
    assert {name: found for name, found in vague.items() if found} == {}


def test_an_id_names_one_element(samples: dict[str, Elements]) -> None:
    """HTML: an id is not empty, contains no blank, and stands once on a page; labels and hints find only such elements."""
    faults = {}
    for name, page in samples.items():
        ids = Counter(str(one.given["id"]) for one in page.all if "id" in one.given)
        faults[name] = [one for one, count in ids.items() if count > 1 or not one or any(map(str.isspace, one))]
    assert {name: found for name, found in faults.items() if found} == {}


def test_references_lead_to_elements(samples: dict[str, Elements]) -> None:
    """SC 1.3.1, 4.1.2: a label, a hint and a heading that a page names by id are on that page."""
    lost = {}
    for name, page in samples.items():
        ids = {one.given.get("id") for one in page.all}
        named = [word for one in page.all for key in REFERENCES for word in (one.given.get(key) or "").split()]
        lost[name] = [one for one in named if one not in ids]
    assert {name: found for name, found in lost.items() if found} == {}


def test_no_two_controls_of_a_page_sound_the_same(samples: dict[str, Elements]) -> None:
    """SC 2.4.4: two buttons "Save" on one page are one choice too many for people who do not see their forms."""
    twice = {
        name: [words for words, count in Counter(one.name for one in page.controls()).items() if count > 1]
        for name, page in samples.items()
    }
    assert {name: found for name, found in twice.items() if found} == {}


def test_one_thing_is_one_stop(samples: dict[str, Elements]) -> None:
    """A page has one link to a place, so that the Tab key stops there once. (Samples have one query for all.)"""
    twice = {}
    for name, page in samples.items():
        places = Counter(one.given["href"] for one in page.controls() if one.tag == "a")
        twice[name] = [place for place, count in places.items() if count > 1 and str(place).startswith(("/", "http"))]
    assert {name: found for name, found in twice.items() if found} == {}


def test_an_error_leads_to_its_field(samples: dict[str, Elements]) -> None:
    """SC 3.3.1, 3.3.3: the summary links to a field that is marked, and that field names the summary."""
    lost = []
    for name, page in samples.items():
        fields = {one.given["id"]: one for one in page.all if one.given.get("aria-invalid") == "true"}
        links = [one.given["href"] for one in page.all if one.tag == "a" and (one.given.get("href") or "").startswith("#")]
        aimed = {str(link).removeprefix("#") for link in links} - {"main"}
        described = all("errors" in (one.given.get("aria-describedby") or "").split() for one in fields.values())
        told = bool(fields) or (name not in WITHOUT_A_FIELD and any(one.given.get("id") == "errors" for one in page.all))
        lost += [name] if told != bool(aimed & set(fields)) or not described else []
    assert lost == []


def test_a_value_has_the_name_of_its_column(app: Flask) -> None:
    """SC 1.3.1, 3.2.4: on a narrow screen each value stands behind the name of its column: the word of the wide one."""
    other = []
    for name, (template, page) in SAMPLES.items():
        with app.test_request_context("/"):
            html = LexborHTMLParser(pages.render(template, page).get_data(as_text=True))
        for table in html.css("table.list"):
            columns = [one.text(strip=True) for one in table.css("thead th")]
            for row in table.css("tbody tr"):
                cells = zip(columns, row.css("td, th"), strict=True)
                other += [(name, cell.attributes["data-name"]) for column, cell in cells
                          if cell.attributes.get("data-name", column) != column]  # fmt: skip
    assert other == []


def test_the_focus_is_where_the_work_is(samples: dict[str, Elements]) -> None:
    """SC 2.4.3: at most one element asks for the focus: where there is news, the outcome, the summary, or the field."""
    faults = {}
    for name, page in samples.items():
        focused = [one for one in page.all if "autofocus" in one.given]
        has_news = any(_is_news(one) for one in page.all)
        fitting = [one for one in focused if _is_news(one) or one.given.get("aria-invalid")]
        if len(focused) > 1 or (has_news and not fitting):
            faults[name] = [one.given.get("id") for one in focused]
    assert faults == {}


def _is_news(one: Node) -> bool:
    """Check if an element tells what came of the last action: the outcome, what is wrong, or a secret that is shown once."""
    return one.given.get("id") in ("done", "errors") or one.given.get("aria-labelledby") in ("connected", "secret")
