"""``idp apply`` creates, changes, leaves alone and removes objects."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from idp import audit
from idp.cli.provision.shape import NOT_HERE
from idp.oauth.client_metadata import MEMBERS
from idp.store import clients, consents, dated_rules, operators
from idp.store import organisations as store
from tests.cli.conftest import ANNA, POS, SECRET, SHOP, Idp, outcomes
from tests.drivers.client_key import ClientKey
from tests.drivers.people import everybody

EVERYTHING = (
    SHOP.replace('owner = "olga"\n', 'owner = "olga"\n[organisations.settings]\nlogin_hours = 8\n')
    + """
[[shops]]
organisation = "example-shoes"
code = "amsterdam-1"
name = "Amsterdam"

[[groups]]
organisation = "example-shoes"
name = "2FA"
requires_mfa = true
"""
    + ANNA
    + """groups = ["2FA"]
shops = ["amsterdam-1"]
[users.address]
locality = "Amsterdam"

[[policies]]
name = "xero-au"
starts = 2021-04-30
require = "second_factor"
countries = ["AU"]
integrations = ["xero"]
roles = ["administrator", "owner"]
groups = ["2FA"]
organisations = ["example-shoes"]
clients = ["pos"]
"""
    + POS
)


def test_a_profile_that_demands_keys_needs_no_secret(idp: Idp) -> None:
    """FAPI 2.0 §5.3.2.1 (6): the member sets the method, as at `idp client create`."""
    keys = ", ".join(f"{name} = {json.dumps(value)}" for name, value in ClientKey().public.items())
    profile = f'security_profile = "fapi-2.0"\njwks = {{ keys = [{{ {keys} }}] }}'
    found = outcomes(idp.apply(POS.replace(f'client_secret = "{SECRET}"', profile)).stdout)
    assert found == {"client pos": "created"}


def test_every_created_object_is_printed(idp: Idp) -> None:
    """Issue: it prints what it created."""
    outcome_of = outcomes(idp.apply(EVERYTHING).stdout)
    assert outcome_of == {
        "organisation example-shoes": "created",
        "shop example-shoes/amsterdam-1": "created",
        "group example-shoes/2FA": "created",
        "user example-shoes/olga": "created",
        "user example-shoes/anna": "created",
        "client pos": "created",
        "policy xero-au": "created",
    }
    anna = idp.json("user", "show", "example-shoes", "anna")
    assert (anna["groups"], anna["shops"], anna["given_name"]) == (["2FA"], ["amsterdam-1"], "Anna")
    assert anna["address"] == {"locality": "Amsterdam"}
    assert anna["second_factor"]["recovery_codes_left"] == 2
    shown = idp.json("organisation", "show", "example-shoes")
    assert (shown["owner"], shown["settings"]["login_hours"]) == ("olga", 8)


def test_applying_twice_changes_nothing(idp: Idp) -> None:
    """Issue: the command is idempotent."""
    idp.apply(EVERYTHING)
    output = idp.apply(EVERYTHING).stdout
    assert set(outcomes(output).values()) == {"unchanged"}
    assert output.splitlines()[-1] == "0 created, 0 changed, 0 removed, 7 left alone"


def test_applying_twice_writes_no_second_audit_row(idp: Idp, inside: Callable[[], Any]) -> None:
    """I1: every change has exactly one audit row. An unchanged object has none."""

    def rows() -> int:
        with inside():
            heads = [audit.store.head(key) for key in ("", *(row.id for row in store.organisations()))]
            return sum(head.seq for head in heads if head)

    idp.apply(EVERYTHING)
    before = rows()
    assert before > 0
    idp.apply(EVERYTHING)
    assert rows() == before


CHANGES = [
    ('name = "Example Shoes"', 'name = "Shoes"', "organisation example-shoes", "changed: name"),
    ('country = "NL"', 'country = "BE"', "organisation example-shoes", "changed: country"),
    ("login_hours = 8", "login_hours = 9", "organisation example-shoes", "changed: settings"),
    ('name = "Amsterdam"', 'name = "Centre"', "shop example-shoes/amsterdam-1", "changed: name"),
    ("requires_mfa = true", "requires_mfa = false", "group example-shoes/2FA", "changed: requires_mfa"),
    ('given_name = "Anna"', 'given_name = "Ann"', "user example-shoes/anna", "changed: given_name"),
    ('locality = "Amsterdam"', 'locality = "Utrecht"', "user example-shoes/anna", "changed: address"),
    ('groups = ["2FA"]\nshops', "groups = []\nshops", "user example-shoes/anna", "changed: groups"),
    ('shops = ["amsterdam-1"]', "shops = []", "user example-shoes/anna", "changed: shops"),
    ("anna@shoes", "ann@shoes", "user example-shoes/anna", "changed: email"),
    ("starts = 2021-04-30", "starts = 2022-01-01", "policy xero-au", "changed: starts"),
    ('countries = ["AU"]', 'countries = ["AU", "NZ"]', "policy xero-au", "changed: countries"),
    ('require = "second_factor"', 'require = "mfa"', "policy xero-au", "changed: require"),
    ('client_name = "Kassa"', 'client_name = "Till"', "client pos", "changed: client_name"),
    ("localhost:8001/callback", "localhost:8001/back", "client pos", "changed: redirect_uris"),
    ("first_party = true", "first_party = false", "client pos", "changed: first_party"),
]


@pytest.mark.parametrize(("old", "new", "object_", "outcome"), CHANGES)
def test_one_changed_key_changes_one_object_and_is_named(idp: Idp, old: str, new: str, object_: str, outcome: str) -> None:
    """Issue: it prints what it changed. Every other object stays unchanged."""
    assert old in EVERYTHING
    idp.apply(EVERYTHING)
    changed = EVERYTHING.replace(old, new)
    outcome_of = outcomes(idp.apply(changed).stdout)
    assert outcome_of.pop(object_).startswith(outcome)
    assert set(outcome_of.values()) == {"unchanged"}
    assert set(outcomes(idp.apply(changed).stdout).values()) == {"unchanged"}


def test_an_omitted_key_is_left_unchanged(idp: Idp) -> None:
    """Issue: an omitted key is left unchanged."""
    idp.apply(EVERYTHING)
    bare = """
[[organisations]]
store_url = "example-shoes"
[[users]]
organisation = "example-shoes"
username = "anna"
[[policies]]
name = "xero-au"
[[clients]]
client_id = "pos"
"""
    assert set(outcomes(idp.apply(bare).stdout).values()) == {"unchanged"}
    anna = idp.json("user", "show", "example-shoes", "anna")
    assert (anna["given_name"], anna["groups"], anna["email_verified"]) == ("Anna", ["2FA"], True)


def test_objects_that_the_file_omits_are_not_deleted(idp: Idp) -> None:
    """Issue: an object is deleted only by absent = true."""
    idp.apply(EVERYTHING)
    idp.apply(SHOP)
    assert "pos" in idp("client", "list").stdout
    assert "anna" in idp("user", "list", "example-shoes").stdout


def test_absent_removes_an_object_and_reports_it_once(idp: Idp, inside: Callable[[], Any]) -> None:
    """Issue: `absent = true` deletes. Users are disabled instead, since their ids are never used again."""
    idp.apply(EVERYTHING)
    gone = """
[[shops]]
organisation = "example-shoes"
code = "amsterdam-1"
absent = true
[[groups]]
organisation = "example-shoes"
name = "2FA"
absent = true
[[users]]
organisation = "example-shoes"
username = "anna"
absent = true
[[policies]]
name = "xero-au"
absent = true
[[clients]]
client_id = "pos"
absent = true
"""
    assert set(outcomes(idp.apply(gone).stdout).values()) == {"removed"}
    assert set(outcomes(idp.apply(gone).stdout).values()) == {"unchanged"}
    assert idp.json("user", "show", "example-shoes", "anna")["disabled_since"]
    with inside():
        assert clients.client("pos") is None
        assert dated_rules.dated_rules() == []


def test_an_absent_organisation_is_removed_with_its_users(idp: Idp) -> None:
    """Issue: `absent = true` deletes."""
    idp.apply(EVERYTHING)
    idp.apply(
        '[[policies]]\nname = "xero-au"\nabsent = true\n[[organisations]]\nstore_url = "example-shoes"\nabsent = true\n'
    )
    assert idp("organisation", "list").stdout == ""


def test_the_last_owner_cannot_be_made_absent(idp: Idp) -> None:
    """S54: an organisation keeps an owner. The rule is the console's."""
    idp.apply(SHOP)
    gone = '[[users]]\norganisation = "example-shoes"\nusername = "olga"\nabsent = true\n'
    assert idp.faults(gone)[0].startswith("shop.toml:1: [[users]] example-shoes/olga: An organisation needs an owner")


def test_ownership_moves_in_one_file(idp: Idp) -> None:
    """The new owner exists before the old one loses the role, whatever the order in the file."""
    idp.apply(SHOP)
    moved = SHOP.replace('owner = "olga"', 'owner = "otto"').replace('role = "owner"', 'role = "manager"')
    otto = SHOP[SHOP.index("[[users]]") :].replace("olga", "otto")
    outcome_of = outcomes(idp.apply(moved + otto).stdout)
    assert outcome_of["organisation example-shoes"] == "changed: owner"
    assert outcome_of["user example-shoes/olga"] == "changed: role"
    assert idp.json("organisation", "show", "example-shoes")["owner"] == "otto"


def test_a_dry_run_prints_the_same_and_changes_nothing(idp: Idp) -> None:
    """Issue: `--dry-run` prints the outcomes of a real run."""
    dry = idp.apply(EVERYTHING, "--dry-run").stdout
    assert idp("organisation", "list").stdout == ""
    assert idp("client", "list").stdout == ""
    real = idp.apply(EVERYTHING).stdout
    assert dry.splitlines()[:-1] == real.splitlines()[:-1]
    assert "dry run: nothing was changed" in dry


def test_an_unsupported_registered_member_is_ignored_and_reported(idp: Idp) -> None:
    """RFC 7591 §2: members without effect on the server are ignored. A typing error is refused."""
    result = idp.apply(POS + 'software_id = "pos"\n')
    assert "software_id: is not supported yet and was ignored" in result.stderr
    assert not set(NOT_HERE) & set(MEMBERS), "what the server knows is not ignored"


def test_a_file_cannot_change_the_operators_organisation(idp: Idp) -> None:
    """Operators are outside every organisation, so a file can make no operator."""
    assert (
        "is that of the installation administrators"
        in idp.faults(f'[[organisations]]\nstore_url = "{operators.STORE_URL}"\n')[0]
    )


def test_deleting_a_client_deletes_the_consents_to_it(idp: Idp, inside: Callable[[], Any]) -> None:
    """I8: no row refers to a client that does not exist."""
    idp.apply(SHOP + ANNA + POS)
    with inside():
        from idp import clock
        from idp.db import transaction

        organisation = store.organisation_at("example-shoes")
        assert organisation is not None
        person = everybody(organisation.id)[0]
        with transaction():
            consents.give_consent(organisation.id, person.id, "pos", ["openid"], clock.now())
    idp("client", "delete", "pos")
    with inside():
        assert consents.consent_of(organisation.id, person.id, "pos") is None


@pytest.mark.both_engines
def test_a_large_file_is_applied_completely_or_not_at_all(idp: Idp) -> None:
    """On SQLite and PostgreSQL, one fault in the last table keeps all of it out."""
    staff = "".join(f'\n[[users]]\norganisation = "example-shoes"\nusername = "staff{n}"\n' for n in range(100))
    assert len(idp.faults(SHOP + staff + 'role = "king"\n')) == 1
    assert idp("organisation", "list").stdout == ""
    assert "102 created" in idp.apply(SHOP + staff).stdout
    assert "102 left alone" in idp.apply(SHOP + staff).stdout


def test_time_zones_are_provisioned_and_shown(idp: Idp) -> None:
    """Organisations and users have one, by ``time_zone`` or the claim's name ``zoneinfo``. A misspelt one is refused."""
    document = SHOP.replace('country = "NL"', 'country = "AU"') + ANNA + 'zoneinfo = "Asia/Tokyo"\n'
    idp.apply(document)
    assert idp.json("organisation", "show", "example-shoes")["time_zone"] == "Australia/Sydney"
    assert idp.json("user", "show", "example-shoes", "anna")["time_zone"] == "Asia/Tokyo"
    other = document.replace('"AU"', '"AU"\ntime_zone = "Australia/Perth"').replace("zoneinfo", "time_zone")
    assert outcomes(idp.apply(other).stdout)["user example-shoes/anna"] == "unchanged"
    assert idp.json("organisation", "show", "example-shoes")["time_zone"] == "Australia/Perth"
    (fault,) = idp.faults(other.replace("Asia/Tokyo", "Asia/Tokio"))
    assert "time_zone: This must be the name of a time zone" in fault
