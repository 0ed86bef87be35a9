"""Migrations stand in one line: two that were written at the same time would leave a database that nobody can migrate."""

import re

from tests.architecture.sources import ROOT


def test_each_migration_follows_the_one_before() -> None:
    """The number in the file's name is its revision, and the former number is what it follows."""
    files = sorted((ROOT / "migrations" / "versions").glob("*.py"))
    told = [re.findall(r"^(?:down_)?revision = (?:'(\d+)'|None)", file.read_text("utf-8"), re.MULTILINE) for file in files]
    assert told == [[f"{number:04}", f"{number - 1:04}" if number > 1 else ""] for number in range(1, len(files) + 1)]
    assert [file.name[:4] for file in files] == [revision for revision, _ in told]
