"""The statement layer: records that never change, arguments without NULL, and one compilation for each database."""

import pkgutil
from datetime import UTC, date, datetime, timedelta, timezone
from importlib import import_module
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Select, Update, select, update
from sqlalchemy.exc import DBAPIError

from idp import crypto, store
from idp.db import transaction, unit
from idp.prepared import Prepared
from idp.records import changed
from idp.rows import add
from idp.statements import Asked, asks_every, asks_one, changes, claims, every, every_asked, one, takes
from idp.store import totp, users
from idp.store.dated_rules import StoredRule, dated_rule_named
from idp.store.organisations import Organisation, organisation
from idp.store.totp import Totp, UsedStep
from idp.store.users import User
from idp.unit_of_work import UnitOfWork
from tests.drivers.statements import RowsOf, watched

for module in pkgutil.iter_modules(store.__path__, "idp.store."):
    import_module(module.name)

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
COLUMNS = {
    "change_user": ("name", "email"),
    "change_organisation": ("name",),
    "change_shop": ("name",),
    "_change_group": ("name", "name_key"),
    "_change": ("metadata_", "disabled_at"),
    "_change_rule": ("starts", "ends"),
    "_change_notice": ("tries",),
    "change_attempt": ("proofs", "user_id"),
    "_put": ("id",),
    "_admit": ("from_0", "until_0", "from_1", "until_1"),
}
"""Columns for functions that accept any columns."""


def shapes(asked: Asked) -> list[tuple[str, ...]]:
    """Yield the calls to look at: with no optional keyword, and with each one."""
    columns = COLUMNS.get(asked.name, ())
    return [columns, *((name, *columns) for name in asked.optional)]


@pytest.mark.both_engines
def test_every_statement_compiles(database: Flask, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement is built with placeholders at its first call. This test finds a mistake in it earlier."""
    monkeypatch.setattr(UnitOfWork, "run", None)
    for asked in [each for each in every_asked if each.build.__module__.startswith("idp.")]:
        for given in shapes(asked):
            assert isinstance(asked.prepared(unit(), given), Prepared), asked.name
    assert len(every_asked) > 100


def put_organisation() -> Organisation:
    """Insert an organisation with values of every type."""
    row = Organisation(
        id=crypto.new_id(),
        store_url="example-shoes",
        name="Éxample's % :shoes",
        integrations=["a", "b"],
        settings={"deep": {"list": [1, None, True]}},
        created_at=NOW.astimezone(timezone(timedelta(hours=2))),
    )
    with transaction():
        add(row)
    return row


def put_user(organisation_id: str) -> User:
    """Insert a user."""
    row = User(organisation_id=organisation_id, id=crypto.new_id(), username="anna", username_key="anna", created_at=NOW)
    with transaction():
        add(row)
    return row


@pytest.mark.both_engines
def test_values_of_every_type_are_read_as_they_were_written(database: Flask, engine: str) -> None:
    """Text, JSON, moments, days, bytes, truth values, numbers and None. Compiled and other statements agree."""
    made = put_organisation()
    anna = put_user(made.id)
    secret = bytes(range(256))
    with transaction():
        add(Totp(organisation_id=made.id, id=crypto.new_id(), user_id=anna.id, sealed_secret=secret, active_since=NOW))
        add(UsedStep(organisation_id=made.id, totp_id=anna.id, step=2**40, spent_at=NOW))
        add(StoredRule(name="rule", starts=date(2026, 2, 28), ends=None, require="mfa"))
    found = organisation(made.id)
    assert found is not None
    assert (found.name, found.integrations, found.settings) == (made.name, ["a", "b"], made.settings)
    assert (found.created_at, found.created_at.tzinfo, found.owner_id, found.kind) == (NOW, UTC, None, "retailer")
    assert found == one(select(Organisation).where(Organisation.id == made.id))
    user, app = users.user(made.id, anna.id), next(iter(totp.active_totps(made.id, anna.id)), None)
    assert user is not None
    assert app is not None
    assert (user.all_shops, user.must_change_password, user.disabled_at, user.claims) == (True, False, None, {})
    assert user == every(select(User))[0]
    assert (bytes(app.sealed_secret), totp.used_steps(made.id, [anna.id], 0, 2**41)) == (secret, [(anna.id, 2**40)])
    rule = dated_rule_named("rule")
    assert rule is not None
    assert (rule.starts, rule.ends, rule.countries) == (date(2026, 2, 28), None, [])


@pytest.mark.both_engines
def test_a_record_never_changes(database: Flask, engine: str) -> None:
    """House rule: a record is what was read. A statement changes the row, and the record in hand stays unchanged."""
    made = put_organisation()
    anna = put_user(made.id)
    before = users.user(made.id, anna.id)
    assert before is not None
    with pytest.raises(AttributeError, match="record"):
        before.name = "Anne"
    with pytest.raises(AttributeError, match="record"):
        del before.name
    with transaction():
        assert users.change_user(made.id, anna.id, name="Anne", email=None) == 1
    after = users.user(made.id, anna.id)
    assert after is not None
    assert (before.name, after.name) == ("", "Anne")
    assert after == changed(before, name="Anne", search_text=after.search_text)
    assert before != after
    assert {before, after} == {before, after}
    assert isinstance(before, User)
    assert after.zone(made).key == made.zone.key
    with pytest.raises(AttributeError, match="nickname"):
        changed(before, nickname="x")


@pytest.mark.both_engines
def test_a_claim_succeeds_once_and_returns_its_row(database: Flask, engine: str) -> None:
    """V2.3.4: claims and RETURNING are one statement each."""

    @claims
    def rename(organisation_id: str, old: str, new: str) -> Update:
        return update(Organisation).where(Organisation.id == organisation_id, Organisation.name == old).values(name=new)

    @takes
    def taken(organisation_id: str, old: str) -> Any:
        here = (Organisation.id == organisation_id, Organisation.name == old)
        return update(Organisation).where(*here).values(name="taken").returning(Organisation)

    made = put_organisation()
    with pytest.raises(RuntimeError, match="transaction"):
        rename(made.id, made.name, "new")
    with transaction():
        assert [rename(made.id, made.name, "new"), rename(made.id, made.name, "new")] == [True, False]
        row = taken(made.id, "new")
        assert row == organisation(made.id)
        assert row.name == "taken"
        assert taken(made.id, "new") is None


def test_none_can_be_stored_but_never_compared(database: Flask) -> None:
    """``= NULL`` matches no row. The annotation says which argument may be None, and its comparison handles None."""

    @asks_one
    def wrong(owner_id: str | None) -> Select[Organisation]:
        return select(Organisation).where(Organisation.owner_id == owner_id)

    @asks_one
    def right(owner_id: str | None) -> Select[Organisation]:
        return select(Organisation).where(Organisation.owner_id.is_not_distinct_from(owner_id))

    @changes
    def give(organisation_id: str, owner_id: str | None) -> Update:
        return update(Organisation).where(Organisation.id == organisation_id).values(owner_id=owner_id)

    made = put_organisation()
    with pytest.raises(TypeError, match="owner_id may be None"):
        wrong("x")
    assert right(None) == organisation(made.id)
    with transaction():
        assert give(made.id, "somebody") == 1
    assert right(None) is None
    nobody: Any = None
    with transaction(), pytest.raises(TypeError, match="organisation_id is None"):
        give(nobody, None)


@pytest.mark.both_engines
def test_statements_accept_lists_and_optional_filters(database: Flask, engine: str) -> None:
    """IN takes any number of values. A filter applies only if its keyword is given."""

    @asks_every
    def named(names: list[str], *, kind: str | None = None) -> Select[str]:
        here = [Organisation.name.in_(names), Organisation.kind.in_(("retailer", "installation"))]
        here += [Organisation.kind == kind] if kind is not None else []
        return select(Organisation.id).where(*here)

    made = put_organisation()
    assert [named(["x"]), named([]), named(["x", made.name])] == [[], [], [made.id]]
    assert [named([made.name], kind="retailer"), named([made.name], kind="x")] == [[made.id], []]
    with pytest.raises(TypeError, match="unknown"):
        named([made.name], colour="red")  # type: ignore[call-arg] # the unknown argument is the test


def test_watchers_see_every_statement(database: Flask) -> None:
    """Metrics and tests use one hook, whichever way a statement runs."""
    made, reads = put_organisation(), RowsOf("organisations")
    with watched(reads):
        organisation(made.id)
        organisation("nobody")
    assert reads.count == 1


@pytest.mark.both_engines
def test_errors_are_wrapped_and_hide_the_values(database: Flask, engine: str) -> None:
    """V16.2.5: values of a statement may be digests, names or addresses."""
    made = put_organisation()
    copy = {column.name: getattr(made, column.name) for column in Organisation.__table__.columns}
    with pytest.raises(DBAPIError) as caught, transaction():
        add(Organisation(**copy))
    assert made.name not in str(caught.value).partition("DETAIL")[0]
    assert organisation(made.id) is not None
