"""Stream files while they are written: no length fills memory or a cache."""

from collections.abc import Iterator
from itertools import chain

from flask import Response, stream_with_context

from idp import csv_export, languages
from idp.web import language


def download(pieces: Iterator[str], kind: str, filename: str) -> Response:
    """Return an answer of ``pieces`` that the browser saves as ``filename``. ``kind`` is its Content-Type."""
    response = Response(stream_with_context(pieces), content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def separator() -> str:
    """Return what separates cells in the reader's spreadsheet: a semicolon where the comma is the decimal sign."""
    return ";" if languages.has_decimal_comma(language.chosen()) else ","


def spreadsheet(lines: Iterator[str], filename: str) -> Response:
    """Return an answer of CSV lines, made with ``separator``, that a spreadsheet opens by a double click."""
    return download(chain((csv_export.BOM,), lines), "text/csv; charset=utf-8", filename)
