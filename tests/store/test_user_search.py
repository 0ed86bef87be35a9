"""Every search gives the same users on both engines, by every plan, page by page."""

import pytest
from flask import Flask
from sqlalchemy import text

from idp import sweeps
from idp.config import Settings
from idp.db import connection, transaction
from idp.store import user_search, users
from idp.store.user_search import PeopleSought
from tests.factories import Factory

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
        place = user_search.place_of(shoes, rows[-1].id, is_before=False)
    return pages


@pytest.mark.both_engines
@pytest.mark.parametrize("many", [5000, 1], ids=["few", "many"])
def test_users_are_found_by_the_beginnings_of_words(
    engine: str, factory: Factory, shoes: str, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S13: every typed word must begin a word of the user, in any order and case."""
    monkeypatch.setattr(user_search, "MANY", many)
    with factory.context():
        assert {typed: found(shoes, typed) for typed in SEARCHES} == SEARCHES
        first = user_search.search(shoes, PeopleSought("kim"), None, 1)
        place = user_search.place_of(shoes, users.user_named(shoes, "kimberley").id, is_before=True)
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
