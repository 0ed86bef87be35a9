"""Check the database's address when the configuration is read: an error is reported before anything starts."""

import importlib

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

FORM = "must be sqlite:///FILE or postgresql://USER@HOST/NAME"
POSTGRESQL = ("postgresql", "postgresql+psycopg", "postgres")
OURS = "prepare_threshold"
"""Options of the driver, not of libpq: after how many uses a statement is prepared; 0 is never."""


def check_database_url(text: str) -> None:
    """Raise ``ValueError`` if the address names no database, or an option would be ignored."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise ValueError(FORM) from error
    if url.drivername == "sqlite":
        _check_sqlite(url)
    elif url.drivername in POSTGRESQL:
        _check_options(url)
    else:
        raise ValueError(FORM)


def _check_sqlite(url: URL) -> None:
    if url.host or not url.database or url.database == ":memory:":
        raise ValueError(f"{FORM}; SQLite needs a file")
    if url.query:
        raise ValueError(f"takes no option for SQLite ({', '.join(url.query)}); see synchronous and patience_seconds")


def _check_options(url: URL) -> None:
    """Check options against libpq's: it would refuse unknown ones only at the first connection."""
    conninfo = importlib.import_module("psycopg.conninfo")  # only here: on SQLite the driver would cost memory
    psycopg = importlib.import_module("psycopg")
    options = {name: value for name, value in url.query.items() if name not in (OURS, "host", "port")}
    try:
        conninfo.make_conninfo("", **options)
    except psycopg.Error as error:
        raise ValueError(f"{str(error).strip()}; options are those of libpq, and {OURS}") from error
    threshold = url.query.get(OURS, "0")
    if not (isinstance(threshold, str) and threshold.isdecimal()):
        raise ValueError(f"{OURS} must be a number, 0 for never")
