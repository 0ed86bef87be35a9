"""Which users must have a second factor, and for which reason, as tables."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from idp.factor import Owned
from idp.factors import HARDWARE, PASSWORD, PHISHING_RESISTANT, REMEMBERED, SECOND
from idp.identity.policy.rules import (
    ClientRule,
    DatedRule,
    Membership,
    Person,
    explain,
    rules_for,
)
from idp.identity.roles import ROLES
from idp.sections import Acr

LEVELS = Acr().names
OWNS_APP = Owned("totp", SECOND)
TODAY = date(2026, 3, 1)
EMPLOYEE = Person("o", "u", "anna", "employee", store_url="example-shoes", country="NL")
AUSTRALIAN = replace(EMPLOYEE, country="AU", integrations=("xero",), role="administrator")
XERO = DatedRule(
    "xero-au", starts=date(2021, 4, 30), countries=("AU",), integrations=("xero",), roles=("administrator", "owner")
)
EVERYBODY = DatedRule("everybody", starts=date(2026, 1, 1))


def requiring(person: Person, *rules: DatedRule, on: date = TODAY, client: ClientRule | None = None) -> set[tuple[str, str]]:
    """Return the sources that require something."""
    return {(reason.source, reason.name) for reason in rules_for(person, rules, LEVELS, on, client).reasons}


@pytest.mark.parametrize("role", ROLES)
def test_only_administrators_and_owners_must_have_a_factor(role: str) -> None:
    """S10."""
    rules = rules_for(replace(EMPLOYEE, role=role), [], LEVELS, TODAY)
    assert rules.must_own is (role in {"owner", "administrator"})
    assert rules.level == (REMEMBERED if rules.must_own else PASSWORD)


def test_any_number_of_groups_may_require_a_factor() -> None:
    """S4, S7: each group that requires a factor is named."""
    person = replace(EMPLOYEE, groups=(Membership("2FA", True), Membership("till", False), Membership("money", True)))
    assert requiring(person) == {("group", "2FA"), ("group", "money")}
    assert rules_for(person, [], LEVELS, TODAY).must_own


def test_a_client_may_require_a_factor() -> None:
    """S4: the client requires it for itself and for no other client."""
    client = ClientRule("admin", SECOND)
    assert rules_for(EMPLOYEE, [], LEVELS, TODAY, client).level == SECOND
    assert rules_for(EMPLOYEE, [], LEVELS, TODAY, client).must_own
    assert rules_for(EMPLOYEE, [], LEVELS, TODAY, ClientRule("webshop", PASSWORD)).level == PASSWORD
    assert rules_for(EMPLOYEE, [], LEVELS, TODAY).level == PASSWORD


def test_an_own_factor_is_asked_for_but_not_compulsory() -> None:
    """S1, S9: a factor that the user has is asked for, and the user may switch it off."""
    rules = rules_for(replace(EMPLOYEE, factors=(OWNS_APP,)), [], LEVELS, TODAY)
    assert (rules.level, rules.must_own) == (REMEMBERED, False)
    assert rules_for(replace(EMPLOYEE, recovery_codes_left=12), [], LEVELS, TODAY).level == PASSWORD


def test_a_reset_makes_a_set_up_compulsory() -> None:
    """S47."""
    rules = rules_for(replace(EMPLOYEE, must_set_up=True), [], LEVELS, TODAY)
    assert [reason.source for reason in rules.compulsory_because] == ["reset"]


def test_an_organisation_may_refuse_to_count_remembered_devices() -> None:
    """security.md: trust in a device satisfies a policy unless the organisation turns that off."""
    person = replace(EMPLOYEE, remembered_device_counts=False, groups=(Membership("2FA", True),))
    assert rules_for(person, [], LEVELS, TODAY).level == SECOND


@pytest.mark.parametrize(
    ("on", "speaks"),
    [
        (date(2021, 4, 29), False),
        (date(2021, 4, 30), True),
        (TODAY, True),
    ],
)
def test_a_dated_rule_starts_on_its_day(on: date, speaks: bool) -> None:
    """S11: Australia with Xero, administrators and above, since 2021-04-30."""
    assert (("policy", "xero-au") in requiring(AUSTRALIAN, XERO, on=on)) is speaks


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"country": "NZ"}, "countries"),
        ({"country": ""}, "countries"),
        ({"integrations": ("other",)}, "integrations"),
        ({"integrations": ()}, "integrations"),
        ({"role": "manager"}, "roles"),
    ],
)
def test_all_conditions_must_hold_and_explain_names_the_failed_one(change: dict[str, Any], because: str) -> None:
    """S11: explain names the condition that does not hold."""
    person = replace(AUSTRALIAN, **change)
    assert ("policy", "xero-au") not in requiring(person, XERO)
    silent = next(reason for reason in explain(person, [XERO], LEVELS, TODAY) if reason.source == "policy")
    assert because in silent.message.key


@pytest.mark.parametrize(
    ("rule", "speaks"),
    [
        (replace(EVERYBODY, ends=date(2026, 3, 1)), True),
        (replace(EVERYBODY, ends=date(2026, 2, 28)), False),
        (replace(EVERYBODY, groups=("till",)), True),
        (replace(EVERYBODY, groups=("money",)), False),
        (replace(EVERYBODY, organisations=("example-shoes", "other")), True),
        (replace(EVERYBODY, organisations=("other",)), False),
        (replace(EVERYBODY, clients=("pos",)), True),
        (replace(EVERYBODY, clients=("admin",)), False),
        (replace(EVERYBODY, countries=("AU", "NL"), roles=("employee",), groups=("till", "x"), clients=("pos",)), True),
        (replace(EVERYBODY, countries=("AU", "NL"), roles=("manager",), groups=("till", "x"), clients=("pos",)), False),
    ],
)
def test_conditions_combine_freely(rule: DatedRule, speaks: bool) -> None:
    """S11."""
    person = replace(EMPLOYEE, groups=(Membership("till", False),))
    assert (("policy", "everybody") in requiring(person, rule, client=ClientRule("pos"))) is speaks


def test_a_rule_for_a_client_does_not_affect_other_clients() -> None:
    """S4, S11."""
    assert requiring(EMPLOYEE, replace(EVERYBODY, clients=("pos",))) == set()


@pytest.mark.parametrize(
    ("require", "level"),
    [
        ("second_factor", REMEMBERED),
        ("mfa-remembered", REMEMBERED),
        ("mfa", SECOND),
        ("phr", PHISHING_RESISTANT),
        ("phrh", HARDWARE),
        ("renamed since", HARDWARE),
    ],
)
def test_a_rule_may_ask_for_an_acr(require: str, level: int) -> None:
    """S11: a rule with an acr that no longer exists requires the highest level. It fails closed."""
    assert rules_for(EMPLOYEE, [replace(EVERYBODY, require=require)], LEVELS, TODAY).level == level


def test_a_rule_that_asks_for_a_password_makes_no_factor_compulsory() -> None:
    """Every sign-in reaches level 1."""
    rules = rules_for(EMPLOYEE, [replace(EVERYBODY, require="pwd")], LEVELS, TODAY)
    assert (rules.level, rules.must_own) == (PASSWORD, False)


def test_the_strongest_reason_counts_and_comes_first() -> None:
    """S7: the page names the source of the highest requirement."""
    person = replace(EMPLOYEE, role="owner", factors=(OWNS_APP,))
    rules = rules_for(person, [replace(EVERYBODY, require="phr")], LEVELS, TODAY, ClientRule("admin", SECOND))
    assert [reason.level for reason in rules.reasons] == [4, 3, 2, 2]
    assert rules.level == PHISHING_RESISTANT
    assert [reason.source for reason in rules.compulsory_because] == ["policy", "client", "role"]


def test_explain_has_a_line_for_every_source() -> None:
    """S11: explain tells for each source why it requires a factor, or why not."""
    person = replace(EMPLOYEE, groups=(Membership("till", False),))
    reasons = explain(person, [XERO, EVERYBODY], LEVELS, TODAY, ClientRule("pos"))
    assert [reason.source for reason in reasons] == ["role", "reset", "owned", "group", "policy", "policy", "client"]
    assert [reason.speaks for reason in reasons] == [False, False, False, False, False, True, False]
    assert all(reason.message.key % reason.message.values for reason in reasons)
