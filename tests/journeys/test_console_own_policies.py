"""Administrators make dated rules for their own organisation, with a preview, and only for it (S11)."""

import re
from collections.abc import Callable
from datetime import date

import pytest
from flask import Flask

from idp.db import transaction
from idp.identity.policy import organisation_rules
from idp.store import audit as audit_rows
from idp.store import organisation_rules as store
from idp.store import organisations
from tests.drivers.browser import Browser
from tests.drivers.statements import counted
from tests.factories import BY_TESTS, Factory, MadePerson

POLICIES = "/admin/example-shoes/policies"
ADD = f"{POLICIES}/own/add"


def fill_in(browser: Browser, name: str = "Managers", starts: str = "2027-01-01", **ticked: str) -> Browser:
    """Fill in the form of a new rule, and go on to its preview."""
    return browser.open(ADD).fill(name=name, starts=starts, **ticked).submit()


@pytest.mark.both_engines
def test_an_administrator_requires_a_factor_of_managers_from_a_day(
    factory: Factory, enter, clock: Callable[..., None], shoes, anna: MadePerson, engine: str
) -> None:
    """S11, S70: the preview counts by the first day, nothing is stored before it, and the rule holds from that day on."""
    for number in range(3):
        factory.make_user(shoes, f"manager{number}", role="manager", with_totp=number == 0)
    piet = factory.make_user(shoes, "piet", role="manager")
    browser = enter(anna)
    fill_in(browser, **{"role-manager": "yes"})
    assert "It applies to 4 of 5 people." in browser.text
    assert "For 4 of them this is new" in browser.text
    assert "3 people have no second factor yet" in browser.text
    with factory.context():
        assert store.rules_of(shoes) == []
    browser.submit("Add policy")
    assert "The policy “Managers” is added." in browser.text
    assert "not started yet" in browser.text
    browser.open(f"/admin/example-shoes/people/{piet.id}")
    assert "Required by the policy Managers" not in browser.text
    clock(days=38, hours=23)
    browser = enter(anna, f"/admin/example-shoes/people/{piet.id}")
    assert "Required by the policy Managers" in browser.text
    with factory.context():
        row = audit_rows.rows(shoes)[-1]
        rule = next(one for one in audit_rows.rows(shoes) if one.event == "policy:changed")
    assert row.organisation_id == rule.organisation_id == shoes
    assert (rule.actor_id, rule.subject_id != "", rule.data) == (anna.id, True, {})


@pytest.mark.both_engines
def test_a_name_of_letters_that_count_as_several_is_refused(enter, shoes, anna, engine: str) -> None:
    """V2.2.1: PostgreSQL takes no compared form that is longer than its column: the page was a server error."""
    browser = fill_in(enter(anna), "\ufdfa" * 15, **{"role-manager": "yes"})
    assert browser.status == 422
    assert any("too long" in error for error in browser.errors), browser.errors


def test_a_rule_without_conditions_is_named_and_confirmed(factory: Factory, enter, shoes, anna, jan) -> None:
    """S11: nobody makes a rule for everybody by leaving fields empty. A changed form shows its preview again."""
    browser = enter(anna)
    fill_in(browser, "All")
    assert "it applies to everybody in Example Shoes" in browser.text
    browser.submit("Add policy")
    assert "Confirm that this policy applies to everybody" in browser.text
    with factory.context():
        assert store.rules_of(shoes) == []
    browser.submit("Back to the form")
    assert browser.value("name") == "All"
    browser.fill(**{"role-manager": "yes"}).submit()
    assert "It applies to 0 of 2 people." in browser.text
    assert "From that day it applies to people who meet the conditions later." in browser.text
    assert not re.search(r"For 0 of them|0 people have no second factor|All of them already", browser.text)
    assert "everybody in Example Shoes" not in browser.text
    with factory.context():
        assert store.rules_of(shoes) == []
    fill_in(browser, "All").fill(everybody="yes").submit("Add policy")
    with factory.context():
        (row,) = store.rules_of(shoes)
    assert (row.name, row.roles, row.groups, row.shops, row.clients) == ("All", [], [], [], [])


def test_a_preview_tells_that_a_policy_is_new_for_nobody(factory: Factory, enter, shoes, anna, jan) -> None:
    """S11: a second policy for the same people says that they have a second factor, and counts nobody."""
    factory.make_user(shoes, "piet", role="manager", with_totp=True)
    browser = enter(anna)
    fill_in(browser, **{"role-manager": "yes"}).submit("Add policy")
    fill_in(browser, "Managers again", **{"role-manager": "yes"})
    assert "It applies to 1 of 3 people." in browser.text
    assert "This is new for nobody" in browser.text
    assert "All of them already have a second factor." in browser.text
    assert "For 0 of them" not in browser.text


def test_groups_shops_and_apps_are_chosen_by_name_and_survive_a_new_name(
    factory: Factory, enter, shoes, anna, relying_party
) -> None:
    """S11: a rule names what it is about by id. What it names cannot be deleted."""
    factory.make_group(shoes, "Safe", requires_mfa=False)
    factory.make_shop(shoes, "dam", "Dam")
    factory.make_client("kassa")
    factory.make_client("toys-till", organisations=(factory.make_organisation("toys"),))
    factory.make_user(shoes, "kim", groups=["Safe"], shops=["dam"])
    factory.make_user(shoes, "tom", groups=["Safe"], shops=[])
    with factory.context():
        group, shop = organisations.groups(shoes)[0], organisations.shops(shoes)[0]
    browser = enter(anna)
    browser.open(ADD)
    assert "Toys-Till" not in browser.text
    chosen = {f"group-{group.id}": "yes", f"shop-{shop.id}": "yes"}
    fill_in(browser, "Safe at Dam", "2026-11-23", **chosen)
    assert "It applies to 1 of 3 people." in browser.text
    browser.submit("Add policy")
    assert all(word in browser.text for word in ("Safe at Dam", "Safe", "Dam", "in force"))
    for path in (f"groups/{group.id}/remove", f"shops/{shop.id}/remove"):
        browser.open(f"/admin/example-shoes/{path}").fill(password=anna.password).submit()
        assert "The policy Safe at Dam names this" in browser.text
    browser.open(f"/admin/example-shoes/groups/{group.id}").fill(name="Vault").submit("Save")
    browser.open(f"{POLICIES}/who?name=Safe at Dam")
    assert "1 of 3 people would be affected." in browser.text
    assert "kim" in browser.text
    assert "tom" not in browser.text


def test_a_rule_is_changed_ended_and_deleted(factory: Factory, enter, shoes, anna: MadePerson) -> None:
    """S11: each is confirmed and audited. Two administrators who change one rule are told of each other."""
    browser = enter(anna)
    fill_in(browser, "Staff", "2026-11-01", **{"role-employee": "yes"}).submit("Add policy")
    fill_in(browser, "staff")
    assert "There is already a policy with the name “staff”." in browser.text
    with factory.context():
        (row,) = store.rules_of(shoes)
    one = f"{POLICIES}/own/{row.id}"
    browser.open(f"{one}/edit").fill(starts="2027-02-01", ends="2027-01-01").submit()
    assert "The last day is before the first day." in browser.text
    browser.fill(starts="2026-11-02", ends="").submit().submit("Save policy")
    assert "The policy “Staff” is saved." in browser.text
    browser.open(f"{one}/edit").fill(ends="2027-12-31").submit()
    with factory.context(), transaction():
        store.change_rule(shoes, row.id, name="Others")
    browser.submit("Save policy")
    assert "This was changed in the meantime" in browser.text
    browser.open(f"{one}/end").submit("End today")
    assert "ends today." in browser.text
    browser.open(f"{one}/remove").fill(password=anna.password).submit()
    assert "is deleted." in browser.text
    with factory.context():
        assert store.rules_of(shoes) == []
        changes = [one.data for one in audit_rows.rows(shoes) if one.event == "policy:changed"]
    assert changes == [{}, {"keys": ["starts"]}, {"keys": ["ends"]}, {"removed": True, "name": "Others"}]


def test_rules_of_others_stay_out_of_sight_and_reach(factory: Factory, enter, new_browser, shoes, anna, jan, olga) -> None:
    """S11, V8.2.2: neither another organisation's rules nor other people; an operator may help an organisation."""
    toys = factory.make_organisation("toys")
    with factory.context(), transaction():
        theirs = organisation_rules.create(
            factory.organisation(toys), {"name": "toy rule", "starts": date(2026, 1, 1)}, BY_TESTS
        )
    browser = enter(anna)
    assert "toy rule" not in browser.open(POLICIES).text
    for act in ("edit", "end", "remove"):
        assert browser.open(f"{POLICIES}/own/{theirs.id}/{act}").status == 404
    assert browser.open("/admin/toys/policies/own/add").status == 404
    operator = enter(olga, "/admin/", new_browser())
    operator.open("/admin/toys/policies")
    assert "toy rule" in operator.text
    assert "Add a policy for this organisation" in {words for _, words in operator.page.links}


def test_a_rule_of_a_chain_finds_its_shops_by_name(app: Flask, factory: Factory, enter, shoes, anna: MadePerson) -> None:
    """S70: the form has no box for each of many shops and groups. What is typed is found, ticked and kept."""
    for number in range(12):
        factory.make_shop(shoes, f"utr-{number}", f"Utrecht {number:02}")
        factory.make_group(shoes, f"Team {number:02}", requires_mfa=False)
    factory.make_user(shoes, "kim", shops=["utr-7"], groups=["Team 03"])
    browser = enter(anna, ADD)
    boxes = [name for form in browser.page.forms for name in form.kinds if name.startswith(("shop-", "group-"))]
    assert boxes == []
    browser.fill(name="Utrecht", starts="2026-11-23", find_shop="utrecht").submit("find=shop")
    assert "Many names contain this" in browser.text
    assert browser.value("name") == "Utrecht"
    browser.fill(find_shop="nowhere").submit("Next: who it applies to")
    assert (browser.status, '<a href="#find_shop">' in browser.html) == (422, True)
    browser.fill(find_shop="utr 07", find_group="Team 03")
    with counted(app) as seen:
        browser.submit("Next: who it applies to")
    assert "It applies to 1 of 2 people." in browser.text
    asked = [one for one in seen if "FROM shops" in one]
    bounded = (" IN (", "LIMIT", "code_key = ", "search_text IS NULL OR")
    assert all(any(words in one for words in bounded) for one in asked), asked
    browser.submit("Add policy")
    assert all(words in browser.text for words in ("Utrecht 07", "Team 03", "in force"))
    with factory.context():
        (row,) = store.rules_of(shoes)
        assert [len(row.shops), len(row.groups)] == [1, 1]
