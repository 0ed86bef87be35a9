"""Show the audit trail: search by event, person and day, verify, export."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, url_for

from idp import zones
from idp.audit import Event, search
from idp.audit import chain as audit_chain
from idp.audit.chain import ChainError
from idp.audit.search import NamedRow
from idp.checks import NOT_A_DATE
from idp.errors import Invalid, Message, say
from idp.identity import policy_dry_run
from idp.identity.users import activity, lookup
from idp.store import audit as store
from idp.store import clients, organisations
from idp.store.audit import Sought
from idp.web import forms, pages
from idp.web.admin import guard
from idp.web.admin.guard import Admin, Frame
from idp.web.downloads import download, separator, spreadsheet

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
    Event.SHOP_CHANGED: say("Shop changed"),
    Event.GROUP_CHANGED: say("Group changed"),
    Event.POLICY_CHANGED: say("Policy changed"),
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
OF_PLACES = (Event.SHOP_CHANGED, Event.GROUP_CHANGED)
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


@dataclass(frozen=True)
class AuditPage:
    """Hold a page of the trail, newest first. ``of_installation``: clients, keys and rules instead of this organisation.

    ``zone``: for the days of ``since`` and ``until``.
    """

    frame: Frame
    of_installation: bool
    event: str
    username: str
    since: str
    until: str
    zone: str
    events: tuple[tuple[str, Message], ...]
    lines: tuple[Line, ...]
    chain: Chain
    address: str
    older: str
    csv: str
    json: str
    errors: tuple[Message, ...] = ()


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/<store_url>/audit", "audit", show)
    blueprint.add_url_rule("/<store_url>/audit/export.<form>", "export_audit", export)


def show(store_url: str) -> Response:
    """Show the events that the filter finds, newest first."""
    admin = guard.administrator(store_url, or_installation=True)
    sought, errors = _sought(admin)
    return pages.render("admin/audit.html", _page(admin, sought, errors), 422 if errors else 200)


def export(store_url: str, form: str) -> Response:
    """Send all events that the filter finds as a file, oldest first."""
    admin = guard.administrator(store_url, or_installation=True)
    if form not in ("csv", "json"):
        abort(404)
    sought, errors = _sought(admin)
    if errors:
        return pages.render("admin/audit.html", _page(admin, sought, errors), 422)
    rows, name = search.every(_chain_id(admin), sought), f"audit-{store_url}-{_days(admin)}.{form}"
    if form == "csv":
        return spreadsheet(search.as_csv(rows, separator()), name)
    return download(search.as_json(rows), "application/json", name)


def _days(admin: Admin) -> str:
    """Return the first and last day of the rows, for the name of the file; without a first day, the last one alone."""
    since, until = forms.asked("since", 10), forms.asked("until", 10) or str(policy_dry_run.today(admin.organisation))
    return f"{since}-{until}" if since else f"until-{until}"


def _chain_id(admin: Admin) -> str:
    """Return the id of this organisation's chain, or of the installation's for operators who ask for it."""
    of_installation = admin.is_operator and forms.asked("trail") == "installation"
    return store.INSTALLATION if of_installation else admin.organisation.id


def _sought(admin: Admin) -> tuple[Sought, tuple[Message, ...]]:
    since, wrong_since = _begins("since", admin.organisation.zone)
    until, wrong_until = _begins("until", admin.organisation.zone, after=True)
    sought = Sought(event=forms.asked("event", 60), since=since, until=until)
    username = forms.asked("username")
    if not username:
        return sought, wrong_since or wrong_until
    user = lookup.find(admin.organisation.id, username)
    unknown = (say("There is nobody with the username “%(username)s”.", username=username),) if user is None else ()
    return replace(sought, user_id=user.id if user else "-"), unknown or wrong_since or wrong_until


def _begins(name: str, zone: ZoneInfo, *, after: bool = False) -> tuple[datetime | None, tuple[Message, ...]]:
    """Return when a day of the query begins in a zone (``after``: ends), and the error if it is no day."""
    typed = forms.asked(name, 10)
    if not typed:
        return None, ()
    try:
        return zones.day_begins(forms.day(name, typed) + timedelta(days=int(after)), zone), ()
    except Invalid as wrong:
        return None, (wrong.message,)
    except (ValueError, OverflowError):  # the first or last day of the calendar, which the zone moves out of it
        return None, (NOT_A_DATE,)


def _page(admin: Admin, sought: Sought, errors: tuple[Message, ...]) -> AuditPage:
    chain_id = _chain_id(admin)
    rows, older = search.found(chain_id, sought, forms.row_asked())
    filters = {name: forms.asked(name) for name in ("trail", "event", "username", "since", "until") if forms.asked(name)}
    at: dict[str, Any] = {"store_url": admin.organisation.store_url, **filters}
    return AuditPage(
        frame=admin.frame(HERE),
        of_installation=chain_id == store.INSTALLATION,
        event=sought.event,
        username=forms.asked("username"),
        since=forms.asked("since", 10),
        until=forms.asked("until", 10),
        zone=admin.organisation.zone.key,
        events=tuple((str(event), _in_words(event, {}, "")) for event in Event),
        lines=_lines(rows),
        chain=_chain(chain_id),
        address=url_for("admin.audit", **at, check="1"),
        older=url_for("admin.audit", **at, before=str(older)) if older else "",
        csv=url_for("admin.export_audit", **at, form="csv"),
        json=url_for("admin.export_audit", **at, form="json"),
        errors=errors,
    )


def _lines(rows: Iterable[NamedRow]) -> tuple[Line, ...]:
    kept = tuple(rows)
    names = clients.names({entry.row.client_id for entry in kept if entry.row.client_id})
    things = _things({entry.row.organisation_id for entry in kept if entry.row.event in OF_PLACES})
    return tuple(_line(entry, names.get(entry.row.client_id, ""), things) for entry in kept)


def _things(organisation_ids: Iterable[str]) -> dict[str, str]:
    """Return the names of shops and groups that events are about."""
    found: dict[str, str] = {}
    for one in organisation_ids:
        found |= {shop.id: shop.name for shop in organisations.shops(one)}
        found |= {group.id: group.name for group in organisations.groups(one)}
    return found


def _line(entry: NamedRow, app: str, things: Mapping[str, str]) -> Line:
    row = entry.row
    actor = _named(entry.actor, row.actor_id)
    subject = _named(entry.subject or things.get(row.subject_id, ""), row.subject_id)
    return Line(
        seq=row.seq,
        at=row.at,
        what=_in_words(row.event, row.data, app),
        has_failed=row.outcome != "success",
        address=row.address,
        label=row.label,
        app=app or (DELETED_APP if row.client_id else ""),
        actor=actor,
        subject=subject,
        reason=str(row.data.get("reason", "")),
    )


def _named(name: str, actor_id: str) -> Message | str:
    """Describe the acting party: a user by name, anything else in words."""
    return name or (WITHOUT_NAME.get(actor_id, NOT_HERE) if actor_id else "–")


def _in_words(event: str, data: Mapping[str, Any], app: str) -> Message:
    return activity.sentence(event, data, app) or OF_THINGS.get(event) or say("%(event)s", event=event)


def _chain(organisation_id: str) -> Chain:
    head = store.head(organisation_id)
    rows = head.seq if head else 0
    if rows > QUICK and not forms.asked("check"):
        return Chain(rows, False, None)
    return Chain(rows, True, audit_chain.verify(organisation_id))
