"""Make the people of a filled database those of a chain: shops, groups, factors and an audit log; add organisations."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, text, update

from idp import config
from idp.audit import Event
from idp.cli.opening import opened
from idp.db import transaction
from idp.store import names
from idp.store.audit import AuditHead, AuditRow
from idp.store.clients import Client
from idp.store.organisations import Group, Organisation, Shop
from idp.store.totp import Totp
from idp.store.users import GroupMember, User, UserShop
from tests.benchmarks.fill import BATCH, new_engine, new_id

SHOPS, GROUPS, ORGANISATIONS, APPS = 5_000, 200, 2_000, 2_000
EVENTS = 3
"""Events of each person in the audit log."""
Row = dict[str, Any]


def fill(file: Path) -> None:
    """Fill the database of a configuration file, which ``fill.fill`` filled with people before."""
    settings = config.read(file)
    engine = new_engine(settings, file.parent)
    with engine.begin() as connection:
        here = str(connection.scalar(select(Organisation.id).where(Organisation.store_url == "bench")))
        people = list(connection.scalars(select(User.id).where(User.organisation_id == here).order_by(User.id)))
        shops = _add_named(connection, Shop, here, [{"code": f"S{n:04}", "name": f"Shop {n}"} for n in range(SHOPS)])
        groups = _add_named(connection, Group, here, [{"name": f"Group {n}"} for n in range(GROUPS)])
        others = [_organisation(number) for number in range(ORGANISATIONS)]
        _add(connection, Organisation, others)
        _add(connection, Client, [_client(number, others[number % len(others)]["id"]) for number in range(APPS)])
        place = {"organisation_id": here}
        _add(connection, UserShop, [place | {"user_id": one, "shop_id": shops[n % SHOPS]} for n, one in enumerate(people)])
        tenth = enumerate(people[::10])
        _add(connection, GroupMember, [place | {"user_id": one, "group_id": groups[n % GROUPS]} for n, one in tenth])
        with_app = select(Totp.user_id).where(Totp.organisation_id == here)
        connection.execute(update(User).where(User.organisation_id == here).values(all_shops=False))
        connection.execute(update(User).where(User.organisation_id == here, User.id.in_(with_app)).values(has_factor=True))
        _add_events(connection, here, people)
    with opened(settings):
        while _sweep():
            pass
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    engine.dispose()


def _sweep() -> int:
    with transaction():
        return names.sweep_names(BATCH)


def _add_named(connection: Connection, table: type, organisation_id: str, rows: Sequence[Row]) -> list[str]:
    """Insert rows with new ids, and return the ids."""
    whole = [{**row, "organisation_id": organisation_id, "id": new_id()} for row in rows]
    _add(connection, table, whole)
    return [row["id"] for row in whole]


def _add(connection: Connection, table: type, rows: Sequence[Row]) -> None:
    for first in range(0, len(rows), BATCH):
        connection.execute(insert(table), rows[first : first + BATCH])


def _organisation(number: int) -> Row:
    common = {"id": new_id(), "country": "NL", "created_at": datetime.now(UTC)}
    return common | {"store_url": f"chain{number}", "name": f"Chain {number}"}


def _client(number: int, organisation_id: str) -> Row:
    """Describe an app that administrators connected."""
    common = {"created_at": datetime.now(UTC), "managed_by": organisation_id, "organisations": [organisation_id]}
    return common | {"client_id": f"app{number}", "metadata_": {"client_name": f"App {number}"}}


def _add_events(connection: Connection, organisation_id: str, people: Sequence[str]) -> None:
    """Write sign-ins of the last month as rows of the audit log. Their hashes are no chain."""
    now = datetime.now(UTC)
    last = connection.scalar(select(AuditHead.seq).where(AuditHead.organisation_id == organisation_id)) or 0
    rows = []
    for number in range(EVENTS * len(people)):
        someone = people[number % len(people)]
        rows.append(
            {"organisation_id": organisation_id, "seq": last + 1 + number, "event": Event.SIGNED_IN, "outcome": "ok"}
            | {"at": now - timedelta(seconds=(EVENTS * len(people) - number) * 5), "client_id": "bench"}
            | {"actor_id": someone, "subject_id": someone, "address": f"192.0.2.{number % 250}"}
            | {"label": "Firefox on Windows", "previous": bytes(32), "hash": os.urandom(32)}
        )
    _add(connection, AuditRow, rows)
    head = update(AuditHead).where(AuditHead.organisation_id == organisation_id)
    connection.execute(head.values(seq=last + len(rows)))
