"""Which assurance follows from the proofs of a sign-in, as tables."""

from datetime import UTC, datetime, timedelta
from itertools import combinations, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.identity.assurance import Proof, acr, amr, as_json, auth_time, counting, from_json, level
from idp.sections import Acr

NAMES = Acr().names
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def ago(minutes: int) -> datetime:
    """Return a moment before now."""
    return NOW - timedelta(minutes=minutes)


PASSWORD = Proof("password", ago(3))
CODE = Proof("totp", ago(2))
RECOVERY = Proof("recovery", ago(2))
TRUST = Proof("remembered", ago(60 * 24 * 5))
PASSKEY = Proof("passkey", ago(1), user_verified=True)
UNVERIFIED = Proof("passkey", ago(1))
HARDWARE = Proof("passkey", ago(1), user_verified=True, hardware=True, copyable=False)
SECURITY_KEY = Proof("passkey", ago(1), hardware=True, copyable=False)
SYNCED = Proof("passkey", ago(1), user_verified=True, hardware=True)

TABLE = [
    ((), 0, "", []),
    ((CODE,), 0, "", None),
    ((TRUST,), 0, "", None),
    ((UNVERIFIED,), 0, "", None),
    ((CODE, TRUST), 0, "", None),
    ((PASSWORD,), 1, "pwd", ["pwd"]),
    ((PASSWORD, PASSWORD), 1, "pwd", ["pwd"]),
    ((PASSWORD, TRUST), 2, "mfa-remembered", ["pwd"]),
    ((PASSWORD, CODE), 3, "mfa", ["pwd", "otp", "mfa"]),
    ((PASSWORD, RECOVERY), 3, "mfa", ["pwd", "recovery", "mfa"]),
    ((PASSWORD, TRUST, CODE), 3, "mfa", ["pwd", "otp", "mfa"]),
    ((PASSKEY,), 4, "phr", ["swk", "user", "mfa"]),
    ((PASSWORD, UNVERIFIED), 4, "phr", ["pwd", "swk", "mfa"]),
    ((SYNCED,), 4, "phr", ["swk", "user", "mfa"]),
    ((HARDWARE,), 5, "phrh", ["hwk", "user", "mfa"]),
    ((PASSWORD, SECURITY_KEY), 5, "phrh", ["pwd", "hwk", "mfa"]),
]


@pytest.mark.parametrize(("proofs", "reached", "name", "words"), TABLE)
def test_level_acr_and_amr_follow_from_the_proofs(
    proofs: tuple[Proof, ...], reached: int, name: str, words: list[str] | None
) -> None:
    """The table of design.md: level, acr and amr do not depend on the order of the proofs."""
    for order in permutations(proofs):
        assert level(order) == reached
        assert acr(order, NAMES) == name
        if words is not None:
            assert amr(order) == words


@pytest.mark.parametrize(
    ("proofs", "asked", "answered"),
    [
        ((PASSWORD, CODE), (), "mfa"),
        ((PASSWORD, CODE), ("pwd",), "pwd"),
        ((PASSWORD, CODE), ("mfa", "mfa-remembered"), "mfa"),
        ((PASSWORD, CODE), ("mfa-remembered", "mfa"), "mfa-remembered"),
        ((PASSWORD, TRUST), ("mfa", "mfa-remembered"), "mfa-remembered"),
        ((PASSWORD, CODE), ("phr", "mfa"), "mfa"),
        ((PASSWORD,), ("mfa",), "pwd"),
        ((PASSWORD, CODE), ("unknown", "pwd"), "pwd"),
        ((PASSWORD, CODE), ("unknown",), "mfa"),
    ],
)
def test_the_answered_acr_is_the_first_requested_one_reached(
    proofs: tuple[Proof, ...], asked: tuple[str, ...], answered: str
) -> None:
    """OpenID Connect Core §5.5.1.1: unknown names are ignored. A level that was not reached is never answered."""
    assert acr(proofs, NAMES, asked) == answered


@pytest.mark.parametrize(
    ("proofs", "answered", "moment"),
    [
        ((PASSWORD,), 1, ago(3)),
        ((PASSWORD, CODE), 3, ago(3)),
        ((PASSWORD, TRUST), 2, TRUST.at),
        ((PASSWORD, TRUST), 1, ago(3)),
        ((Proof("password", ago(60)), Proof("password", ago(5)), Proof("totp", ago(4))), 3, ago(5)),
        ((Proof("password", ago(60)), Proof("totp", ago(4))), 3, ago(60)),
        ((Proof("password", ago(60)), Proof("totp", ago(59)), PASSKEY), 3, ago(1)),
        ((PASSWORD, Proof("totp", ago(60)), Proof("totp", ago(1))), 3, ago(3)),
    ],
)
def test_auth_time_is_the_oldest_proof_of_the_freshest_set(
    proofs: tuple[Proof, ...], answered: int, moment: datetime
) -> None:
    """OpenID Connect Core §2: auth_time tells when the answered level was proved."""
    assert auth_time(proofs, answered) == moment


@pytest.mark.parametrize(
    ("proof", "rules", "counts"),
    [
        (Proof("password", ago(600)), {}, True),
        (Proof("password", ago(10)), {"max_age": 600}, True),
        (Proof("password", ago(11)), {"max_age": 600}, False),
        (Proof("password", ago(10)), {"afresh": True}, False),
        (Proof("totp", ago(10)), {"afresh": True}, False),
        (Proof("passkey", ago(10)), {"afresh": True}, False),
        (Proof("remembered", ago(10)), {"afresh": True}, True),
        (Proof("remembered", ago(11)), {"afresh": True, "max_age": 600}, False),
        (Proof("remembered", ago(11)), {"max_age": 600}, False),
        (Proof("password", NOW), {"afresh": True, "max_age": 0}, True),
        (Proof("password", ago(5)), {"afresh": True, "max_age": 0}, True),
        (Proof("password", ago(6)), {"max_age": 0}, False),
    ],
)
def test_prompt_login_and_max_age_limit_which_proofs_count(proof: Proof, rules: dict[str, Any], counts: bool) -> None:
    """A proof made since the request (five minutes ago) always counts."""
    assert (counting([proof], asked_at=ago(5), now=NOW, **rules) == (proof,)) is counts


PROOFS = st.lists(
    st.builds(
        Proof,
        st.sampled_from(["password", "totp", "recovery", "passkey", "remembered"]),
        st.integers(0, 10_000).map(ago),
        credential=st.sampled_from(["", "one", "two"]),
        user_verified=st.booleans(),
        hardware=st.booleans(),
        copyable=st.booleans(),
    ),
    max_size=5,
)


@given(PROOFS)
def test_stored_proofs_are_read_back_unchanged(proofs: list[Proof]) -> None:
    """The proofs are stored, and the level is worked out at each use."""
    assert list(from_json(as_json(proofs))) == proofs


@given(PROOFS)
def test_amr_has_mfa_only_after_proofs_of_two_kinds(proofs: list[Proof]) -> None:
    """security.md 12: amr is truthful. A remembered device is not a factor."""
    methods = {proof.method for proof in proofs}
    verified = any(proof.method == "passkey" and proof.user_verified for proof in proofs)
    two_kinds = verified or ("password" in methods and bool(methods & {"totp", "recovery", "passkey"}))
    assert ("mfa" in amr(proofs)) is two_kinds


@given(PROOFS, PROOFS)
def test_a_further_proof_never_lowers_the_level(proofs: list[Proof], more: list[Proof]) -> None:
    """Proofs are only ever added."""
    assert level([*proofs, *more]) >= level(proofs)


@given(PROOFS)
def test_the_level_is_that_of_the_best_one_or_two_proofs(proofs: list[Proof]) -> None:
    """A password beside a proof never lowers its worth, and no third proof adds to two."""
    few = [chosen for size in (1, 2) for chosen in combinations(proofs, size)]
    assert level(proofs) == max(map(level, few), default=0)


@given(PROOFS)
def test_auth_time_is_the_moment_of_a_proof(proofs: list[Proof]) -> None:
    """For every level that was reached, auth_time is the time of one of the proofs."""
    for answered in range(1, level(proofs) + 1):
        assert auth_time(proofs, answered) in {proof.at for proof in proofs}
