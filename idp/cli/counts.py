"""Word counts for people at a terminal."""


def counted(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun: ``1 session``, ``12,345 sessions``. ``many``: a plural that is not one with an s."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
