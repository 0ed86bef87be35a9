"""The one clock. Every moment in Sleutel is an aware UTC ``datetime`` that came from here."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def ago(**span: float) -> datetime:
    """Return the moment ``timedelta(**span)`` before now."""
    return now() - timedelta(**span)


def ahead(**span: float) -> datetime:
    """Return the moment ``timedelta(**span)`` after now."""
    return now() + timedelta(**span)


def epoch_seconds(moment: datetime) -> int:
    """Return whole seconds since 1970: JWT's NumericDate (RFC 7519 §2)."""
    return int(moment.timestamp())


def from_epoch(seconds: int) -> datetime:
    """Return the moment of a NumericDate."""
    return datetime.fromtimestamp(seconds, UTC)
