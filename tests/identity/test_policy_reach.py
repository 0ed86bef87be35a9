"""The people that dated rules reach: the database counts them as the pure rules would, one by one."""

from collections.abc import Callable
from datetime import date
from itertools import product
from typing import Any

import pytest

from idp import clock
from idp.config import Settings
from idp.db import transaction
from idp.identity import policy_dry_run, policy_reach
from idp.identity.organisations import groups, shops
from idp.identity.policy import organisation_rules
from idp.identity.policy.rules import DatedRule
from idp.store import organisations as store
from idp.store import users
from idp.store.organisations import Organisation
from idp.store.users import User
from tests.identity.conftest import CLI

ON = date(2027, 1, 1)


@pytest.fixture
def crowd(organisation: Organisation, make_user: Callable[..., User]) -> dict[str, str]:
    """Make people of each role, group and shop, some with a factor or a reset. Returns ids of groups and shops by name."""
    with transaction():
        made = [
            groups.create(organisation.id, {"name": name, "requires_mfa": name == "2FA"}, CLI) for name in ("2FA", "till")
        ]
        places = [shops.create(organisation.id, {"code": code}, CLI) for code in ("dam", "zuid")]
    belongings = product(("manager", "employee"), ([], ["till"], ["2FA"]), (None, ["dam"], []))
    for number, (role, member, works) in enumerate(belongings):
        secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP" if number % 3 == 0 else ""
        shop = {"shops": works} if works is not None else {}
        user = make_user(f"u{number:02}", role=role, groups=member, totp_secret=secret, **shop)
        if number % 4 == 0:
            with transaction():
                users.change_user(organisation.id, user.id, must_set_up_since=clock.now())
    make_user("boss", role="administrator")
    for number in range(2):
        make_user(f"season{number}", role="manager", valid_until="2026-12-31")
    gone = make_user("gone", role="manager")
    with transaction():
        users.change_user(organisation.id, gone.id, disabled_at=clock.now())
    return {**{row.name: row.id for row in made}, **{row.code: row.id for row in places}}


CASES: tuple[tuple[dict[str, Any], tuple[dict[str, Any], ...]], ...] = (
    ({}, ()),
    ({"roles": ["manager"]}, ()),
    ({"groups": ["till"]}, ()),
    ({"shops": ["dam"]}, ()),
    ({"roles": ["employee"], "shops": ["dam", "zuid"], "groups": ["till", "2FA"]}, ()),
    ({"roles": ["employee"]}, ({"groups": ["till"]},)),
    ({}, ({"roles": ["manager"]}, {"shops": ["zuid"]})),
    ({"clients": ["pos"]}, ()),
    ({"starts": date(2027, 1, 2)}, ()),
    ({"ends": date(2026, 12, 31), "starts": date(2026, 1, 1)}, ()),
)


@pytest.mark.both_engines
@pytest.mark.parametrize("require", ["second_factor", "mfa", "phr"])
def test_the_database_reaches_the_people_that_the_rules_name(
    settings: Settings, organisation: Organisation, crowd: dict[str, str], engine: str, require: str
) -> None:
    """S11: role, group and shop, beside what others require, with and without a factor: the same people as one by one."""
    for tested, others in CASES:
        rules = [_rule(number, values, crowd, organisation, require) for number, values in enumerate((tested, *others))]
        expected = policy_dry_run.reach_of(settings, [organisation], rules, ON)
        found = policy_reach.affected(settings, organisation, rules, ON, None, 100)
        assert [one.user_id for one in found] == [one.person.user_id for one in expected.affected], tested
        assert [(one.because, one.has_factor) for one in found] == [
            (one.because, one.person.has_factor) for one in expected.affected
        ]
        assert policy_reach.count_affected(settings, organisation, rules, ON) == len(found)


def _rule(number: int, values: dict[str, Any], ids: dict[str, str], at: Organisation, require: str) -> DatedRule:
    return DatedRule(
        f"rule {number}",
        values.get("starts", ON),
        require,
        values.get("ends"),
        roles=tuple(values.get("roles", ())),
        group_ids=tuple(ids[one] for one in values.get("groups", ())),
        shop_ids=tuple(ids[one] for one in values.get("shops", ())),
        clients=tuple(values.get("clients", ())),
        organisation_id=at.id,
    )


def test_a_preview_counts_by_the_rules_stored_for_its_day(
    settings: Settings, organisation: Organisation, crowd: dict[str, str]
) -> None:
    """S11: N of M people, how many of them are new, how many have no factor. By a stored rule none is new."""
    rule = DatedRule("managers", ON, roles=("manager",), organisation_id=organisation.id)
    before = policy_reach.preview(settings, organisation, rule, ON)
    assert (before.applies, before.of) == (9, 19)
    assert 0 < before.new < 9
    assert 0 < before.without_factor < 9
    with transaction():
        organisation_rules.create(organisation, {"name": "all", "starts": ON}, CLI)
    after = policy_reach.preview(settings, organisation, rule, ON)
    assert (after.applies, after.new, after.without_factor) == (9, 0, before.without_factor)
    earlier = policy_reach.preview(settings, organisation, rule, date(2026, 12, 31))
    assert (earlier.applies, earlier.new) == (0, 0)
    assert store.groups(organisation.id)


def test_people_whose_access_ends_before_the_day_are_not_counted(
    settings: Settings, organisation: Organisation, crowd: dict[str, str]
) -> None:
    """S70: a rule from 1 January does not count those who work until 31 December; one of that day does."""
    rule = DatedRule("managers", date(2026, 12, 31), roles=("manager",), organisation_id=organisation.id)
    last, next_day = (policy_reach.preview(settings, organisation, rule, day) for day in (date(2026, 12, 31), ON))
    assert (last.applies, last.of) == (11, 21)
    assert (next_day.applies, next_day.of) == (9, 19)
