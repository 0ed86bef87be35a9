"""Write lines for spreadsheets: CSV (RFC 4180) in which no cell is a formula (OWASP ASVS 1.2.10). Pure."""

import csv
import io
from collections.abc import Iterable
from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""First characters of a cell that a spreadsheet would evaluate; the wide forms count as well."""


BOM = "\ufeff"
"""Excel reads a file without it in the encoding of the country, not as UTF-8."""


def line(cells: Iterable[Any], separator: str = ",") -> str:
    """Return a line of quoted cells, with its end."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, delimiter=separator).writerow([_harmless(cell) for cell in cells])
    return out.getvalue()


def _harmless(cell: Any) -> Any:
    """Put a quote in front of a text that a spreadsheet would evaluate (OWASP, CSV injection); numbers stay as they are."""
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" \u00a0").startswith(FORMULA) else cell
