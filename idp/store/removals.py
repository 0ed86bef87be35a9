"""Remove organisations: close them by one statement, and delete them in batches afterwards, so that other writers do not
wait.

What belongs to an organisation refers to it. Rows that are referred to go last: no statement deletes more rows than it was
asked for. Not here: what only names an organisation (mails, sign-ins in progress, counters) expires; its audit log stays.
"""

from sqlalchemy import Delete, Select, Table, Update, delete, select, tuple_, update

from idp.db import Base
from idp.statements import asks_every, asks_one, changes, claims, write
from idp.store import kept
from idp.store.organisations import IS_REMOVED, REMOVED, Organisation


def close_organisation(organisation_id: str, store_url: str) -> bool:
    """Hide an organisation from every search by id or store URL, once. The store URL becomes free.

    Processes read the clients again that serve it alone.
    """
    kept.renew()
    return _close(organisation_id, store_url)


@claims
def _close(organisation_id: str, store_url: str) -> Update:
    here = (Organisation.id == organisation_id, Organisation.kind != REMOVED)
    return update(Organisation).where(*here).values(kind=REMOVED, store_url=store_url, owner_id=None)


def sweep_removed(most: int) -> int:
    """Delete at most ``most`` rows of an organisation that was removed. Returns the number deleted."""
    organisation_id = _removed()
    if organisation_id is None:
        return 0
    swept = 0
    for table in belongings():
        if swept == most:
            return swept
        key = table.primary_key.columns
        some = select(*key).where(table.c.organisation_id == organisation_id).limit(most - swept)
        swept += write(delete(table).where(tuple_(*key).in_(some.with_for_update(skip_locked=True))))
    return swept + _delete(organisation_id) if swept < most else swept


@asks_every
def removed() -> Select[str]:
    """Return the ids of the organisations that were removed and not yet deleted.

    A list of them is read first: within one statement, a planner that knows one big organisation reads all of its sessions.
    """
    return select(Organisation.id).where(IS_REMOVED)


def belongings() -> list[Table]:
    """Return the tables whose rows belong to an organisation: those that refer to it, first those that refer to others."""
    found: set[Table] = {Base.metadata.tables["organisations"]}
    for table in Base.metadata.sorted_tables:
        if found.intersection(reference.referred_table for reference in table.foreign_key_constraints):
            found.add(table)
    return [table for table in reversed(Base.metadata.sorted_tables) if table in found and "organisation_id" in table.c]


@asks_one
def _removed() -> Select[str]:
    return select(Organisation.id).where(IS_REMOVED).limit(1)


@changes
def _delete(organisation_id: str) -> Delete:
    return delete(Organisation).where(Organisation.id == organisation_id, IS_REMOVED)
