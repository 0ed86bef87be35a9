"""Migrations form one line. Two branches would leave a database that cannot be migrated."""

import re

from tests.architecture.sources import ROOT


def test_each_migration_follows_the_one_before() -> None:
    """The number in the file's name is its revision, and it follows the previous number.

    The name may add the oldest code that can use its tables (``schema.is_usable``). That code stays the same or gets
    newer.
    """
    files = sorted((ROOT / "migrations" / "versions").glob("*.py"))
    texts = [file.read_text("utf-8") for file in files]
    pairs = [re.findall(r"^(?:down_)?revision = (?:'([\w]+)'|None)", text, re.MULTILINE) for text in texts]
    names = [re.match(r"\d{4}(?:_from_\d{4})?(?=_)", file.name) for file in files]
    revisions = [name[0] for name in names if name]
    assert pairs == [list(pair) for pair in zip(revisions, ["", *revisions], strict=False)]
    assert [int(revision[:4]) for revision in revisions] == list(range(1, len(files) + 1))
    oldest = [revision.partition("_from_")[2] or revision for revision in revisions]
    assert oldest == sorted(oldest), "a database must not become usable again for code that it was too new for"
