"""Attack the reader of an exported file: a person chooses a name that a spreadsheet splits and evaluates."""

import csv
import io

import pytest

from idp import csv_export
from tests.drivers.browser import Browser
from tests.drivers.people_import import upload
from tests.factories import Factory

EXPORT = "/admin/example-shoes/people/export.csv"
NAMES = ("Kim;=1+1;x", "Kim,=1+1,x", "Kim; @SUM(1)|x", 'Kim;"=1+1;x', "Kim\u3000,＝1+1,x", "Kim,-x")


def exported(browser: Browser, language: str) -> str:
    """Return the file as the reader of a language gets it."""
    return browser.open(f"{EXPORT}?language={language}").html.removeprefix(csv_export.BOM)


@pytest.mark.parametrize("language", ["en", "nl"])
@pytest.mark.parametrize("name", NAMES)
def test_no_cell_is_a_formula_whatever_separates_cells(
    factory: Factory, enter, shoes, anna, language: str, name: str
) -> None:
    """A spreadsheet splits by the separator of its country, which may not be that of the language of our pages (OWASP)."""
    factory.make_user(shoes, "kim", name=name)
    text = exported(enter(anna), language)
    for separator in ";,\t|":
        for row in csv.reader(io.StringIO(text), delimiter=separator):
            assert not [cell for cell in row if cell.lstrip().startswith(csv_export.FORMULA)], (separator, row)


@pytest.mark.parametrize("name", NAMES)
def test_an_exported_file_changes_nobody_when_it_is_imported(factory: Factory, enter, shoes, anna, name: str) -> None:
    """What the export puts before a formula is taken away again."""
    factory.make_user(shoes, "kim", name=name)
    browser = enter(anna)
    assert "2 unchanged" in upload(browser, exported(browser, "en")).text
