"""List which roles may enter which page, and make a person for each role."""

from collections.abc import Callable
from datetime import date

import pytest
from flask import Flask

from idp import crypto
from idp.clock import now
from idp.db import transaction
from idp.identity.organisations import shops
from idp.identity.people_import import jobs
from idp.identity.policy import organisation_rules
from idp.store import client_secrets, operators, organisations, sessions
from tests.drivers.browser import Browser
from tests.factories import BY_TESTS, Factory, MadePerson

ROLES = ("owner", "administrator", "manager", "employee", "customer", "operator", "administrator of another organisation")


RULING = {"owner", "administrator", "operator"}


OPERATORS = {"operator"}


WHO = {
    "admin.front": {*RULING, "administrator of another organisation"},
    "admin.overview": RULING,
    **dict.fromkeys(("admin.select_people", "admin.act_on_people", "admin.undo_people"), RULING),
    **dict.fromkeys(("admin.people", "admin.export_people", "admin.add_person", "admin.edit_person"), RULING),
    **dict.fromkeys(("admin.import_people", "admin.import_template", "admin.import_job"), RULING),
    "admin.import_refused": RULING,
    **dict.fromkeys(("admin.export_file", "admin.download_export", "admin.discard_export"), RULING),
    **dict.fromkeys(("admin.import_start", "admin.import_cancel", "admin.import_codes"), RULING),
    **dict.fromkeys(("admin.person", "admin.explain_person"), RULING),
    "admin.act_on_person": RULING,
    "admin.lost_phone": RULING,
    **dict.fromkeys(("admin.remove_authenticator_app", "admin.remove_passkey"), RULING),
    **dict.fromkeys(("admin.groups", "admin.group", "admin.remove_group"), RULING),
    **dict.fromkeys(("admin.shops", "admin.shop", "admin.remove_shop", "admin.select_in_shop", "admin.add_to_shop"), RULING),
    **dict.fromkeys(("admin.policies", "admin.dry_run", "admin.settings", "admin.logo"), RULING),
    **dict.fromkeys(("admin.add_own_policy", "admin.edit_own_policy"), RULING),
    **dict.fromkeys(("admin.end_own_policy", "admin.remove_own_policy"), RULING),
    **dict.fromkeys(("admin.add_organisation", "admin.disable_organisation"), OPERATORS),
    "admin.enable_organisation": OPERATORS,
    "admin.ownership": RULING,
    "admin.withdraw_ownership": {"owner", "operator"},
    **dict.fromkeys(("admin.add_policy", "admin.edit_policy", "admin.remove_policy"), OPERATORS),
    **dict.fromkeys(("admin.sessions", "admin.end_session", "admin.mail", "admin.resend_mail"), RULING),
    **dict.fromkeys(("admin.audit", "admin.export_audit"), RULING),
    **dict.fromkeys(("admin.apps", "admin.app", "admin.test_app"), RULING),
    "admin.tested": set(),  # only the return from a test that this browser began
    **dict.fromkeys(("admin.add_app", "admin.edit_app", "admin.act_on_app"), OPERATORS),
    **dict.fromkeys(("admin.new_secret", "admin.end_secret"), OPERATORS),
    **dict.fromkeys(("admin.connect", "admin.connect_kind"), OPERATORS),  # and administrators where an operator allows it
    **dict.fromkeys(("admin.keys", "admin.rotate_keys"), OPERATORS),
}
"""The roles that may enter each address of the console. Other users get 404, and strangers the sign-in."""


OWN = "account."
"""Every signed-in person may enter every page of the profile, and sees only their own data."""


def one_of_each(factory: Factory) -> dict[str, MadePerson]:
    """Make a person of each role, all with a second factor and a verified address."""
    shoes = factory.make_organisation("example-shoes", settings={"offer_set_up": False})
    toys = factory.make_organisation("toys", settings={"offer_set_up": False})
    with factory.context(), transaction():
        installation = operators.add_installation(crypto.new_id(), now()).id
    found = {}
    for role in ROLES:
        at = {"operator": installation, "administrator of another organisation": toys}.get(role, shoes)
        plain = role if at == shoes else "administrator"
        email = f"{role.split()[0]}@{'toys' if at == toys else 'shoes'}.example"
        found[role] = factory.make_user(at, role.split()[0], role=plain, with_totp=True, email=email)
    return found


@pytest.fixture
def people(factory: Factory) -> dict[str, MadePerson]:
    """Make a person of each role."""
    return one_of_each(factory)


@pytest.fixture
def values(factory: Factory, people: dict[str, MadePerson]) -> Callable[[], dict[str, str]]:
    """Return values for the placeholders in addresses, of existing things of the organisation."""
    employee = people["employee"]
    factory.make_group(employee.organisation_id)
    factory.make_client("till")
    with factory.context(), transaction():
        at = factory.organisation(employee.organisation_id)
        shop = shops.create(employee.organisation_id, {"code": "one", "name": "One"}, BY_TESTS).id
        rule = organisation_rules.create(at, {"name": "Later", "starts": date(2999, 1, 1)}, BY_TESTS).id

    with factory.context():
        job = jobs.draft(factory.settings, at, b"username\nkim\n", BY_TESTS, prints_codes=False)

    def found() -> dict[str, str]:
        with factory.context():
            group = organisations.groups(employee.organisation_id)[0].id
            (secret,) = client_secrets.valid_secrets("till", now())
            open_now = sessions.sessions_of(employee.organisation_id, employee.id, now(), None, 100)
        known = {
            "client_id": "till",
            "store_url": "example-shoes",
            "user_id": employee.id,
            "group_id": group,
            "shop_id": shop,
            "rule_id": rule,
            "job_id": job,
            "secret_id": secret.id,
        }
        session = {"login_id": open_now[0].id} if open_now else {}
        return {**known, **session, "act": "disable", "form": "csv", "kind": "till"}

    return found


def sign_in(browser: Browser, person: MadePerson) -> Browser:
    browser.open("/account/security").fill(organisation=person.store_url).submit()
    browser.fill(username=person.username, password=person.password).submit()
    return browser.fill(code=person.authenticator.code()).submit()


def addresses(app: Flask, prefix: str, values: dict[str, str]) -> dict[str, tuple[str, set[str]]]:
    """Return address and methods of each endpoint below ``prefix`` whose placeholders are known."""
    found = {}
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(prefix):
            filled = {name: values.get(name, crypto.new_id()) for name in rule.arguments}
            built = app.url_map.bind("id.example.com").build(rule.endpoint, filled)
            found[rule.endpoint] = (built, set(rule.methods or ()) & {"GET", "POST"})
    return found
