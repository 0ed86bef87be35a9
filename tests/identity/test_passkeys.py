"""Which people may remove a passkey, and what its removal ends (S7, S28, S47, S48)."""

import pytest
from flask import Flask

from idp import clock, crypto
from idp.actors import Person
from idp.audit import Origin
from idp.config import Settings
from idp.db import transaction
from idp.errors import Forbidden, NotFound, Refusal
from idp.identity.credentials import passkeys
from idp.identity.users import lookup
from idp.store import operators
from tests.drivers.security_key import SecurityKey
from tests.factories import BY_TESTS, Factory, MadePerson

pytestmark = pytest.mark.both_engines
ISSUER = "https://id.example.com"


@pytest.fixture
def factory(settings: Settings, database: Flask) -> Factory:
    """Return a factory for the open database."""
    return Factory(settings, database)


@pytest.fixture
def shop(factory: Factory) -> str:
    """Create an organisation in which the group 2FA makes a second factor compulsory for employees."""
    made = factory.make_organisation()
    factory.make_group(made)
    return made


def with_key(factory: Factory, organisation_id: str, name: str, **details: object) -> MadePerson:
    """Return a user whose only factor is a passkey."""
    person = factory.make_user(organisation_id, name, **details)
    factory.give_passkey(person, SecurityKey(ISSUER))
    return person


def removed(factory: Factory, owner: MadePerson, origin: Origin) -> bool:
    """Try to remove the only passkey of ``owner``."""
    user = factory.user(owner)
    (held,) = passkeys.passkeys_of(user)
    try:
        passkeys.remove(factory.settings, factory.organisation(owner.organisation_id), user, held.id, origin)
    except Refusal:
        assert len(passkeys.passkeys_of(user)) == 1
        raise
    return not passkeys.passkeys_of(user)


def test_an_administrator_may_remove_a_compulsory_passkey(factory: Factory, shop: str) -> None:
    """S47: the user must then set up a compulsory factor again, as after a reset of the second factor."""
    jan, boss = with_key(factory, shop, "jan", groups=["2FA"]), factory.make_user(shop, "boss", role="administrator")
    with pytest.raises(Forbidden):
        removed(factory, jan, Origin(Person(jan.id)))
    assert removed(factory, jan, Origin(Person(boss.id)))
    person = lookup.person_of(factory.settings, factory.organisation(shop), factory.user(jan))
    assert not person.has_factor


def test_other_users_may_not_remove_a_passkey(factory: Factory, shop: str) -> None:
    """S48 and IDOR: colleagues and strangers are refused.
    An operator cannot remove an owner's, but must announce a recovery.
    """
    jan, eve = with_key(factory, shop, "jan"), factory.make_user(shop, "eve")
    stranger = factory.make_user(factory.make_organisation("other-shoes"), "stranger", role="administrator")
    owner = with_key(factory, shop, "owner", role="owner", email="owner@shoes.example")
    with transaction():
        installation = operators.add_installation(crypto.new_id(), clock.now()).id
    olga = factory.make_user(installation, "olga", role="administrator")
    with pytest.raises(Forbidden):
        removed(factory, jan, Origin(Person(eve.id)))
    with pytest.raises(NotFound):
        removed(factory, jan, Origin(Person(stranger.id)))
    with pytest.raises(Forbidden):
        removed(factory, owner, Origin(Person(olga.id)))
    assert removed(factory, jan, Origin(Person(olga.id)))


def test_a_missing_passkey_is_not_found(factory: Factory, shop: str) -> None:
    """After the first removal, or for another user, there is no such passkey."""
    jan, eve = with_key(factory, shop, "jan"), with_key(factory, shop, "eve")
    (held,) = passkeys.passkeys_of(factory.user(jan))
    at = factory.organisation(shop)
    with pytest.raises(NotFound):
        passkeys.remove(factory.settings, at, factory.user(eve), held.id, BY_TESTS)
    assert removed(factory, jan, BY_TESTS)
    with pytest.raises(NotFound):
        passkeys.remove(factory.settings, at, factory.user(jan), held.id, BY_TESTS)
