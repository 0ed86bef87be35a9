"""The database itself: no table, but what it says of itself."""

from datetime import UTC, datetime

from sqlalchemy import text

from idp.db import connection


def now() -> datetime:
    """Return the time of the database's own clock, to be compared with ours."""
    if connection().dialect.name == "sqlite":
        seconds = connection().scalar(text("SELECT strftime('%s', 'now')"))
        return datetime.fromtimestamp(int(str(seconds)), UTC)
    found = connection().scalar(text("SELECT clock_timestamp()"))
    if not isinstance(found, datetime):
        raise TypeError("the database told no time")
    return found.astimezone(UTC)
