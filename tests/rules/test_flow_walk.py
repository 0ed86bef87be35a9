"""Walk the pure sign-in flow exhaustively, from every start, by every right answer, to every end."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, islice, product
from typing import Any

import pytest

from idp import factors
from idp.factor import Owned
from idp.factors import PASSKEY, PHISHING_RESISTANT, SECOND, MethodName
from idp.identity import assurance as proving
from idp.identity.assurance import Proof
from idp.identity.policy.rules import ClientRule, DatedRule, Membership, Person, Rules, rules_for
from idp.signin.answers import Findings, LastCode
from idp.signin.flow import is_authenticated, next_step
from idp.signin.prepared import NOTHING_PREPARED, Prepared, SetUp
from idp.signin.required_level import CHANGING, highest_owned, needed_level
from idp.signin.requirements import ClientTerms, Needs
from idp.signin.state import ADD_APP, ADD_PASSKEY, NEW_PASSWORD, Case, KnownPerson, OrganisationFacts, Unmet
from idp.signin.step import Step
from idp.signin.steps import SEQUENCE, set_up
from idp.signin.steps.second_factor import mode_of
from tests.drivers.machine import REQUIRE_ALL

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
APP, KEY = Owned("totp", SECOND), Owned("passkey", PHISHING_RESISTANT)
LEVELS = {"pwd": 1, "mfa-remembered": 2, "mfa": 3, "phr": 4, "phrh": 5}
CONFIRMED = Prepared(SetUp("t", "SECRET", ("code",), step=1, confirmed_at=NOW))
WENT_BACK = {"passkey": "went back"}
"""Marks a walk that chose a passkey at a set-up and went back. A second time would make the walk endless."""
ORGANISATION = OrganisationFacts("o", "shoes", "Shoes", is_named=True)
SILENT_ERRORS = {"account_selection_required", "login_required", "interaction_required", "consent_required"}


def person(**facts: Any) -> Person:
    return Person(organisation_id="o", user_id="u", username="ann", **{"role": "employee", **facts})


def owning(who: Person, owned: Owned) -> Person:
    return replace(who, factors=tuple(sorted({*who.factors, owned}, key=lambda one: one.level)))


def rules(who: Person, needs: Needs) -> Rules:
    minimum = needs.client.minimum_level if needs.client else 0
    dated = [DatedRule("now", NOW.date(), require="mfa", roles=("manager",))]
    return rules_for(who, dated, LEVELS, NOW.date(), ClientRule("c", minimum))


@dataclass(frozen=True)
class World:
    """The user who signs in once the password is right: the part of the database that a walk needs."""

    who: Person


def known(case: Case, who: Person, **changes: Any) -> Case:
    """Return the case with its person. An administrator's address is not verified yet (S55)."""
    unverified = "ann@shoes.example" if who.role == "administrator" else ""
    changes = {"unverified_address": unverified, **changes}
    return replace(case, person=who, rules=rules(who, case.needs), **changes)


def proved(case: Case, *methods: MethodName, **facts: bool) -> Case:
    new = tuple(Proof(method, at=case.now, credential="u", **facts) for method in methods)
    return replace(case, proofs=(*case.proofs, *new), own_proofs=(*case.own_proofs, *new))


def answered(case: Case, **answers: Any) -> Case:
    return replace(case, answers=replace(case.answers, **answers))


def set_up_totp(case: Case) -> Iterator[Case]:
    """Yield the set-up page by page, up to the app's first right code. Only its first page offers to leave it."""
    stage = set_up.stage_of(case)
    if stage == set_up.PASSWORD:
        yield proved(case, "password")
    elif stage == set_up.APPS:
        yield answered(case, apps_page="seen")
    elif stage == set_up.SCAN:
        at_once = answered(proved(case, "totp"), set_up_done_at="now")
        yield at_once if set_up.keeps_codes(case) else replace(case, prepared=CONFIRMED)
    else:
        yield answered(case, set_up_started="yes")
        if set_up.may_use_passkey(case) and case.needs.client is None and not case.entered:
            yield answered(case, set_up_kind="passkey")
        if not set_up.is_compulsory(case):
            yield answered(case, set_up="not_now")


def noted_codes(case: Case) -> Iterator[Case]:
    """Yield the case after the tick: with new recovery codes only, or with the app and its codes."""
    assert case.person is not None
    if set_up.only_codes(case):
        done = known(case, replace(case.person, recovery_codes_left=12))
    else:
        who = replace(owning(case.person, APP), must_set_up=False, recovery_codes_left=12)
        done = known(proved(case, "totp"), who, findings=replace(case.findings, last_code=None))
    yield answered(replace(done, prepared=NOTHING_PREPARED), set_up_done_at="now")
    if not case.answers.set_up_started and not set_up.is_compulsory(case):
        yield answered(case, set_up="not_now")


def right_answers(case: Case, step: Step, world: World) -> Iterator[Case]:
    """Yield every state to which a right answer to ``step`` leads."""
    name = step.name
    if name == "choose_account":
        yield answered(case, account="u") if case.session_id else answered(case, account="other")
        fresh = replace(case, person=None, rules=None, proofs=(), own_proofs=(), session_id="", session_user_id="")
        yield answered(fresh, account="other")
    elif name == "organisation":
        yield replace(case, organisation=ORGANISATION, entered_organisation="shoes")
    elif name == "password":
        here = replace(case, organisation=case.organisation or ORGANISATION)
        yield known(proved(here, "password"), case.person or world.who)
        yield known(replace(proved(here, "password"), findings=Findings("list")), case.person or world.who)
        if (case.person or world.who).owns(PASSKEY):
            yield known(proved(here, "passkey", user_verified=True), case.person or world.who)
    elif name == "leaked_password":
        yield answered(case, leaked_password="change")
        yield answered(case, leaked_password="later")
    elif name == "second_factor":
        assert case.person is not None
        if case.person.owns(factors.APP) and mode_of(case) == "app":
            yield proved(case, "totp")
        if case.person.owns(PASSKEY):
            yield proved(case, "passkey")
        if case.person.recovery_codes_left > 1:
            left = replace(case.person, recovery_codes_left=case.person.recovery_codes_left - 1)
            yield known(proved(case, "recovery"), left)
        elif case.person.recovery_codes_left == 1:
            yield replace(case, findings=replace(case.findings, last_code=LastCode("s", b"d")))
    elif name == "add_passkey":
        assert case.person is not None
        yield answered(known(case, replace(owning(case.person, KEY), must_set_up=False)), passkey_added_at="now")
        back = {"set_up_kind": ""} if case.answers.set_up_kind else {"add_passkey": "not_now"}
        yield replace(answered(case, **back), entered=WENT_BACK)
    elif name == "set_up_totp":
        yield from set_up_totp(case)
    elif name == "show_recovery_codes":
        yield from noted_codes(case)
    elif name == "after_recovery_code":
        yield answered(case, after_recovery_code="carry_on")
        yield answered(case, after_recovery_code="again")
    elif name == "new_password":
        assert case.person is not None
        yield answered(known(case, replace(case.person, must_change_password=False)), new_password="changed")
    elif name == "verify_email":
        yield answered(case, verify_email="later")
    elif name == "consent":
        yield answered(case, consent="allowed")
        yield answered(case, consent="denied")


def starts() -> Iterator[tuple[Needs, Person, tuple[MethodName, ...]]]:
    """Yield the combinations of needs, policy, factors, prompt, max_age and earlier proofs."""
    client = ClientTerms("c", "C", first_party=True)
    clients = [
        client,
        replace(client, first_party=False),
        replace(client, shared_device=True),
        replace(client, minimum_level=3),
        None,
    ]
    acrs = [(), ("pwd",), ("mfa", "mfa-remembered"), ("mfa",), ("phr",)]
    prompts = [(), ("none",), ("login",), ("select_account",), ("consent",)]
    tasks = [(), (NEW_PASSWORD,), *((task,) for task in CHANGING)]
    people = [
        person(),
        person(factors=(APP,), recovery_codes_left=2),
        person(factors=(APP,), recovery_codes_left=1, must_change_password=True),
        person(factors=(KEY,)),
        person(factors=(APP, KEY), recovery_codes_left=2),
        person(role="administrator"),
        person(role="manager", groups=(Membership("2FA", requires_mfa=True),)),
        person(must_set_up=True, remembered_device_counts=False),
    ]
    old: list[tuple[MethodName, ...]] = [(), ("password",), ("password", "remembered"), ("password", "totp")]
    for app, acr, prompt, age, who, before in product(clients, acrs, prompts, (None, 60), people, old):
        if who.owns(PASSKEY) and (app not in (client, None) or prompt == ("consent",) or age):
            continue  # these values have the same effect for every kind of factor
        if prompt in (("consent",), ("select_account",)) and (age or app not in clients[:2]):
            continue  # these prompts change only consent and the account chooser
        for task in tasks if app is None and prompt != ("none",) else [()]:
            if task in ((ADD_PASSKEY,), (ADD_APP,)) and (acr or age):
                continue
            needs = Needs("/", acr=acr, prompt=prompt, max_age=age, client=app, tasks=task)
            yield needs, who, before


def pairwise() -> Iterator[tuple[Needs, Person, tuple[MethodName, ...]]]:
    """Yield so many of the starts that every pair of values occurs in one of them."""
    met = set[object]()
    for needs, who, before in starts():
        values = (needs.client, needs.acr, needs.prompt, needs.max_age, needs.tasks, who, before)
        pairs = set(combinations(enumerate(map(repr, values)), 2))
        if not pairs <= met:
            met |= pairs
            yield needs, who, before


def start(needs: Needs, who: Person, before: tuple[MethodName, ...]) -> Case:
    asked = NOW
    session = tuple(Proof(method, at=asked - timedelta(minutes=30), credential="u") for method in before)
    case = Case(now=NOW + timedelta(seconds=20), asked_at=asked, needs=needs, acr_levels=LEVELS, leaked_notice_due=True)
    if not session:
        return case
    chooser = (KnownPerson("o", "u", "ann", "Shoes", is_signed_in=True),)
    case = replace(case, session_id="l", session_user_id="u", known=chooser, organisation=ORGANISATION, proofs=session)
    return known(case, who)


def walk(case: Case, world: World, depth: int = 0) -> Iterator[tuple[Case, Step | Unmet | None, int]]:
    step = next_step(case)
    yield case, step, depth
    if isinstance(step, Step):
        assert depth < 25, f"the walk does not end: {step.name} after {case}"
        for following in right_answers(case, step, world):
            yield from walk(following, world, depth + 1)


@pytest.mark.parametrize("part", range(4))
def test_every_sign_in_ends_at_or_above_the_needed_level(part: int) -> None:
    """S1, S5, S32, S44, S50: the walk ends for all answers. No page and no end gives more access than was proved.

    The full suite walks from every start. Other runs use enough starts that every pair of values occurs.
    """
    seen = Counter[str]()
    for needs, who, before in islice(starts() if REQUIRE_ALL else pairwise(), part, None, 4):
        for at, step, depth in walk(start(needs, who, before), World(who)):
            seen[_judge(at, step, depth)] += 1
    least = 50 if REQUIRE_ALL else 0
    ends = ("end", "refused", "silent", "new_password", "set up again", "add_passkey", "second_factor")
    assert min(seen[name] for name in ends) > least, seen


def _judge(at: Case, step: Step | Unmet | None, depth: int) -> str:
    if is_authenticated(at):
        # A session exists only where the needs are met, also while consent is still missing.
        assert at.level >= needed_level(at)
    if step is None:
        _judge_end(at)
        return "end"
    if isinstance(step, Unmet) and at.silent:
        assert depth == 0, "a silent request showed a page"
        assert step.error in SILENT_ERRORS | {"unmet_authentication_requirements"}
        return "silent"
    if isinstance(step, Unmet):
        assert step.error in {"access_denied", "unmet_authentication_requirements"}, step
        return "refused"
    if step.name == "new_password":
        # S32: a thief who has only the password must not be able to change it.
        assert at.level >= highest_owned(at)
    if step.name == "add_passkey":
        # A new authenticator never replaces one that the user has and did not use in this sign-in.
        assert at.level >= highest_owned(at)
    if step.name in ("set_up_totp", "show_recovery_codes") and at.person and at.person.owns(factors.APP):
        # NIST 800-63B-4 §4.1.2.1: a set-up needs a code of the present app, or a recovery code.
        assert at.level >= 3 or at.findings.last_code
        return "set up again"
    return step.name


def _judge_end(case: Case) -> None:
    assert case.person is not None
    assert case.rules is not None
    counted = case.counting
    reached = proving.level(counted)
    asked = [LEVELS[name] for name in case.needs.acr]
    assert reached >= max(min(asked, default=1), case.rules.level)
    assert not (case.rules.must_own and not case.person.has_factor), "a compulsory factor was not set up (S5)"
    assert not case.person.must_change_password, "a one-time password was not replaced (S50)"
    assert not case.findings.last_code, "the last recovery code gave access to more than the set-up (S44)"
    methods = {proof.method for proof in counted}
    two_kinds = "password" in methods and bool(methods & {"totp", "recovery", "passkey"})
    two_kinds = two_kinds or any(proof.user_verified for proof in counted)
    assert ("mfa" in proving.amr(counted)) == two_kinds
    if "login" in case.needs.prompt:
        whole = [proof for proof in counted if proof.method == "password" or proof.user_verified]
        assert any(proof.at >= case.asked_at for proof in whole)


def test_steps_are_in_the_specified_order() -> None:
    """The order of the steps is a security property."""
    names = [step.name for step in SEQUENCE]
    assert names == [
        "choose_account", "organisation", "password", "leaked_password", "second_factor", "add_passkey", "set_up_totp",
        "show_recovery_codes", "after_recovery_code", "new_password", "verify_email", "consent",
    ]  # fmt: skip
