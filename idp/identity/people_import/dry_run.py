"""Say what each line of a file would do, without writing anything.

It asks the rules that ``accounts`` asks, with few statements for all lines. The worker judges every line again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from idp import csv_export
from idp.audit import Origin
from idp.errors import Faults, Forbidden, Invalid, Message, Refusal, say
from idp.identity import access, permissions
from idp.identity.accounts import belongings
from idp.identity.people_import import cells
from idp.identity.people_import.csv_file import Row
from idp.identity.user_fields import BY_NAME, columns_of
from idp.normal_forms import compared
from idp.store import memberships, organisations, user_search
from idp.store.organisations import Organisation
from idp.store.users import User

CREATED, CHANGED, UNCHANGED, REFUSED = "created", "changed", "unchanged", "refused"


@dataclass(frozen=True)
class Judged:
    """Hold what a line does. ``changed``: names of fields; ``refusal``: why it is refused, with remedies.

    ``cells`` and ``more``: the line as it was given.
    """

    number: int
    username: str
    outcome: str
    values: dict[str, Any] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    refusal: Message | None = None
    cells: Mapping[str, str] = field(default_factory=dict)
    more: tuple[str, ...] = ()


class DryRun:
    """Judge the lines of one file for one acting user."""

    def __init__(self, organisation: Organisation, origin: Origin) -> None:
        self._at, self._origin = organisation, origin
        self._roles = permissions.roles_to_give(organisation, origin)
        self._codes = {shop.id: shop.code for shop in organisations.shops(organisation.id)}
        by_name = _by_key((shop.name, shop.id) for shop in organisations.shops(organisation.id))
        self._shops = by_name | _by_key((code, shop_id) for shop_id, code in self._codes.items())
        self._groups = _by_key((group.name, group.id) for group in organisations.groups(organisation.id))
        self._over: dict[tuple[str, bool], Refusal | None] = {}
        self._known: dict[str, User] = {}
        self._seen: dict[str, int] = {}

    def judge(self, rows: Sequence[Row]) -> list[Judged]:
        """Return what each line does."""
        keys = [*{compared(csv_export.bare(row.cells.get("username", ""))) for row in rows}]
        self._known = user_search.named(self._at.id, keys)
        ids = [user.id for user in self._known.values()]
        self._groups_of = memberships.groups_of_users(self._at.id, ids)
        self._shops_of = memberships.shops_of_users(self._at.id, ids)
        return [self._judged(row) for row in rows]

    def _judged(self, row: Row) -> Judged:
        username, faults = row.cells.get("username", "")[:254], Faults()
        outcome, values = REFUSED, dict[str, Any]()
        changed: tuple[str, ...] = ()
        with faults.gathered():
            values = cells.values_of(row, faults)
            outcome, changed = self._outcome(row, values, faults)
        if (refusal := faults.in_one()) is not None:
            return Judged(row.number, username, REFUSED, refusal=refusal, cells=row.cells, more=row.more)
        return Judged(row.number, username, outcome, values, changed, cells=row.cells)

    def _outcome(self, row: Row, values: dict[str, Any], faults: Faults) -> tuple[str, tuple[str, ...]]:
        """Return what the line does if it has no faults, and the names of the fields that it changes."""
        with faults.gathered():
            self._require_once(row, values)
        user = self._known.get(compared(values.get("username", "")))
        if user is None:
            self._created(values, faults)
            return CREATED, ()
        changed = self._changed(user, values, faults)
        return (CHANGED if changed else UNCHANGED), changed

    def _require_once(self, row: Row, values: dict[str, Any]) -> None:
        if not values.get("username"):
            raise Invalid("username", say("Enter a username."))
        key = compared(values["username"])
        if key in self._seen:
            message = say("Line %(line)s is about the same person. Remove one of the two.", line=self._seen[key])
            raise Invalid("username", message)
        self._seen[key] = row.number

    def _created(self, values: dict[str, Any], faults: Faults) -> None:
        self._resolve(values, faults)
        columns = _columns(values, {}, faults)
        role = columns.get("role", BY_NAME["role"].default)
        with faults.gathered():
            self._require_role(role)
        with faults.gathered():
            access.require_day(self._at.id, role, columns.get("valid_until"), is_new=True)

    def _changed(self, user: User, values: dict[str, Any], faults: Faults) -> tuple[str, ...]:
        groups, shops = self._resolve(values, faults)
        columns = _columns(values, user.claims, faults)
        changed = {name for name, value in columns.items() if name in BY_NAME and getattr(user, name) != value}
        changed |= {"groups"} if groups is not None and groups != self._groups_of.get(user.id, set()) else set()
        changed |= {"shops"} if "shops" in values and shops != self._shops_held(user) else set()
        if changed:
            self._require_over(user)
        with faults.gathered():
            self._require_allowed(user, columns, changed, faults)
        return tuple(name for name in (*BY_NAME, *cells.LISTS) if name in changed)

    def _require_over(self, user: User) -> None:
        """Raise unless the acting user may change a user. A line that changes nothing is no attempt to."""
        kind = (user.role, user.id == self._at.owner_id)
        if kind not in self._over:
            self._over[kind] = permissions.refusal_over(self._at, user, self._origin)
        if (refusal := self._over[kind]) is not None:
            raise refusal

    def _require_allowed(self, user: User, columns: dict[str, Any], changed: set[str], faults: Faults) -> None:
        if "role" in changed:
            with faults.gathered():
                permissions.require_new_role(self._at, user, columns["role"], self._origin)
        if changed & {"email", "valid_until"} and user.id == self._origin.actor_id:
            raise Forbidden(say("This is your own account. Change your sign-in details in your profile."))
        if "valid_until" in changed:
            access.require_day(self._at.id, columns.get("role", user.role), columns["valid_until"], is_new=True)

    def _shops_held(self, user: User) -> set[str] | None:
        return None if user.all_shops else self._shops_of.get(user.id, set())

    def _require_role(self, role: str) -> None:
        if role not in self._roles:
            permissions.require_role(self._at, role, self._origin)

    def _resolve(self, values: dict[str, Any], faults: Faults) -> tuple[set[str] | None, set[str] | None]:
        """Return the ids of groups and shops, and name shops by code. None: the line does not say, or says all shops."""
        groups = self._ids(self._groups, "groups", values, faults)
        shops = self._ids(self._shops, "shops", values, faults)
        if shops is not None:
            values["shops"] = sorted(self._codes[shop_id] for shop_id in shops)
        return groups, shops

    def _ids(self, known: dict[str, str], key: str, values: dict[str, Any], faults: Faults) -> set[str] | None:
        if values.get(key) is None:
            return None
        found = set()
        for name in values[key]:
            if faults.is_full:
                break
            with faults.gathered():
                found.add(self._id(known, key, name))
        return found

    def _id(self, known: dict[str, str], key: str, name: str) -> str:
        found = known.get(compared(name))
        if found is None:
            raise Invalid(key, belongings.MISSING[key].about(name=name[:60]))
        return found


def _by_key(pairs: Any) -> dict[str, str]:
    return {compared(name): row_id for name, row_id in pairs}


def _columns(values: dict[str, Any], claims: dict[str, Any], faults: Faults) -> dict[str, Any]:
    """Return the columns that the values of fields set, without those of wrong values."""
    columns: dict[str, Any] = {}
    for name, value in values.items():
        if name in BY_NAME:
            with faults.gathered():
                columns |= columns_of({name: value}, claims)
    return columns


def for_new_person(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values for a new person, who works in no shop that the file does not name."""
    found = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return {"shops": (), **found}
