"""Every search gives the same users on both engines, by every plan, page by page."""

from itertools import product
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from idp import schema, sweeps
from idp.clock import now
from idp.config import Settings
from idp.db import connection, transaction
from idp.identity.accounts import accounts
from idp.identity.credentials import passkeys, second_factor, totp
from idp.identity.users import status
from idp.store import organisations, rate_limits, user_search, user_states, users
from idp.store.user_search import PeopleSought
from idp.store.user_states import ORDERS
from tests.drivers.security_key import SecurityKey
from tests.factories import BY_TESTS, Factory, MadePerson

SEARCHES = {
    "kim": ["kim.vries", "kimberley"],
    "vries": ["kim.vries", "piet"],
    "kim vries": ["kim.vries"],
    "DE VRIES piet": ["piet"],
    "shoes.ex": ["kim.vries", "kimberley", "piet"],
    "imber": [],
    "%": [],
    " ": ["kim.vries", "kimberley", "piet"],
}

LIMITS = pytest.mark.parametrize(
    ("many", "wide"), [(5000, 20_000), (1, 20_000), (1, 1)], ids=["few", "many, but few together", "many"]
)
"""A condition matches few people, or many; several that match many are read further."""


@pytest.fixture
def shoes(factory: Factory) -> str:
    """Return an organisation with three users."""
    shoes = factory.make_organisation()
    factory.make_user(shoes, "kim.vries", email="kim@shoes.example")
    factory.make_user(shoes, "kimberley", email="k@shoes.example")
    factory.make_user(shoes, "piet", name="Piet de Vries", email="p@shoes.example")
    return shoes


def found(shoes: str, typed: str) -> list[str]:
    """Return the usernames that a search finds, two on each page."""
    pages, place = [], None
    while rows := user_search.search(shoes, PeopleSought(typed), place, 2):
        pages += [row.username for row in rows]
        place = user_search.place_of(shoes, "", rows[-1].id, is_before=False)
    return pages


@pytest.mark.both_engines
@LIMITS
def test_users_are_found_by_the_beginnings_of_words(
    engine: str, factory: Factory, shoes: str, many: int, wide: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S13: every typed word must begin a word of the user, in any order and case."""
    monkeypatch.setattr(user_search, "MANY", many)
    monkeypatch.setattr(user_search, "WIDE", wide)
    with factory.context():
        assert {typed: found(shoes, typed) for typed in SEARCHES} == SEARCHES
        first = user_search.search(shoes, PeopleSought("kim"), None, 1)
        place = user_search.place_of(shoes, "", users.user_named(shoes, "kimberley").id, is_before=True)
        assert user_search.search(shoes, PeopleSought("kim"), place, 1) == first


@pytest.mark.both_engines
def test_a_new_name_is_found_at_once_and_the_old_one_no_longer(engine: str, factory: Factory, shoes: str) -> None:
    """One transaction writes the name and its words."""
    with factory.context():
        piet = users.user_named(shoes, "piet")
        assert piet is not None
        with transaction():
            users.change_user(shoes, piet.id, name="Piet Bakker")
        assert (found(shoes, "bak"), found(shoes, "vries")) == (["piet"], ["kim.vries"])


@pytest.mark.both_engines
def test_accents_do_not_count(engine: str, factory: Factory, shoes: str) -> None:
    """S13: people with "Zoë" in their names are found with and without the dots, and so is everybody."""
    factory.make_user(shoes, "zoë", name="Zoë van Dijck")
    factory.make_user(shoes, "rene", name="Rene Bakker")
    with factory.context():
        assert [found(shoes, typed) for typed in ("zoe", "ZOË", "rené", "bakker rene")] == [
            ["zoë"], ["zoë"], ["rene"], ["rene"],
        ]  # fmt: skip


@pytest.mark.both_engines
def test_the_words_of_an_earlier_release_are_written_again(
    engine: str, factory: Factory, settings: Settings, shoes: str, app: Flask
) -> None:
    """0043: words once had accents. Those of names in other letters than ASCII are forgotten, and the sweep writes them."""
    factory.make_user(shoes, "zoë", name="Zoë van Dijck")
    with factory.context(), transaction():
        connection().execute(text("UPDATE user_words SET word = 'zoë' WHERE word = 'zoe'"))
    schema.downgrade(app, "0042_from_0039")
    schema.upgrade(app)
    with factory.context():
        with transaction():
            written = connection().execute(text("SELECT username FROM users WHERE search_text IS NULL")).scalars().all()
        assert written == ["zoë"]
        sweeps.sweep(settings)
        assert found(shoes, "zoe") == ["zoë"]


@pytest.mark.both_engines
def test_users_written_by_an_older_server_are_found(
    engine: str, factory: Factory, settings: Settings, shoes: str, app: Flask
) -> None:
    """An older server writes names without words. The search reads the names until the sweep has made the words."""
    with factory.context():
        with transaction():
            connection().execute(text("UPDATE users SET name = 'Piet Bakker' WHERE username = 'piet'"))
            connection().execute(text("UPDATE users SET search_text = NULL WHERE username = 'kimberley'"))
            connection().execute(text("DELETE FROM user_words WHERE word LIKE 'kimb%'"))
        assert (found(shoes, "bakker"), found(shoes, "kimb")) == (["piet"], ["kimberley"])
        sweeps.sweep(settings)
        assert (found(shoes, "bakk"), found(shoes, "kimb")) == (["piet"], ["kimberley"])
        assert found(shoes, "akker") == []
        with transaction():
            assert users.sweep_words(10) == 0


STATES = {
    "no_factor": ["bob", "cara"],
    "factor": ["kim.vries", "piet"],
    "passkey": ["piet"],
    "no_passkey": ["bob", "cara", "kim.vries"],
    "never": ["cara", "piet"],
    "no_email": ["bob"],
    "unverified": ["cara"],
    "disabled": ["kimberley"],
    "locked": ["bob"],
}


@pytest.fixture
def stated(factory: Factory, settings: Settings, shoes: str) -> str:
    """Return the organisation with people in every state. Each came into it by the function that the product uses."""
    at, piet = now(), person(factory, shoes, "piet")
    factory.give_passkey(piet, SecurityKey(settings.issuer))
    factory.make_user(shoes, "bob", shops=(), groups=(factory.make_group(shoes),))
    factory.make_user(shoes, "cara", email="cara@shoes.example", email_verified=False)
    with factory.context(), transaction():
        kim, kimberley, bob = (users.user_named(shoes, name) for name in ("kim.vries", "kimberley", "bob"))
        assert kim is not None
        assert kimberley is not None
        assert bob is not None
        totp.activate(settings, kim, totp.NewApp("t" * 26, totp.new_secret()), at)
        totp.activate(settings, kimberley, totp.NewApp("u" * 26, totp.new_secret()), at)
        for one in (kim, kimberley, bob):
            user_states.note_sign_in(shoes, one.id, at, at.date())
        users.change_user(shoes, kimberley.id, disabled_at=at)
        for one in (bob, kimberley) * 2:
            rate_limits.count_towards_stop(shoes, one.id, "totp", 2, at)
    return shoes


def person(factory: Factory, shoes: str, username: str) -> MadePerson:
    """Return somebody who was made before, for the factory."""
    with factory.context():
        row = users.user_named(shoes, username)
        assert row is not None
        return MadePerson(shoes, row.id, "example-shoes", username, "")


def listed(shoes: str, **sought: Any) -> list[str]:
    """Return the usernames that filters find, two on each page, forwards and then backwards."""
    asked, forwards, place = PeopleSought(**sought), [], None
    while rows := user_search.search(shoes, asked, place, 2):
        forwards += rows
        place = user_search.place_of(shoes, asked.order, rows[-1].id, is_before=False)
    if len(forwards) > 1:
        end = user_search.place_of(shoes, asked.order, forwards[-1].id, is_before=True)
        assert user_search.search(shoes, asked, end, 99) == forwards[:-1]
    return [row.username for row in forwards]


@pytest.mark.both_engines
@LIMITS
def test_people_are_filtered_by_state_and_sorted(
    engine: str, factory: Factory, stated: str, many: int, wide: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S66: each state has a filter and a count. Filters are combined with each other, a search and an order.

    Disabled people are in no other state.
    """
    monkeypatch.setattr(user_search, "MANY", many)
    monkeypatch.setattr(user_search, "WIDE", wide)
    with factory.context():
        assert {state: listed(stated, states=(state,)) for state in STATES} == STATES
        counted = user_states.counts(stated, 100)
        assert counted == {"everybody": 5, **{state: len(names) for state, names in STATES.items()}}
        assert user_states.counts(stated, 2)["everybody"] == 2
        for state, order in product(STATES, ORDERS):
            assert sorted(listed(stated, states=(state,), order=order)) == STATES[state], (state, order)
        assert listed(stated, states=("never", "no_factor")) == ["cara"]
        assert listed(stated, states=("factor", "never"), typed="vries") == ["piet"]
        (group,) = organisations.groups(stated)
        assert listed(stated, states=("locked",), group_id=group.id) == ["bob"]
        assert listed(stated, order="-username") == ["piet", "kimberley", "kim.vries", "cara", "bob"]
        assert listed(stated, order="-seen")[-2:] == ["piet", "cara"]


@pytest.mark.both_engines
def test_a_state_ends_with_its_cause(engine: str, factory: Factory, settings: Settings, stated: str) -> None:
    """S66: factors that are removed, an address that is verified and a person who is enabled leave the list."""
    with factory.context():
        at, kim, cara = factory.organisation(stated), users.user_named(stated, "kim.vries"), users.user_named(stated, "cara")
        kimberley, piet = users.user_named(stated, "kimberley"), users.user_named(stated, "piet")
        assert None not in (kim, cara, kimberley, piet)
        second_factor.remove_factor(settings, at, kim, BY_TESTS)
        accounts.change(settings, at, cara, {"email_verified": True}, BY_TESTS)
        status.enable(settings, at, kimberley, BY_TESTS)
        (key,) = passkeys.passkeys_of(piet)
        passkeys.remove(settings, at, piet, key.id, BY_TESTS)
        assert listed(stated, states=("no_factor",)) == ["bob", "cara", "kim.vries", "piet"]
        assert (listed(stated, states=("unverified",)), listed(stated, states=("disabled",))) == ([], [])
        assert listed(stated, states=("passkey",)) == []


@pytest.mark.both_engines
def test_a_sign_in_puts_right_what_an_older_server_left(engine: str, factory: Factory, stated: str) -> None:
    """A server of the previous release sets up a factor and verifies an address, and does not know the columns."""
    with factory.context():
        kim = users.user_named(stated, "kim.vries")
        assert kim is not None
        with transaction():
            connection().execute(text("UPDATE users SET has_factor = false, reach = 'no_email'"))
        assert "kim.vries" in listed(stated, states=("no_factor", "no_email"))
        with transaction():
            user_states.note_sign_in(stated, kim.id, now(), now().date())
        assert listed(stated, states=("factor",)) == ["kim.vries"]
        assert "kim.vries" not in listed(stated, states=("no_email",))
