"""Reads whose statement is built once: one moment for a page, and never older than the last write."""

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
    """Somebody."""
    return factory.make_user(factory.make_organisation(), "anna", name="Anna")


def rename(app: Flask, anna: MadePerson, name: str) -> None:
    """What another request does at the same time."""
    with app.app_context(), db.transaction():
        users.change_user(anna.organisation_id, anna.id, name=name)


def selects(statements: list[str]) -> list[str]:
    """Without what opens and ends transactions."""
    return [one for one in statements if one.startswith("SELECT")]


def name_of(anna: MadePerson) -> str | None:
    """As it is read."""
    found = users.user(anna.organisation_id, anna.id)
    return found.name if found else None


@pytest.mark.both_engines
def test_a_request_asks_the_same_once_until_it_writes_or_waits(app: Flask, anna: MadePerson) -> None:
    """V15.4.2: a page is made of one moment; what is judged in a transaction or after a wait is read again."""
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


def test_a_write_that_is_taken_back_was_never_read(app: Flask, anna: MadePerson) -> None:
    """I2: what a transaction read of its own writes does not outlive its end."""
    with app.test_request_context("/"):
        app.preprocess_request()
        with suppress(ZeroDivisionError), db.transaction():
            users.change_user(anna.organisation_id, anna.id, name="Anke")
            assert name_of(anna) == "Anke"
            raise ZeroDivisionError
        assert name_of(anna) == "Anna"


def test_outside_a_request_nothing_is_cached(app: Flask, anna: MadePerson) -> None:
    """A worker lives for months."""
    with app.app_context(), counted(app) as asked:
        assert [name_of(anna), name_of(anna)] == ["Anna", "Anna"]
    assert len(selects(asked)) == 2


def test_none_is_no_argument(app: Flask, anna: MadePerson) -> None:
    """``= NULL`` finds nothing. A read with None raises, and does not report that there is no row."""
    nobody: Any = None
    with app.app_context():
        with pytest.raises(TypeError, match="user_id"):
            users.user(anna.organisation_id, nobody)
        with pytest.raises(TypeError, match="user_id"):
            users.user(anna.organisation_id)  # type: ignore[call-arg]


def test_a_read_that_decides_by_its_arguments_is_refused(app: Flask) -> None:
    """It is built once, with placeholders: an ``if`` on one would be decided once for everybody."""

    def by_role(role: str) -> Select[User]:
        return select(User).where(User.role == role) if role else select(User)

    def by_name(name: str = "anna") -> Select[User]:
        return select(User).where(User.username == name)

    for build in (by_role, by_name):
        with app.app_context(), pytest.raises(TypeError):
            asks_one(build)("anna")
