"""What was proved, and what follows from it: the only maker of level, ``acr``, ``amr`` and ``auth_time``. Pure.

Nothing stores a verdict: attempts, logins, codes and grants store proofs, and everything here is worked out from them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any, Literal

Method = Literal["password", "totp", "recovery", "passkey", "remembered"]


@dataclass(frozen=True)
class Proof:
    """One thing done, once.

    ``at``: when it was done; for ``remembered`` the moment of the tick (S38), so that ``max_age`` bars old trust.
    ``credential``: id of the authenticator, code set or device. ``user_verified``, ``hardware`` (attested) and ``copyable``
    (backup eligible) speak of passkeys only.
    """

    method: Method
    at: datetime
    credential: str = ""
    user_verified: bool = False
    hardware: bool = False
    copyable: bool = True

    def as_json(self) -> dict[str, Any]:
        """For a JSON column."""
        return {**asdict(self), "at": self.at.isoformat()}


def from_json(rows: Iterable[Mapping[str, Any]]) -> tuple[Proof, ...]:
    """The proofs of a JSON column."""
    return tuple(Proof(**{**row, "at": datetime.fromisoformat(row["at"])}) for row in rows)


def as_json(proofs: Iterable[Proof]) -> list[dict[str, Any]]:
    """Proofs for a JSON column."""
    return [proof.as_json() for proof in proofs]


def counting(
    proofs: Iterable[Proof],
    *,
    asked_at: datetime,
    now: datetime,
    afresh: bool = False,
    max_age: int | None = None,
) -> tuple[Proof, ...]:
    """The proofs that count for a request made at ``asked_at``: the one place where freshness is decided.

    Those made since the request always count. ``max_age`` (seconds) bars older ones of every kind, trust in a device too.
    ``afresh`` (``prompt=login``) bars older ones except trust, which may still spare the code (level 2).
    """
    return tuple(
        proof
        for proof in proofs
        if proof.at >= asked_at
        or (
            (not afresh or proof.method == "remembered")
            and (max_age is None or proof.at >= now - timedelta(seconds=max_age))
        )
    )


def _level_of(proofs: Sequence[Proof]) -> int:
    """The level that exactly these one or two proofs make together."""
    methods = {proof.method for proof in proofs}
    # One key's user verification does not speak for another key.
    strong = [proof for proof in proofs if proof.method == "passkey" and (proof.user_verified or "password" in methods)]
    if strong:
        return 5 if any(proof.hardware and not proof.copyable for proof in strong) else 4
    if "password" in methods:
        if methods & {"totp", "recovery"}:
            return 3
        return 2 if "remembered" in methods else 1
    return 0


def _sets(proofs: Sequence[Proof]) -> Iterable[tuple[Sequence[Proof], int]]:
    for size in (1, 2):
        for chosen in combinations(proofs, size):
            yield chosen, _level_of(chosen)


def level(proofs: Sequence[Proof]) -> int:
    """The highest level these proofs reach, 0 (nobody) to 5."""
    return max((reached for _, reached in _sets(proofs)), default=0)


def acr(proofs: Sequence[Proof], names: Mapping[str, int], asked: Sequence[str] = ()) -> str:
    """The first name asked for that is met (OpenID Connect Core §5.5.1.1), else the name of the highest level reached."""
    reached = level(proofs)
    for name in asked:
        if name in names and names[name] <= reached:
            return name
    return next((name for name, rank in names.items() if rank == reached), "")


def _freshest(proofs: Sequence[Proof], needed: int) -> Sequence[Proof]:
    """Of the sets that reach a level, the one whose oldest proof is the latest; none where no set does."""
    fitting = [chosen for chosen, reached in _sets(proofs) if reached >= needed]
    return max(fitting, key=lambda chosen: min(proof.at for proof in chosen), default=())


def auth_time(proofs: Sequence[Proof], answered: int) -> datetime:
    """The oldest proof in the freshest set that reaches the answered level (OpenID Connect Core §2)."""
    return min(proof.at for proof in _freshest(proofs, answered))


def amr(proofs: Sequence[Proof]) -> list[str]:
    """What was done, in RFC 8176's words, for the set that makes the highest level; ``mfa`` when two kinds were shown."""
    chosen = _freshest(proofs, level(proofs))
    words: list[str] = []
    for proof in chosen:
        words += _words(proof)
    if level(proofs) >= 3:
        words.append("mfa")
    return [word for word in _ORDER if word in words]


_ORDER = ("pwd", "otp", "recovery", "hwk", "swk", "user", "mfa")


def _words(proof: Proof) -> list[str]:
    if proof.method == "passkey":
        key = "hwk" if not proof.copyable else "swk"
        return [key, "user"] if proof.user_verified else [key]
    return {"password": ["pwd"], "totp": ["otp"], "recovery": ["recovery"]}.get(proof.method, [])
