"""State what a sign-in must amount to, judge claims by it, and tell or read it as a challenge (RFC 9470)."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LEVELS = ("pwd", "mfa-remembered", "mfa", "phr", "phrh")
"""The names of ``acr`` from weak to strong, as a Sleutel has them by default: ``acr_values_supported`` of its metadata."""
ERROR = "insufficient_user_authentication"
ATTRIBUTE = re.compile(r'([a-z_]+)\s*=\s*(?:"([^"\\]*)"|([^\s",]+))')
LONGEST_CHALLENGE = 8_192


@dataclass(frozen=True)
class Demand:
    """A level, and the seconds since the proofs, that a page or an API needs. ``levels``: names from weak to strong."""

    acr: str = ""
    max_age: int | None = None
    levels: Sequence[str] = LEVELS

    def __post_init__(self) -> None:
        """Refuse a level that is none: nobody could meet it. Raises ``ValueError``."""
        if self.acr and self.acr not in self.levels:
            raise ValueError(f"{self.acr!r} is none of the levels {', '.join(self.levels)}")

    def is_met(self, claims: Mapping[str, Any] | None, now: float | None = None) -> bool:
        """Check if claims show a sign-in that is strong and recent enough. Asking for one proves nothing: tokens do."""
        if not claims:
            return False
        return self._is_strong(claims.get("acr")) and self._is_recent(claims.get("auth_time"), now)

    def _is_strong(self, acr: Any) -> bool:
        if not self.acr:
            return True
        return acr in self.levels and self.levels.index(acr) >= self.levels.index(self.acr)

    def _is_recent(self, auth_time: Any, now: float | None) -> bool:
        if self.max_age is None:
            return True
        if isinstance(auth_time, bool) or not isinstance(auth_time, int | float):
            return False
        return (time.time() if now is None else now) - auth_time <= self.max_age

    @property
    def parameters(self) -> dict[str, str]:
        """Return the parameters of an authorization request that asks for it (RFC 9470 §4)."""
        age = {} if self.max_age is None else {"max_age": str(self.max_age)}
        return {**({"acr_values": self.acr} if self.acr else {}), **age}

    def challenge(self, claims: Mapping[str, Any] | None = None) -> str:
        """Return the value of ``WWW-Authenticate`` (RFC 9470 §3). Without claims no token came, and there is no error."""
        scheme = "DPoP" if claims and str(claims.get("token_type", "")).lower() == "dpop" else "Bearer"
        error = {"error": ERROR, "error_description": "A stronger or more recent sign-in is needed."} if claims else {}
        parameters = ", ".join(f'{name}="{value}"' for name, value in (error | self.parameters).items())
        return f"{scheme} {parameters}".strip()

    @classmethod
    def of_challenge(cls, header: str, levels: Sequence[str] = LEVELS) -> "Demand | None":
        """Return what an API demands by its ``WWW-Authenticate``; None if the header asks for something else.

        The first listed level that is known counts. With ``parameters`` the app sends its user to the provider.
        """
        if len(header) > LONGEST_CHALLENGE:
            return None
        parameters = {name: quoted or plain for name, quoted, plain in ATTRIBUTE.findall(header)}
        if parameters.get("error") != ERROR:
            return None
        acr = next((name for name in parameters.get("acr_values", "").split() if name in levels), "")
        age = parameters.get("max_age", "")
        return cls(acr, int(age) if re.fullmatch(r"[0-9]{1,9}", age) else None, levels)
