"""Reads use statements that are compiled once. A page sees one moment, and never data older than the last write."""

from contextlib import suppress
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Select, select

from idp import db
from idp.statements import asks_one
from idp.store import users
from idp.store.users import User
from tests.drivers.statements import counted
from tests.factories import Factory, MadePerson


@pytest.fixture
def anna(factory: Factory) -> MadePerson:
    """Return a user."""
    return factory.make_user(factory.make_organisation(), "anna", name="Anna")


def rename(app: Flask, anna: MadePerson, name: str) -> None:
    """Rename the user, as a concurrent request does."""
    with app.app_context(), db.transaction():
        users.change_user(anna.organisation_id, anna.id, name=name)


def selects(statements: list[str]) -> list[str]:
    """Return the statements without those that open and end transactions."""
    return [one for one in statements if one.startswith("SELECT")]


def name_of(anna: MadePerson) -> str | None:
    """Return the name by a cached read."""
    found = users.user(anna.organisation_id, anna.id)
    return found.name if found else None


@pytest.mark.both_engines
def test_a_request_caches_a_read_until_it_writes_or_waits(app: Flask, anna: MadePerson) -> None:
    """V15.4.2: a page shows one moment. A transaction, and a request after a wait, read again."""
    with app.test_request_context("/"):
        app.preprocess_request()
        with counted(app) as asked:
            assert [name_of(anna), name_of(anna), users.user(anna.organisation_id, "nobody")] == ["Anna", "Anna", None]
        assert len(selects(asked)) == 2
        db.release()
        rename(app, anna, "Anne")
        assert name_of(anna) == "Anne"
        with db.transaction():
            users.change_user(anna.organisation_id, anna.id, name="Anka")
            assert name_of(anna) == "Anka"
            users.change_user(anna.organisation_id, anna.id, name="Anke")
            assert name_of(anna) == "Anke"
        assert name_of(anna) == "Anke"


def test_a_rolled_back_write_is_not_cached(app: Flask, anna: MadePerson) -> None:
    """I2: the cache forgets what a transaction read of its own undone writes."""
    with app.test_request_context("/"):
        app.preprocess_request()
        with suppress(ZeroDivisionError), db.transaction():
            users.change_user(anna.organisation_id, anna.id, name="Anke")
            assert name_of(anna) == "Anke"
            raise ZeroDivisionError
        assert name_of(anna) == "Anna"


def test_nothing_is_cached_outside_a_request(app: Flask, anna: MadePerson) -> None:
    """A worker runs for months, so its cache would get old."""
    with app.app_context(), counted(app) as asked:
        assert [name_of(anna), name_of(anna)] == ["Anna", "Anna"]
    assert len(selects(asked)) == 2


def test_a_read_with_none_raises(app: Flask, anna: MadePerson) -> None:
    """``= NULL`` matches no row. Without an error, the caller would think that the row does not exist."""
    nobody: Any = None
    with app.app_context():
        with pytest.raises(TypeError, match="user_id"):
            users.user(anna.organisation_id, nobody)
        with pytest.raises(TypeError, match="user_id"):
            users.user(anna.organisation_id)  # type: ignore[call-arg] # the missing argument is the test


def test_a_read_that_branches_on_an_argument_is_refused(app: Flask) -> None:
    """A read is built once, with placeholders. An ``if`` on an argument would be decided once for all calls."""

    def by_role(role: str) -> Select[User]:
        return select(User).where(User.role == role) if role else select(User)

    def by_name(name: str = "anna") -> Select[User]:
        return select(User).where(User.username == name)

    for build in (by_role, by_name):
        with app.app_context(), pytest.raises(TypeError):
            asks_one(build)("anna")
