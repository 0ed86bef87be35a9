"""No half-made change is committed, a refused duplicate leaves the transaction usable, and no slow call runs in one."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from idp import db
from idp.errors import Conflict, say
from idp.rows import add
from idp.store import names, organisations, users
from idp.store.organisations import Shop
from tests.factories import Factory, MadePerson


@pytest.fixture
def anna(factory: Factory) -> MadePerson:
    """Return a user to change."""
    return factory.make_user(factory.make_organisation(), "anna", name="Anna")


def rename(anna: MadePerson, name: str) -> None:
    """Rename the user, as a second change."""
    users.change_user(anna.organisation_id, anna.id, name=name)


def name_of(anna: MadePerson) -> str:
    """Return the name in the database."""
    found = users.user(anna.organisation_id, anna.id)
    assert found is not None
    return found.name


def add_shop(anna: MadePerson, id: str, code: str) -> None:
    """Add a shop, whose code is unique."""
    names.add_shop(Shop(organisation_id=anna.organisation_id, id=id, code=code, name=code))


def fail_half_way(anna: MadePerson) -> None:
    """Do the first of two changes, then fail."""
    with db.transaction():
        rename(anna, "half")
        raise ZeroDivisionError


def change_and_swallow(anna: MadePerson, fails: Callable[[], object], swallowed: type[Exception]) -> None:
    """Make two changes, and swallow the error of ``fails``."""
    with db.transaction():
        add_shop(anna, "1", "dam")
        rename(anna, "Anne")
        with suppress(swallowed):
            fails()


@pytest.mark.both_engines
def test_a_transaction_with_a_swallowed_error_is_not_committed(app: Flask, anna: MadePerson) -> None:
    """PostgreSQL would answer COMMIT with a silent rollback. SQLite would commit what was before and after."""
    with app.app_context():
        for swallowed in (lambda: add_shop(anna, "1", "dam"), lambda: db.connection().execute(text("SELECT nothing"))):
            with pytest.raises(RuntimeError, match="after an exception") as refused:
                change_and_swallow(anna, swallowed, DBAPIError)
            assert refused.value.__cause__ is not None
            assert name_of(anna) == "Anna"
            assert organisations.shops(anna.organisation_id) == []
        with db.transaction():
            rename(anna, "Anka")
        assert name_of(anna) == "Anka"


@pytest.mark.both_engines
def test_an_inner_change_that_failed_half_way_is_not_committed(app: Flask, anna: MadePerson) -> None:
    """An action that joins the caller's transaction happens completely or not at all, even if the caller continues."""
    with app.app_context():
        with pytest.raises(RuntimeError, match="after an exception"):
            change_and_swallow(anna, lambda: fail_half_way(anna), ZeroDivisionError)
        assert name_of(anna) == "Anna"


@pytest.mark.both_engines
def test_a_refused_duplicate_leaves_the_transaction_usable(app: Flask, anna: MadePerson) -> None:
    """This holds too if the insert joins the caller's transaction. Only the insert is undone."""
    taken = Conflict(say("Taken."))
    with app.app_context():
        with db.transaction():
            add_shop(anna, "1", "dam")
        with db.transaction():
            rename(anna, "Anne")
            for number in ("2", "3"):
                with suppress(Conflict), db.refuse_duplicate("code", taken), db.transaction():
                    add_shop(anna, number + "0", f"new {number}")
                    add_shop(anna, number, "DAM")
            add_shop(anna, "4", "zuid")
        assert [shop.code for shop in organisations.shops(anna.organisation_id)] == ["dam", "zuid"]
        assert name_of(anna) == "Anne"


@pytest.mark.both_engines
def test_only_a_duplicate_of_the_named_column_is_caught(app: Flask, anna: MadePerson) -> None:
    """Other violations are our own faults: here a missing name, a reference and another index."""
    broken = (
        lambda: add(Shop(organisation_id=anna.organisation_id, id="1", code="code")),
        lambda: names.add_shop(Shop(organisation_id="name", id="1", code="name", name="name")),
        lambda: add_shop(anna, "0", "name"),
    )
    with app.app_context():
        with db.transaction():
            add_shop(anna, "0", "name")
        for insert in broken:
            with pytest.raises(IntegrityError), db.transaction(), db.refuse_duplicate("name", Conflict(say("Taken."))):
                insert()


def test_nothing_slow_is_called_within_a_transaction(app: Flask, anna: MadePerson) -> None:
    """V15.4.4: a slow function refuses to run while locks are held."""
    hashed = db.outside_transaction(lambda password: password.upper())
    assert hashed("x") == "X", "no application is needed"
    with app.app_context():
        assert hashed("x") == "X"
        with pytest.raises(RuntimeError, match="was called within a transaction"), db.transaction():
            hashed("x")
