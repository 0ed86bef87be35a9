"""Write lines for spreadsheets: CSV (RFC 4180) in which no cell is a formula (OWASP ASVS 1.2.10). Pure."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""First characters of a cell that a spreadsheet would evaluate; the wide forms count as well."""
_BEGINS = re.compile(r"(^|[;,|\t\r\n])((?:[^\S\t\r\n]|\")*)(?=[=+\-@＝＋－＠])|^(?=[\t\r\n])")
"""Where a cell begins in some country: Excel splits by the separator of its own, also within our quotation marks.
What may follow a separator holds none itself: a long run of them is read once.
"""
_DISARMED = re.compile(r"(^|[;,|\t\r\n])((?:[^\S\t\r\n]|\")*)'(?=[=+\-@＝＋－＠])|^'(?=[\t\r\n])")
BOM = "\ufeff"
"""Excel reads a file without it in the encoding of the country, not as UTF-8."""


def line(cells: Iterable[Any], separator: str = ",") -> str:
    """Return a line of quoted cells, with its end."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, delimiter=separator).writerow([_harmless(cell) for cell in cells])
    return out.getvalue()


def bare(cell: str) -> str:
    """Return a cell of a file as it was before ``line`` made it harmless."""
    return _DISARMED.sub(lambda found: (found[1] or "") + (found[2] or ""), cell)


def _harmless(cell: Any) -> Any:
    """Put a quote in front of what a spreadsheet would evaluate (OWASP, CSV injection); numbers stay as they are."""
    return _BEGINS.sub(lambda found: (found[1] or "") + (found[2] or "") + "'", cell) if isinstance(cell, str) else cell
