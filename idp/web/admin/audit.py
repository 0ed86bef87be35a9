"""Show the audit log: search (``audit_filter``), verify, export."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from flask import Blueprint, Response, abort

from idp.audit import WRONG, Event, search
from idp.audit import chain as audit_chain
from idp.audit.chain import ChainError
from idp.audit.search import NamedRow
from idp.errors import Message, say
from idp.identity import policy_dry_run
from idp.identity.exports import files
from idp.identity.exports.files import Wanted
from idp.identity.users import activity
from idp.store import audit as store
from idp.store import clients, memberships, organisation_lists, organisation_rules
from idp.store.audit import AuditRow, Sought
from idp.web import forms, pages
from idp.web.admin import audit_filter, exports, guard
from idp.web.admin.audit_filter import Filter
from idp.web.admin.guard import Admin, Frame
from idp.web.downloads import separator

HERE = "audit"
QUICK = 2_000
"""A chain of at most this many rows is verified on every visit."""
OF_THINGS: Mapping[str, Message] = {
    Event.LEAKED_CHECK_DOWN: say("The check for leaked passwords was unavailable"),
    Event.CLIENT_CREATED: say("App created"),
    Event.CLIENT_CHANGED: say("App changed"),
    Event.CLIENT_DELETED: say("App deleted"),
    Event.CLIENT_TESTED: say("App tested from the console"),
    Event.CLIENT_SECRET_MADE: say("New secret created for an app"),
    Event.CLIENT_SECRET_ENDED: say("Secret of an app ended"),
    Event.REGISTRATION_TOKEN_MADE: say("Registration token for apps created"),
    Event.REGISTRATION_TOKEN_REVOKED: say("Registration token for apps revoked"),
    Event.ORGANISATION_CREATED: say("Organisation created"),
    Event.ORGANISATION_CHANGED: say("Organisation changed"),
    Event.ORGANISATION_DISABLED: say("Organisation disabled"),
    Event.ORGANISATION_ENABLED: say("Organisation enabled"),
    Event.SHOP_CHANGED: say("Shop changed"),
    Event.GROUP_CHANGED: say("Group changed"),
    Event.POLICY_CHANGED: say("Policy changed"),
    Event.PEOPLE_EXPORTED: say("People exported to a file"),
    Event.AUDIT_EXPORTED: say("Audit log exported to a file"),
    Event.IMPORT_STARTED: say("Import of people started"),
    Event.IMPORT_CANCELLED: say("Import of people discarded"),
    Event.CODES_SHOWN: say("Printed codes of an import shown"),
    Event.KEY_MADE: say("Signing key created"),
    Event.KEY_ROTATED: say("Signing key rotated"),
    Event.RESTORED: say("Restored from a backup: what happened since the backup is not in this list"),
}
"""Events that are not about a person."""
WITHOUT_NAME: Mapping[str, Message] = {
    "cli": say("command line"),
    "worker": say("this installation"),
    "apply": say("idp apply"),
}
"""Actors that are no user."""
REMOVED: Mapping[str, Message] = {
    Event.SHOP_CHANGED: say("Shop closed"),
    Event.GROUP_CHANGED: say("Group deleted"),
    Event.POLICY_CHANGED: say("Policy deleted"),
}
"""What these events say of a thing that is gone. Its name is kept with the event: nothing else knows it."""
OF_PLACES = (Event.SHOP_CHANGED, Event.GROUP_CHANGED, Event.POLICY_CHANGED)
SIGN_IN_EVENTS = frozenset(
    (
        *WRONG,
        Event.SIGNED_IN,
        Event.STEPPED_UP,
        Event.GRANT_ISSUED,
        Event.DEVICE_REMEMBERED,
        Event.RECOVERY_CODE_USED,
        Event.BYPASS_CODE_USED,
    )
)
"""Events that one sign-in may have several of."""
ONE_SIGN_IN = timedelta(minutes=10)
SHOPS = 3
"""Shops that a row names of a person."""
NOT_HERE = say("no longer exists")
DELETED_APP = say("deleted app")


@dataclass(frozen=True)
class Chain:
    """Hold the state of a chain: its number of rows, and whether it was verified just now; ``fault`` if it is broken."""

    rows: int
    is_verified: bool
    fault: ChainError | None


@dataclass(frozen=True)
class Line:
    """Hold a row as text: ``what`` in words, the ``app`` by its name, ``actor`` and ``subject`` by theirs. No ids.

    ``address``: the IP address; ``label``: the browser in words; ``reason``: of an administrator, empty for none.
    """

    seq: int
    at: datetime
    what: Message
    has_failed: bool
    address: str
    label: str
    app: Message | str
    actor: Message | str
    subject: Message | str
    reason: str = ""
    shops: str = ""
    """The shops where the acting person works."""
    sign_in: str = ""
    """The same for events of one sign-in; empty for other events."""


@dataclass(frozen=True)
class Entry:
    """Hold the rows of one sign-in together: ``line`` is the latest, ``others`` are those before it, newest first."""

    line: Line
    others: tuple[Line, ...] = ()


@dataclass(frozen=True)
class AuditPage:
    """Hold a page of the audit log, newest first. ``of_installation``: clients, keys and rules instead of this organisation.

    ``filter.zone``: for the days of ``since`` and ``until``.
    """

    frame: Frame
    of_installation: bool
    filter: Filter
    kinds: tuple[tuple[str, Message], ...]
    events: tuple[tuple[str, Message], ...]
    entries: tuple[Entry, ...]
    chain: Chain
    address: str
    older: str
    csv: str
    json: str
    errors: tuple[Message, ...] = ()


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/<store_url>/audit", "audit", show)
    blueprint.add_url_rule("/<store_url>/audit/export.<form>", "export_audit", export, methods=["GET", "POST"])


def show(store_url: str) -> Response:
    """Show the events that the filter finds, newest first."""
    admin = guard.administrator(store_url, or_installation=True)
    wanted = audit_filter.read(admin)
    return pages.render("admin/audit.html", _page(admin, *wanted), 422 if wanted[2] else 200)


def export(store_url: str, form: str) -> Response:
    """Send all events that the filter finds as a file, oldest first."""
    admin = guard.administrator(store_url, or_installation=True)
    if form not in ("csv", "json"):
        abort(404)
    wanted, sought, errors = audit_filter.read(admin)
    if errors:
        return pages.render("admin/audit.html", _page(admin, wanted, sought, errors), 422)
    chain, name = audit_filter.chain_id(admin), f"audit-{store_url}-{_days(admin, wanted)}.{form}"
    kind = files.AUDIT if chain else files.INSTALLATION
    file = Wanted(kind, sought, name, form, separator())
    rows = search.every(chain, sought)
    lines = search.as_json(rows) if form == "json" else search.as_csv(rows, file.separator)
    return exports.send(admin, file, store.count_found(chain, sought, files.AT_ONCE), lines)


def _days(admin: Admin, wanted: Filter) -> str:
    """Return the first and last day of the rows, for the name of the file; without a first day, the last one alone."""
    since, until = wanted.asked["since"], wanted.asked["until"] or str(policy_dry_run.today(admin.organisation))
    return f"{since}-{until}" if since else f"until-{until}"


def _page(admin: Admin, wanted: Filter, sought: Sought, errors: tuple[Message, ...]) -> AuditPage:
    chain_id = audit_filter.chain_id(admin)
    rows, older = search.found(chain_id, sought, forms.row_asked())
    link = partial(audit_filter.address_of, admin, asked=wanted.asked)
    return AuditPage(
        frame=admin.frame(HERE),
        of_installation=chain_id == store.INSTALLATION,
        filter=wanted,
        kinds=tuple((name, words) for name, (words, _) in audit_filter.KINDS.items()),
        events=tuple((str(event), _in_words(event, {}, "")) for event in Event),
        entries=_grouped(_lines(rows)),
        chain=_chain(chain_id),
        address=link("admin.audit", check="1"),
        older=link("admin.audit", before=str(older)) if older else "",
        csv=link("admin.export_audit", form="csv"),
        json=link("admin.export_audit", form="json"),
        errors=errors,
    )


def _grouped(lines: Iterable[Line]) -> tuple[Entry, ...]:
    """Put the events of one sign-in together: the same person, browser and address, within some minutes."""
    found: list[Entry] = []
    for line in lines:
        last = (found[-1].others or (found[-1].line,))[-1] if found else None
        if last is not None and line.sign_in and line.sign_in == last.sign_in and last.at - line.at <= ONE_SIGN_IN:
            found[-1] = replace(found[-1], others=(*found[-1].others, line))
        else:
            found.append(Entry(line))
    return tuple(found)


def _lines(rows: Iterable[NamedRow]) -> tuple[Line, ...]:
    kept = tuple(rows)
    names = clients.names({entry.row.client_id for entry in kept if entry.row.client_id})
    things = _things([entry.row for entry in kept if entry.row.event in OF_PLACES])
    shops = _shops(kept)
    return tuple(_line(entry, names.get(entry.row.client_id, ""), things, shops) for entry in kept)


def _shops(rows: tuple[NamedRow, ...]) -> Mapping[str, str]:
    """Return the names of the shops where the acting people work, by person. Those of all shops are left out."""
    of = next((one.row.organisation_id for one in rows if one.row.organisation_id), "")
    people = sorted({one.row.actor_id for one in rows if one.actor}) if of else []
    works = memberships.shops_of_users(of, people)
    names = {shop.id: shop.name for shop in organisation_lists.shops_with(of, set().union(*works.values()))}
    known = {person: sorted(names[one] for one in ids if one in names) for person, ids in works.items()}
    return {person: ", ".join(theirs[:SHOPS]) for person, theirs in known.items()}


def _things(rows: Sequence[AuditRow]) -> dict[str, str]:
    """Return the names of shops, groups and policies that events are about."""
    found: dict[str, str] = {}
    for one in {row.organisation_id for row in rows}:
        ids = {row.subject_id for row in rows if row.organisation_id == one}
        found |= {shop.id: shop.name for shop in organisation_lists.shops_with(one, ids)}
        found |= {group.id: group.name for group in organisation_lists.groups_with(one, ids)}
        found |= {rule.id: rule.name for rule in organisation_rules.rules_of(one)}
    return found


def _line(entry: NamedRow, app: str, things: Mapping[str, str], shops: Mapping[str, str]) -> Line:
    row = entry.row
    actor = _named(entry.actor, row.actor_id)
    subject = _named(entry.subject or things.get(row.subject_id, "") or _kept_name(row.data), row.subject_id)
    of_sign_in = row.event in SIGN_IN_EVENTS and row.address
    return Line(
        seq=row.seq,
        at=row.at,
        what=_in_words(row.event, row.data, app),
        has_failed=row.outcome != "success",
        address=row.address,
        label=row.label,
        app=app or (_gone_app(row) if row.client_id else ""),
        actor=actor,
        subject=subject,
        reason=str(row.data.get("reason", "")),
        shops=shops.get(row.actor_id, ""),
        sign_in=f"{row.subject_id} {row.address} {row.label}" if of_sign_in else "",
    )


def _named(name: str, actor_id: str) -> Message | str:
    """Describe the acting party: a user by name, anything else in words."""
    return name or (WITHOUT_NAME.get(actor_id, NOT_HERE) if actor_id else "–")


def _gone_app(row: AuditRow) -> Message | str:
    """Return the name of an app that does not exist: only the event of its deletion keeps it."""
    return str(row.data.get("name", "")) if row.event == Event.CLIENT_DELETED and row.data.get("name") else DELETED_APP


def _kept_name(data: Mapping[str, Any]) -> str:
    """Return the name that an event keeps of a thing: one that is gone, or a policy of the installation."""
    return str(data.get("policy") or (data.get("name", "") if data.get("removed") else ""))


def _in_words(event: str, data: Mapping[str, Any], app: str) -> Message:
    if data.get("removed") and event in REMOVED:
        return REMOVED[event]
    return activity.sentence(event, data, app) or OF_THINGS.get(event) or say("%(event)s", event=event)


def _chain(organisation_id: str) -> Chain:
    head = store.head(organisation_id)
    rows = head.seq if head else 0
    if rows > QUICK and not forms.asked("check"):
        return Chain(rows, False, None)
    return Chain(rows, True, audit_chain.verify(organisation_id))
