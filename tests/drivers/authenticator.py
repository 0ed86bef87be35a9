"""Imitate an authenticator app on a person's phone, whose clock may be wrong."""

import pyotp

from idp import clock

STEP = 30


class Authenticator:
    """Show codes of ``secret``. ``ahead``: seconds by which the phone's clock is ahead (+) or behind (−)."""

    def __init__(self, secret: str, *, ahead: int = 0) -> None:
        self._app = pyotp.TOTP(secret.replace(" ", ""))
        self.ahead = ahead
        self._used: set[int] = set()

    @property
    def step(self) -> int:
        """Return the present time step of the phone."""
        return (clock.epoch_seconds(clock.now()) + self.ahead) // STEP

    def shown(self) -> str:
        """Return the code that the phone shows now, used or not."""
        return self.at(self.step)

    def at(self, step: int) -> str:
        """Return the code of a step."""
        return str(self._app.at(step * STEP))

    def code(self) -> str:
        """Return an unused code: the current one, else that of the next step, which the server's window also accepts.

        A third code within a step needs the clock to be turned, as a person would have to wait.
        """
        free = next((step for step in (self.step, self.step + 1) if step not in self._used), None)
        if free is None:
            raise AssertionError("all codes of this moment were used: turn the clock by 30 seconds or more")
        self._used.add(free)
        return self.at(free)

    def wrong(self) -> str:
        """Return six digits that match no moment within a day, so that no hint is given."""
        near = {self.at(step) for step in range(self.step - 2000, self.step + 2001)}
        return next(code for code in (f"{number:06}" for number in range(1_000_000)) if code not in near)
