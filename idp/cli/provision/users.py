"""``[[users]]``: people with their groups, shops and, when they are made, their credentials."""

from collections.abc import Iterable, Mapping
from typing import Any

from idp.cli.provision.document import Document, Table
from idp.cli.provision.lines import CHANGED, CREATED, REMOVED, UNCHANGED
from idp.cli.provision.shape import CREDENTIALS
from idp.cli.provision.work import ORIGIN, Work
from idp.config import Settings
from idp.identity import credentials, details, people
from idp.identity.credentials import Ready
from idp.identity.details import PersonDraft
from idp.store import organisations as store
from idp.store.organisations import Organisation
from idp.store.users import User

DETAILS = ("email", "email_verified", "name", "phone_number", "locale", "time_zone", "role", "groups", "shops")


def owners(document: Document) -> list[Table]:
    """Who is to have the role of owner: first, so that no change of owner leaves an organisation without one."""
    return [table for table in document.of("users") if table.get("role") == "owner"]


def others(document: Document) -> list[Table]:
    """Everybody else."""
    return [table for table in document.of("users") if table.get("role") != "owner"]


def put_user(work: Work, table: Table) -> None:
    """Make or change one."""
    organisation = work.organisation_of(table)
    if organisation is None:
        return
    row = people.find(organisation.id, str(table.get("username")))
    with work.at(table):
        if row is None:
            _create(work, table, organisation)
        else:
            _change(work, table, organisation, row)


def _create(work: Work, table: Table, organisation: Organisation) -> None:
    draft = _draft(table)
    people.create(work.settings, organisation, draft, ORIGIN, _prepared(work, table, draft))
    work.lines.note(table.kind, table.name, CREATED)


def _change(work: Work, table: Table, organisation: Organisation, row: User) -> None:
    wanted = _details(table) | _claims(table, row.claims)
    claims = [key for key in details.CLAIMS if table.has(key) and row.claims.get(key) != table.get(key)]
    changed = people.change(work.settings, organisation, row, wanted, ORIGIN)
    work.lines.note_change(table.kind, table.name, [key for key in changed if key != "claims"] + claims)
    given = [key for key in CREDENTIALS if table.has(key)]
    if work.set_credentials and given:
        credentials.put(work.settings, row, _prepared(work, table, _draft(table)), ORIGIN)
        work.lines.note(table.kind, table.name, CHANGED, given)


def _prepared(work: Work, table: Table, draft: PersonDraft) -> Ready:
    """The hashed credentials; in the trial none, but what is wrong with them is told."""
    if work.prepared is not None:
        return work.prepared.get(table.name, Ready())
    credentials.check(work.settings, draft)
    work.credentials_of[table.name] = table
    return Ready()


def prepare(settings: Settings, tables: Iterable[Table]) -> Mapping[str, Ready]:
    """Hash what is to be hashed: slow, with no transaction open."""
    return {table.name: credentials.ready(settings, _draft(table)) for table in tables}


def _draft(table: Table) -> PersonDraft:
    plain = {key: table.get(key) for key in ("username", *CREDENTIALS) if table.has(key)} | _details(table)
    lists = {key: tuple(value) for key, value in plain.items() if isinstance(value, list)}
    return PersonDraft(**{**plain, **lists, **_claims(table, {})})


def _details(table: Table) -> dict[str, Any]:
    """The simple details that the document gives; ``zoneinfo`` is the claim's name for ``time_zone``."""
    synonym = {"time_zone": table.get("zoneinfo")} if table.has("zoneinfo") else {}
    return synonym | {key: table.get(key) for key in DETAILS if table.has(key)}


def _claims(table: Table, known: Mapping[str, Any]) -> dict[str, Any]:
    """The further claims, joined to those that are known: an omitted key is left unchanged."""
    given = {key: table.get(key) for key in details.CLAIMS if table.has(key)}
    return {"claims": {**known, **given}} if given else {}


def remove_user(work: Work, table: Table) -> None:
    """Bar one: rows of people are kept, for the audit trail and so that no ``sub`` is ever used again."""
    organisation = store.organisation_at(str(table.get("organisation")))
    row = people.find(organisation.id, str(table.get("username"))) if organisation else None
    with work.at(table):
        gone = bool(organisation and row and people.disable(work.settings, organisation, row, ORIGIN))
        work.lines.note(table.kind, table.name, REMOVED if gone else UNCHANGED)
