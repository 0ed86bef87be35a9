"""Guess a password, as the rate limits see it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from idp.config import Settings
from idp.errors import TooMany
from idp.identity.lockout import rate_limits
from idp.store.users import User

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Guesses:
    """Make guesses in an organisation. ``at`` is the moment of a guess."""

    settings: Settings
    organisation_id: str

    def gate(
        self, user: User | None, at: datetime = NOW, *, browser_id: str = "", address: str = "", typed: str = "nobody",
        authenticator: str = "password",
    ) -> rate_limits.Admitted:  # fmt: skip
        """Make one guess."""
        guess = rate_limits.Guess(
            authenticator, self.organisation_id, user.id if user else "", browser_id, address, entered=typed
        )
        return rate_limits.gate(self.settings, guess, at)

    def is_open(self, user: User | None, at: datetime = NOW, **where: str) -> bool:
        """Return whether a guess is admitted."""
        try:
            self.gate(user, at, **where)
        except TooMany:
            return False
        return True

    def fail_until(self, user: User | None, times: int, **where: str) -> datetime:
        """Fail so many times, each as soon as a guess is admitted. Returns the moment of the last failure."""
        at = NOW
        for _ in range(times):
            at += timedelta(seconds=self.settings.limits.longest_wait_seconds + 1)
            self.gate(user, at, **where)
        return at
