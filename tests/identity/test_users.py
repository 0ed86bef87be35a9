"""Find, create and change users."""

from collections.abc import Callable

import pytest

from idp import clock, crypto
from idp.actors import Person
from idp.audit import Origin
from idp.config import Settings
from idp.db import transaction
from idp.errors import Forbidden, Invalid, NotFound
from idp.factors import APP
from idp.identity.accounts import accounts
from idp.identity.credentials import passwords, second_factor, unlock
from idp.identity.organisations import organisations as organisation_changes
from idp.identity.users import lookup, status
from idp.store import audit as audit_rows
from idp.store import organisations, outbox
from idp.store.organisations import Organisation
from idp.store.users import User
from tests.drivers.people import everybody
from tests.identity.conftest import CLI
from tests.identity.traces import SECRET, add_group, by, events, fresh


@pytest.mark.parametrize("typed", ["Anna", "anna", " ANNA ", "ａｎｎａ"])
def test_a_username_is_found_in_any_case_and_width(
    organisation: Organisation, make_user: Callable[..., User], typed: str
) -> None:
    """S2: case and width do not count."""
    user = make_user("Anna")
    found = lookup.find(organisation.id, typed)
    assert found is not None
    assert found.id == user.id
    assert lookup.find(crypto.new_id(), typed) is None
    assert lookup.find(organisation.id, "") is None
    assert lookup.find(organisation.id, "a" * 1000) is None


def test_a_username_is_unique_within_an_organisation(organisation: Organisation, make_user: Callable[..., User]) -> None:
    """S2."""
    make_user("anna")
    with pytest.raises(Invalid) as refused:
        make_user("ANNA")
    assert refused.value.field == "username"
    assert events(organisation) == ["user:created"]


@pytest.mark.both_engines
def test_concurrent_creations_of_one_username_create_one(
    engine: str, make_user: Callable[..., User], at_once: Callable[..., list[bool]]
) -> None:
    """S2, I8: the other callers get a clear refusal."""

    def act() -> bool:
        try:
            make_user("anna")
        except Invalid:
            return False
        return True

    assert sum(at_once(5, act)) == 1


@pytest.mark.parametrize(
    ("key", "details"),
    [
        ("username", {"username": ""}),
        ("username", {"username": "  "}),
        ("username", {"username": "a\nb"}),
        ("username", {"username": "a" * 255}),
        ("role", {"role": "king"}),
        ("email", {"email": "no address"}),
        ("email", {"role": "owner", "email": ""}),
        ("email", {"role": "owner", "email": "o@shoes.example", "email_verified": False}),
        ("groups", {"groups": ("none",)}),
        ("shops", {"shops": ("none",)}),
        ("phone_number", {"phone_number": "call me"}),
        ("sub", {"sub": "x"}),
        ("password", {"password": "x" * 257}),
        ("password_hash", {"password_hash": "md5"}),
        ("password_hash", {"password_hash": "$argon2id$v=19$m=8,t=1,p=1$YWFhYWFhYWE$YWFh", "password": "x"}),
        ("totp_secret", {"totp_secret": "short"}),
        ("recovery_codes", {"recovery_codes": ("abc",)}),
        ("recovery_codes", {"recovery_codes": ("abcdefg-hijkmnp", "ABCDEFG hijkmnp")}),
    ],
)
def test_an_invalid_detail_is_named(
    organisation: Organisation, make_user: Callable[..., User], key: str, details: dict[str, object]
) -> None:
    """The error names the key, and nothing is half-written."""
    with pytest.raises(Invalid) as refused:
        make_user(**{"username": "anna", **details})
    assert refused.value.field == key
    assert everybody(organisation.id) == []
    assert events(organisation) == []


def test_users_are_imported_with_their_credentials(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """idp apply: password, TOTP secret and recovery codes of another system work at once. No mail is sent."""
    user = make_user(
        password="my own old password", totp_secret=SECRET.lower(), recovery_codes=["abcdefg-hijkmnp"], email="a@b.example"
    )
    assert passwords.verify(settings, user, "my own old password")
    assert not passwords.verify(settings, user, "my own old password ")
    person = lookup.person_of(settings, organisation, fresh(user))
    assert (person.owns(APP), person.recovery_codes_left) == (True, 1)
    assert outbox.mails() == []


def test_a_change_returns_the_details_that_changed(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """idp apply prints what it left alone. A change is audited once, with the names of the details only."""
    add_group(organisation, "2FA")
    user = make_user(name="Anna", email="anna@shoes.example", email_verified=True)
    same = {"name": "Anna", "email": "anna@shoes.example", "groups": [], "shops": None, "role": "employee"}
    assert accounts.change(settings, organisation, user, same, CLI) == ()
    changed = accounts.change(settings, organisation, user, {"name": "Anne", "groups": ["2FA"], "username": "anne"}, CLI)
    assert changed == ("groups", "name", "username")
    assert lookup.find(organisation.id, "anne") is not None
    row = audit_rows.rows(organisation.id)[-1]
    assert row.event == "user:changed"
    assert "Anne" not in str(row.data)


def test_a_new_address_is_not_verified(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """S54: each address is verified for itself."""
    user = make_user(email="anna@shoes.example", email_verified=True)
    assert accounts.change(settings, organisation, user, {"email": "new@shoes.example"}, CLI) == ("email", "email_verified")
    assert fresh(user).email_verified_at is None


def test_an_owner_keeps_a_verified_address(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """S54."""
    owner = make_user("owner", role="owner")
    for changes in ({"email": ""}, {"email": "other@shoes.example"}, {"email_verified": False}):
        with pytest.raises(Invalid):
            accounts.change(settings, organisation, owner, changes, CLI)
    assert fresh(owner).email_verified_at is not None


def test_administrators_grant_no_higher_role_nor_change_the_owner(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """S47: these rules of the console hold below every interface."""
    owner, chief, anna = make_user("owner", role="owner"), make_user("chief", role="administrator"), make_user()
    with pytest.raises(Forbidden):
        accounts.change(settings, organisation, anna, {"role": "owner"}, by(chief))
    for act in (status.disable, second_factor.reset_factor, second_factor.remove_factor, status.end_sessions, unlock.unlock):
        with pytest.raises(Forbidden):
            act(settings, organisation, owner, by(chief))
        with pytest.raises(Forbidden):
            act(settings, organisation, chief, by(anna))
    assert accounts.change(settings, organisation, anna, {"role": "administrator"}, by(chief)) == ("role",)


def test_users_of_another_organisation_are_not_found(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """Guessed ids get "not found", never "forbidden"."""
    anna, stranger = make_user(), Origin(Person(crypto.new_id()))
    with pytest.raises(NotFound):
        status.disable(settings, organisation, anna, stranger)
    elsewhere = Organisation(id=crypto.new_id(), store_url="other", name="Other", created_at=clock.now())
    with pytest.raises(NotFound):
        status.disable(settings, elsewhere, anna, CLI)


def test_the_last_owner_cannot_be_removed(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """S48, S54: an organisation always has an owner who can act and who gets notices and recovery mails."""
    owner = make_user("owner", role="owner")
    iris = make_user("iris", role="owner")
    with pytest.raises(Forbidden):
        status.disable(settings, organisation, owner, CLI)
    with pytest.raises(Forbidden):
        accounts.change(settings, organisation, owner, {"role": "manager"}, CLI)
    with transaction():
        organisation_changes.set_owner(organisation, iris, CLI)
    assert status.disable(settings, organisation, owner, CLI) == 0  # sessions that ended
    with pytest.raises(Forbidden):
        status.disable(settings, organisation, iris, CLI)


def test_the_first_user_with_the_owner_role_owns_the_organisation(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """S48, S54: notices and recovery mails reach the owner that a file created or changed."""
    anna = make_user(email="anna@shoes.example", email_verified=True)
    accounts.change(settings, organisation, anna, {"role": "owner"}, CLI)
    with transaction():
        assert organisations.lock_owner(organisation.id) == anna.id
