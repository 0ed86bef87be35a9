"""The one clock. Every moment in Sleutel is an aware UTC ``datetime`` that came from here."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def ago(**span: float) -> datetime:
    """The moment that lies ``timedelta(**span)`` before now."""
    return now() - timedelta(**span)


def ahead(**span: float) -> datetime:
    """The moment that lies ``timedelta(**span)`` after now."""
    return now() + timedelta(**span)


def epoch_seconds(moment: datetime) -> int:
    """Whole seconds since 1970, as JWT's NumericDate wants them (RFC 7519 §2)."""
    return int(moment.timestamp())


def from_epoch(seconds: int) -> datetime:
    """The moment of a NumericDate."""
    return datetime.fromtimestamp(seconds, UTC)
