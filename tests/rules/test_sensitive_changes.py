"""Which confirmation a change needs: the table of the one rule."""

from dataclasses import replace
from datetime import date

import pytest

from idp.identity import sensitive_changes
from idp.identity.sensitive_changes import (
    FRESH_PROOF,
    FRESH_PROOF_AND_PASSWORD,
    NOTHING,
    Access,
    ClientState,
    Confirmation,
    ConfirmationRequired,
    GroupState,
    OrganisationState,
    PersonDetails,
    PersonState,
    RuleState,
    ShopState,
    SigningKeys,
    State,
    needed,
)

JAN = PersonState("employee", "jan", "jan@shoes.example", True, frozenset({"2fa"}), frozenset({"one"}))
ANNA = replace(JAN, role="administrator")
GROUP = GroupState("Staff", requires=False)
RULE = RuleState("AU", "second_factor", date(2021, 4, 30), None, (("AU",), (), (), (), (), ()))
APP = ClientState({"redirect_uris": ["https://shop.example/"], "minimum_acr": "mfa"})
SHOES = OrganisationState({"settings": {"remember_device_days": 30}}, "owner")

TABLE: list[tuple[str, State | None, State | None, Confirmation]] = [
    ("nothing changes", ANNA, ANNA, NOTHING),
    ("another address", JAN, replace(JAN, email="eve@evil.example"), FRESH_PROOF),
    ("a removed address", JAN, replace(JAN, email=""), FRESH_PROOF),
    ("an address marked as verified", replace(JAN, email_verified=False), JAN, FRESH_PROOF),
    ("another username", JAN, replace(JAN, username="anna"), FRESH_PROOF),
    ("promoted", JAN, replace(JAN, role="manager"), FRESH_PROOF),
    ("made an administrator", JAN, ANNA, FRESH_PROOF_AND_PASSWORD),
    ("made the owner", JAN, replace(JAN, role="owner"), FRESH_PROOF_AND_PASSWORD),
    ("an administrator made the owner", ANNA, replace(ANNA, role="owner"), FRESH_PROOF),
    ("demoted", ANNA, JAN, FRESH_PROOF_AND_PASSWORD),
    ("join a requiring group", JAN, replace(JAN, requiring_groups=frozenset({"2fa", "x"})), FRESH_PROOF),
    ("leave a requiring group", JAN, replace(JAN, requiring_groups=frozenset()), FRESH_PROOF),
    ("shops of an employee", JAN, replace(JAN, shops=None), NOTHING),
    ("shops of an administrator", ANNA, replace(ANNA, shops=None), FRESH_PROOF),
    ("a new employee", None, JAN, FRESH_PROOF),
    ("a new administrator", None, ANNA, FRESH_PROOF_AND_PASSWORD),
    ("an address of an administrator", ANNA, replace(ANNA, email="eve@evil.example"), FRESH_PROOF_AND_PASSWORD),
    ("a removed user", JAN, None, FRESH_PROOF),
    ("the name of an employee", PersonDetails("employee", ("Jan",)), PersonDetails("employee", ("J.",)), NOTHING),
    ("the name of an administrator", PersonDetails("owner", ("Jan",)), PersonDetails("owner", ("J.",)), FRESH_PROOF),
    ("a group that requires nothing", None, GROUP, NOTHING),
    ("a group that requires a factor", None, replace(GROUP, requires=True), FRESH_PROOF),
    ("a requirement", GROUP, replace(GROUP, requires=True), FRESH_PROOF),
    ("a requirement loosened", replace(GROUP, requires=True), GROUP, FRESH_PROOF),
    ("a name of a group", GROUP, replace(GROUP, name="Team"), NOTHING),
    ("a name that a rule uses", replace(GROUP, requires=True), GroupState("Team", requires=True), FRESH_PROOF),
    ("a deleted group", GROUP, None, FRESH_PROOF_AND_PASSWORD),
    ("a new shop", None, ShopState("one", "One"), NOTHING),
    ("a renamed shop", ShopState("one", "One"), ShopState("one", "Two"), NOTHING),
    ("a deleted shop", ShopState("one", "One"), None, FRESH_PROOF_AND_PASSWORD),
    ("a new rule", None, RULE, FRESH_PROOF),
    ("a rule's end", RULE, replace(RULE, ends=date(2022, 1, 1)), FRESH_PROOF),
    ("a rule's start", RULE, replace(RULE, starts=date(2030, 1, 1)), FRESH_PROOF),
    ("a rule's requirement", RULE, replace(RULE, require="mfa"), FRESH_PROOF),
    ("a rule's conditions", RULE, replace(RULE, conditions=()), FRESH_PROOF),
    ("a deleted rule", RULE, None, FRESH_PROOF_AND_PASSWORD),
    ("a new app", None, APP, FRESH_PROOF),
    ("a redirect address", APP, ClientState({**APP.registered, "redirect_uris": ["https://evil.example/"]}), FRESH_PROOF),
    ("a minimum level", APP, ClientState({**APP.registered, "minimum_acr": ""}), FRESH_PROOF),
    ("a new secret", APP, replace(APP, secrets=1), FRESH_PROOF_AND_PASSWORD),
    ("a disabled app", APP, replace(APP, is_disabled=True), FRESH_PROOF_AND_PASSWORD),
    ("an enabled app", replace(APP, is_disabled=True), APP, FRESH_PROOF_AND_PASSWORD),
    ("a deleted app", APP, None, FRESH_PROOF_AND_PASSWORD),
    ("settings", SHOES, replace(SHOES, values={"settings": {"remember_device_days": 1}}), FRESH_PROOF),
    ("another owner", SHOES, replace(SHOES, owner_id="iris"), FRESH_PROOF_AND_PASSWORD),
    ("a new organisation", None, SHOES, FRESH_PROOF_AND_PASSWORD),
    ("a removed organisation", SHOES, None, FRESH_PROOF_AND_PASSWORD),
    ("other signing keys", SigningKeys("active"), SigningKeys("next"), FRESH_PROOF_AND_PASSWORD),
    ("a passkey's name", Access("passkey", "employee", "Mine"), Access("passkey", "employee", "Yours"), FRESH_PROOF),
]
GIVEN = {"account": 1, "invitation": 1, "address_change": 1}
REMOVED = {"account": 1, "lockout": 1, "ownership_offer": 1, "owner_recovery": 1}
OF_RULERS = {("account", True), ("account", False), ("invitation", True), ("lockout", False)}
KINDS = (
    "account", "lockout", "invitation", "one_time_password", "printed_code", "second_factor", "passkey", "sessions",
    "address_change", "ownership_offer", "ownership", "owner_recovery", "operator",
)  # fmt: skip


@pytest.mark.parametrize(("what", "before", "after", "wanted"), TABLE, ids=[row[0] for row in TABLE])
def test_confirmation_depends_on_what_changes(
    what: str, before: State | None, after: State | None, wanted: Confirmation
) -> None:
    """entry 1: the result is the same for every page, route and form."""
    assert needed(before, after) == wanted


@pytest.mark.parametrize("kind", KINDS)
def test_confirmation_of_access_depends_on_the_users_role(kind: sensitive_changes.Kind) -> None:
    """S47, S49: a new credential needs the password too. So do changes that give administrators access, or take it."""
    for role in ("owner", "administrator", "manager", "employee", "customer"):
        held, is_ruling = Access(kind, role), role in ("owner", "administrator")
        for is_given in (True, False):
            wanted = 2 if is_ruling and (kind, is_given) in OF_RULERS else (GIVEN if is_given else REMOVED).get(kind, 2)
            assert needed(*((None, held) if is_given else (held, None))) == wanted, (role, is_given)


def test_requests_start_unconfirmed_and_commands_need_nothing() -> None:
    """Outside a request the command line acts. Within a request nothing is confirmed until a proof is given."""
    promoted = replace(JAN, role="manager")
    sensitive_changes.require(JAN, promoted)
    sensitive_changes.begin()
    try:
        for given in Confirmation:
            sensitive_changes.confirm(given)
            sensitive_changes.confirm(NOTHING)
            assert sensitive_changes.given() == given
            if given < FRESH_PROOF:
                with pytest.raises(ConfirmationRequired) as required:
                    sensitive_changes.require(JAN, promoted)
                assert required.value.confirmation == FRESH_PROOF
            else:
                sensitive_changes.require(JAN, promoted)
    finally:
        sensitive_changes.end()
    assert sensitive_changes.given() == NOTHING
