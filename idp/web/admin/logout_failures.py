"""What an app was not told of ended sessions (Back-Channel Logout), as operators see it."""

from dataclasses import dataclass
from datetime import datetime

from idp.store import logout_notices


@dataclass(frozen=True)
class LogoutFailures:
    """Hold how many ends of sessions wait, how many the app did not accept, since when, and its last answer."""

    waiting: int
    failed: int
    since: datetime
    reason: str


def failures_of(client_id: str) -> LogoutFailures | None:
    """Return what an app was not told; None where it accepted everything."""
    latest = logout_notices.latest_failure(client_id)
    for name, waiting, failed, since in logout_notices.troubled() if latest is not None else ():
        if name == client_id and latest is not None:
            return LogoutFailures(waiting, failed, since, latest.reason)
    return None
