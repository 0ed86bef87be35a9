"""Work out level, ``acr``, ``amr`` and ``auth_time`` from what was proved. Nothing else makes them. Pure.

Nothing stores a verdict: attempts, sessions, codes and grants store proofs. What one proof of a method is worth is in
``factors``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

from idp.errors import Message, say
from idp.factor import Method
from idp.factors import (
    BY_PASSWORD,
    HARDWARE,
    METHODS,
    NOTHING,
    PASSWORD,
    PHISHING_RESISTANT,
    REMEMBERED,
    SECOND,
    MethodName,
)

NEEDED: Mapping[int, Message] = {
    NOTHING: say("A password is enough."),
    PASSWORD: say("A password is enough."),
    REMEMBERED: say("A second factor is needed, or a remembered device."),
    SECOND: say("A second factor is needed."),
    PHISHING_RESISTANT: say("A passkey is needed."),
    HARDWARE: say("A hardware security key is needed."),
}
"""What a level asks for, as a sentence for people."""
REQUIRED: Mapping[int, Message] = {
    PASSWORD: say("A password"),
    REMEMBERED: say("A second factor, or a remembered device"),
    SECOND: say("A second factor, even on a remembered device"),
    PHISHING_RESISTANT: say("A passkey"),
    HARDWARE: say("A hardware security key"),
}
"""What a dated rule can require, as its pages name it."""
NAMES: Mapping[int, str] = {
    NOTHING: "nothing",
    PASSWORD: "a password",
    REMEMBERED: "a second factor or a remembered device",
    SECOND: "a second factor",
    PHISHING_RESISTANT: "a passkey",
    HARDWARE: "a hardware key",
}
"""What a level asks for, within a sentence of the command line."""


@dataclass(frozen=True)
class Proof:
    """One thing that was proved, once.

    ``at``: when; for trust in a device the moment of the tick (S38), so that ``max_age`` excludes old trust.
    ``credential``: the id of the authenticator, code set or device. ``user_verified``, ``hardware`` (attested) and
    ``copyable`` (backup eligible) describe passkeys only.
    """

    method: MethodName
    at: datetime
    credential: str = ""
    user_verified: bool = False
    hardware: bool = False
    copyable: bool = True

    def as_json(self) -> dict[str, Any]:
        """Return it for a JSON column."""
        return {**vars(self), "at": self.at.isoformat()}


def from_json(rows: Iterable[Mapping[str, Any]]) -> tuple[Proof, ...]:
    """Return the proofs of a JSON column. Members that this version does not know are ignored, missing ones get a default.

    What does not say how or when it was proved is no proof.
    """
    return tuple(_proof(row) for row in rows if "method" in row and "at" in row)


def _proof(row: Mapping[str, Any]) -> Proof:
    known = row if row.keys() <= _MEMBERS else {name: row[name] for name in _MEMBERS & row.keys()}
    return Proof(**{**known, "at": datetime.fromisoformat(row["at"])})


_MEMBERS = frozenset(member.name for member in fields(Proof))


def as_json(proofs: Iterable[Proof]) -> list[dict[str, Any]]:
    """Return proofs for a JSON column."""
    return [proof.as_json() for proof in proofs]


def counting(
    proofs: Iterable[Proof],
    *,
    asked_at: datetime,
    now: datetime,
    afresh: bool = False,
    max_age: int | None = None,
) -> tuple[Proof, ...]:
    """Return the proofs that count for a request made at ``asked_at``. Freshness is decided nowhere else.

    Proofs made since the request always count. ``max_age`` (seconds) excludes older ones of every kind, trust in a device
    too. ``afresh`` (``prompt=login``) excludes older ones except trust, which may still spare the code (level 2).
    """
    return tuple(
        proof
        for proof in proofs
        if proof.at >= asked_at
        or ((not afresh or _is_trust(proof)) and (max_age is None or proof.at >= now - timedelta(seconds=max_age)))
    )


def _is_trust(proof: Proof) -> bool:
    method = _method_of(proof)
    return method is not None and method.is_trust


def _method_of(proof: Proof) -> Method | None:
    """Return the method of a proof; None if another version of the program stored it: it is worth nothing."""
    return METHODS.get(proof.method)


def level(proofs: Sequence[Proof]) -> int:
    """Return the highest level that these proofs reach, from 0 (nobody) to 5.

    It is that of the best proof, alone or beside a password. The user verification of one passkey does not count for
    another one.
    """
    has_password = any(proof.method == BY_PASSWORD.name for proof in proofs)
    return max((_worth(proof, has_password=has_password) for proof in proofs), default=NOTHING)


def _worth(proof: Proof, *, has_password: bool) -> int:
    method = _method_of(proof)
    if method is None:
        return NOTHING
    return method.beside_password(proof) if has_password else method.alone(proof)


def _sets(proofs: Sequence[Proof]) -> Iterable[tuple[Sequence[Proof], int]]:
    for size in (1, 2):
        for chosen in combinations(proofs, size):
            yield chosen, level(chosen)


def acr(proofs: Sequence[Proof], names: Mapping[str, int], asked: Sequence[str] = ()) -> str:
    """Return the first requested name that is met (OpenID Connect Core §5.5.1.1), else that of the highest level."""
    reached = level(proofs)
    for name in asked:
        if name in names and names[name] <= reached:
            return name
    return next((name for name, rank in names.items() if rank == reached), "")


def _freshest(proofs: Sequence[Proof], needed: int) -> Sequence[Proof]:
    """Return the set that reaches a level and whose oldest proof is the latest; nothing if no set reaches it."""
    enough = [chosen for chosen, reached in _sets(proofs) if reached >= needed]
    return max(enough, key=lambda chosen: min(proof.at for proof in chosen), default=())


def auth_time(proofs: Sequence[Proof], answered: int) -> datetime:
    """Return the time of the oldest proof in the freshest set that reaches the answered level (OpenID Connect Core §2)."""
    return min(proof.at for proof in _freshest(proofs, answered))


def amr(proofs: Sequence[Proof]) -> list[str]:
    """Return the values of RFC 8176 for the set that makes the highest level; ``mfa`` if two kinds were shown."""
    reached = level(proofs)
    chosen = _freshest(proofs, reached)
    shown = (
        value for name, method in METHODS.items() for proof in chosen if proof.method == name for value in method.amr(proof)
    )
    return [*dict.fromkeys(shown), *(["mfa"] if reached >= SECOND else [])]
