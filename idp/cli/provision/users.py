"""``[[users]]``: users with their groups and shops, and for new users their credentials."""

import os
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

from flask import Flask, current_app

from idp.cli.provision.document import Document, Table
from idp.cli.provision.lines import CHANGED, CREATED, REMOVED, UNCHANGED
from idp.cli.provision.shape import CREDENTIALS, FIELDS
from idp.cli.provision.work import ORIGIN, Pending, Plan
from idp.cli.refusals import in_english
from idp.config import Settings, cores
from idp.db import outside_transaction
from idp.errors import Message
from idp.identity.accounts import accounts
from idp.identity.credentials import imported, new_passwords
from idp.identity.credentials.imported import Ready
from idp.identity.roles import Role
from idp.identity.user_fields import PersonDraft
from idp.identity.users import lookup, status
from idp.store import organisations as store
from idp.store.organisations import Organisation
from idp.store.users import User

T = TypeVar("T")


def owners(document: Document) -> list[Table]:
    """Return the users with the role of owner. They go first, so that no organisation is left without an owner."""
    return [table for table in document.of("users") if table.get("role") == Role.OWNER]


def others(document: Document) -> list[Table]:
    """Return all other users."""
    return [table for table in document.of("users") if table.get("role") != Role.OWNER]


def put_user(work: Plan, table: Table) -> None:
    """Create or change a user."""
    organisation = work.organisation_of(table)
    if organisation is None:
        return
    row = lookup.find(organisation.id, str(table.get("username")))
    with work.at(table):
        if row is None:
            _create(work, table, organisation)
        else:
            _change(work, table, organisation, row)


def _create(work: Plan, table: Table, organisation: Organisation) -> None:
    draft = _draft(table)
    accounts.create(work.settings, organisation, draft, ORIGIN, _prepared(work, table, draft, organisation))
    work.lines.note(table.kind, table.name, CREATED)


def _change(work: Plan, table: Table, organisation: Organisation, row: User) -> None:
    changed = accounts.change(work.settings, organisation, row, _details(table), ORIGIN)
    work.lines.note_change(table.kind, table.name, changed)
    given = [key for key in CREDENTIALS if table.has(key)]
    if work.set_credentials and given:
        ready = _prepared(work, table, _draft(table), organisation, row)
        imported.put(work.settings, row, ready, ORIGIN)
        work.lines.note(table.kind, table.name, CHANGED, given)


def _prepared(work: Plan, table: Table, draft: PersonDraft, at: Organisation, row: User | None = None) -> Ready:
    """Return the hashed credentials. The trial has none, but notes what is wrong with them."""
    if work.prepared is not None:
        return work.prepared.get(table.name, Ready())
    imported.check(work.settings, draft)
    # A copy: the trial is rolled back, and its rows with it.
    held = Organisation(name=at.name, country=at.country, integrations=[], settings=dict(at.settings))
    has_factor = bool(draft.totp_secret) or (row is not None and lookup.person_of(work.settings, at, row).has_factor)
    work.credentials_of[table.name] = Pending(table, draft, held, has_factor, tuple(row.barred_hashes) if row else ())
    return Ready()


@outside_transaction
def judge(work: Plan, progress: Callable[[int], None]) -> None:
    """Note every password that its person could not choose on a page either. Calls ``progress`` with the number checked.

    It may ask the leak service about several at once, so no transaction is open.
    """
    given = [pending for pending in work.credentials_of.values() if pending.draft.password]

    def _why_not(one: Pending) -> Message | None:
        if new_passwords.is_blocked(work.settings, one.blocked, one.draft.password):
            return new_passwords.BLOCKED
        return imported.unacceptable(work.settings, one.organisation, one.draft, has_factor=one.has_factor)

    for one, why in _each_in_threads(given, _why_not, progress):
        if why is not None:
            work.document.fault(one.table, "password", in_english(why))


@outside_transaction
def prepare(settings: Settings, pending: Collection[Pending], progress: Callable[[int], None]) -> Mapping[str, Ready]:
    """Hash all credentials, on all cores: slow, outside any transaction. ``progress`` gets the number done."""
    hashing = settings.passwords.model_copy(update={"hash_slots": cores(), "hash_patience_seconds": 3600.0})
    wide = settings.model_copy(update={"passwords": hashing})
    wide.__dict__.pop("hasher", None)  # the configured hasher has the slots of a server process
    hashed = _each_in_threads(pending, lambda one: imported.ready(wide, one.draft), progress)
    return {one.table.name: ready for one, ready in hashed}


def _each_in_threads(
    pending: Collection[Pending], act: Callable[[Pending], T], progress: Callable[[int], None]
) -> Iterator[tuple[Pending, T]]:
    """Yield the result of ``act`` for each, in order, from one thread for each core."""
    app: Flask = cast(Any, current_app)._get_current_object()

    def _act(one: Pending) -> T:
        with app.app_context():
            return act(one)

    with ThreadPoolExecutor(cores(), initializer=_stand_back) as threads:
        for number, pair in enumerate(zip(pending, threads.map(_act, pending), strict=True), 1):
            yield pair
            progress(number)


def _stand_back() -> None:
    """Lower the priority of this thread on Linux, so that server processes on this machine go first."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


def _draft(table: Table) -> PersonDraft:
    plain = {key: table.get(key) for key in ("username", *CREDENTIALS) if table.has(key)} | _details(table)
    lists = {key: tuple(value) for key, value in plain.items() if isinstance(value, list)}
    return PersonDraft.of(**{**plain, **lists})


def _details(table: Table) -> dict[str, Any]:
    """Return the fields, groups and shops that the document gives: an omitted key is left unchanged."""
    fields = {field.name: table.get(key) for key, field in FIELDS.items() if table.has(key)}
    return fields | {key: table.get(key) for key in ("groups", "shops") if table.has(key)}


def remove_user(work: Plan, table: Table) -> None:
    """Disable a user. The row is kept for the audit log, and so that its ``sub`` is never used again."""
    organisation = store.organisation_at(str(table.get("organisation")))
    row = lookup.find(organisation.id, str(table.get("username"))) if organisation else None
    with work.at(table):
        ended = status.disable(work.settings, organisation, row, ORIGIN) if organisation and row else None
        gone = ended is not None
        work.lines.note(table.kind, table.name, REMOVED if gone else UNCHANGED)
