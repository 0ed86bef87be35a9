"""What was answered and noticed in a sign-in: typed values, read from and written to the JSON of its row.

Reading is tolerant, because two versions of the program may run side by side: a missing member has its default, an unknown
value counts as no answer, and members of a later version are kept unread. ``version`` numbers the shape.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from idp import crypto
from idp.errors import Unreadable

VERSION = 1
OTHER = "other"
"""The answer to "Who is signing in?" that names nobody in the list."""


@dataclass(frozen=True)
class Answers:
    """The answers of one sign-in; each is empty until it is given. What is due follows from them and is never stored.

    ``restart_reason``: why this sign-in replaces another one. ``account``: a ``user_id``, or ``OTHER``. ``consent_to``: the
    scopes that the consent page named. ``session_proofs``: how many of the sign-in's proofs its session has. Members whose
    name ends in ``_at`` are moments in ISO 8601. ``later``: members that this version does not know.
    """

    restart_reason: Literal["", "yes", "elsewhere"] = ""
    account: str = ""
    stay_signed_in: Literal["", "yes"] = ""
    organisation: Literal["", "ask", "typed"] = ""
    leaked_password: Literal["", "change", "later"] = ""
    factor_mode: Literal["", "app", "recovery"] = ""
    add_passkey: Literal["", "not_now"] = ""
    passkey_added_at: str = ""
    set_up_kind: Literal["", "passkey"] = ""
    set_up_started: Literal["", "yes"] = ""
    apps_page: Literal["", "seen", "again"] = ""
    set_up: Literal["", "not_now"] = ""
    set_up_done_at: str = ""
    after_recovery_code: Literal["", "carry_on", "again"] = ""
    new_password: Literal["", "changed", "not_now"] = ""
    verify_email: Literal["", "sent", "later"] = ""
    consent: Literal["", "allowed", "denied"] = ""
    consent_to: tuple[str, ...] | None = None
    session_proofs: int = 0
    later: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Answers":
        """Read what ``as_json`` wrote, in this or another version."""
        if not stored:
            return NO_ANSWERS
        read = {name: _READ[name](stored[key]) for name, key in _KEYS.items() if key in stored}
        known = {name: value for name, value in read.items() if value is not None}
        return cls(**cast(Any, known), later=_later(stored, _KEYS.values()))

    def as_json(self) -> dict[str, Any]:
        """Return what the row keeps: the answers given, and the members of a later version."""
        given = {key: value for name, key in _KEYS.items() if (value := getattr(self, name)) not in ("", None, 0)}
        listed = {key: list(value) if isinstance(value, tuple) else value for key, value in given.items()}
        return {"version": VERSION, **self.later, **listed}


_STORED_AS = {
    "restart_reason": "is_anew",
    "leaked_password": "leaked",
    "add_passkey": "passkey",
    "passkey_added_at": "passkey_added",
    "set_up_kind": "enrol_kind",
    "set_up_started": "enrol_started",
    "apps_page": "enrol_apps",
    "set_up": "enrol",
    "set_up_done_at": "enrolled",
    "after_recovery_code": "recovered",
    "session_proofs": "admitted",
}
"""Members whose name in the row is older than the field's: rows of a sign-in in progress outlive an upgrade."""
_KEYS = {one.name: _STORED_AS.get(one.name, one.name) for one in fields(Answers) if one.name != "later"}


def _reader(hint: Any) -> Callable[[Any], Any]:
    """Return a function that gives a stored value its type, and None for a value that does not have it."""
    if get_origin(hint) is Literal:
        choices = frozenset(get_args(hint))
        return lambda value: value if isinstance(value, str) and value in choices else None
    if hint in (str, int):
        return lambda value: value if type(value) is hint else None
    return lambda value: tuple(map(str, value)) if isinstance(value, list | tuple) else None


_HINTS = get_type_hints(Answers)
_READ = {name: _reader(_HINTS[name]) for name in _KEYS}
NO_ANSWERS = Answers()


@dataclass(frozen=True)
class LastCode:
    """The last recovery code, shown and not yet spent: its set, its digest, and when it was entered."""

    set_id: str
    digest: bytes
    at: str = ""

    @classmethod
    def from_json(cls, stored: Any) -> "LastCode | None":
        """Read one; None where there is none: then the person is asked for a factor as usual."""
        try:
            return cls(stored["set"], crypto.from_b64url(stored["digest"]), str(stored.get("at") or ""))
        except (TypeError, KeyError, AttributeError, Unreadable):
            return None


@dataclass(frozen=True)
class Findings:
    """What was noticed in a sign-in. ``leaked``: the source that knows the entered password (S31); ``last_code``: S44."""

    leaked: str = ""
    last_code: LastCode | None = None
    later: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Findings":
        """Read what ``as_json`` wrote, in this or another version."""
        leaked, last_code = str(stored.get("leaked") or ""), LastCode.from_json(stored.get("last_code"))
        return cls(leaked, last_code, _later(stored, ("leaked", "last_code")))

    def as_json(self) -> dict[str, Any]:
        """Return what the row keeps."""
        found: dict[str, Any] = {"leaked": self.leaked} if self.leaked else {}
        if self.last_code is not None:
            held = self.last_code
            at = {"at": held.at} if held.at else {}
            found["last_code"] = {"set": held.set_id, "digest": crypto.b64url(held.digest), **at}
        return {"version": VERSION, **self.later, **found}


NO_FINDINGS = Findings()


def _later(stored: Mapping[str, Any], known: Any) -> dict[str, Any]:
    return {key: value for key, value in stored.items() if key != "version" and key not in known}
