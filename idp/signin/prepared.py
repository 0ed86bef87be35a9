"""What a page of a sign-in was prepared with, and must show again at a reload: kept sealed in the attempt's row."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from idp.identity.credentials.webauthn import Ceremony

VERSION = 1


@dataclass(frozen=True)
class SetUp:
    """An authenticator app and recovery codes that nobody can use yet (S21).

    ``step`` and ``confirmed_at``: the time step of the app's first right code, and when it was entered.
    ``number``, ``replaces``, ``name``: see ``totp.NewApp``.
    """

    totp_id: str
    secret: str
    codes: tuple[str, ...]
    issuer: str = ""
    label: str = ""
    file_name: str = "recovery-codes"
    number: int = 0
    replaces: str = ""
    name: str = ""
    step: int = 0
    confirmed_at: datetime | None = None

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "SetUp | None":
        """Read one; None where its secrets are missing: then the page prepares others."""
        if not all(stored.get(name) for name in ("totp_id", "secret", "codes")):
            return None
        names = _SET_UP - {"codes", "confirmed_at"}
        known = {name: value for name, value in stored.items() if name in names}
        return cls(**known, codes=tuple(stored["codes"]), confirmed_at=_moment(stored.get("confirmed_at")))

    def as_json(self) -> dict[str, Any]:
        """Return what is sealed."""
        kept = {name: getattr(self, name) for name in _SET_UP if getattr(self, name)}
        moment = {"confirmed_at": self.confirmed_at.isoformat()} if self.confirmed_at else {}
        return {**kept, "codes": list(self.codes), **moment}


_SET_UP = {one.name for one in fields(SetUp)}
_CEREMONY = {one.name for one in fields(Ceremony)}


@dataclass(frozen=True)
class Prepared:
    """All that is prepared in a sign-in. ``passkey``: the challenge of a passkey. ``later``: members of a later version."""

    set_up: SetUp | None = None
    passkey: Ceremony | None = None
    later: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, stored: Any) -> "Prepared":
        """Read what ``as_json`` made, in this or another version."""
        if not isinstance(stored, dict):
            return NOTHING_PREPARED
        later = {name: value for name, value in stored.items() if name not in {"version", "passkey", *_SET_UP}}
        return cls(SetUp.from_json(stored), _ceremony(stored.get("passkey")), later)

    def as_json(self) -> dict[str, Any]:
        """Return what is sealed; empty where nothing is prepared."""
        kept = dict(self.later) | (self.set_up.as_json() if self.set_up else {})
        kept |= {"passkey": self.passkey.as_json()} if self.passkey else {}
        return {"version": VERSION, **kept} if kept else {}


NOTHING_PREPARED = Prepared()


def _ceremony(stored: Any) -> Ceremony | None:
    try:
        return Ceremony(**{name: value for name, value in stored.items() if name in _CEREMONY})
    except (AttributeError, TypeError):
        return None


def _moment(stored: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(stored)
    except (TypeError, ValueError):
        return None
