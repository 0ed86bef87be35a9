"""Export the users of an organisation as CSV: their fields, groups and shops, and no secret."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from idp import csv_export, factors
from idp.db import release
from idp.identity.user_fields import USER_FIELDS
from idp.store import memberships, user_search
from idp.store.user_search import EVERYBODY, PeopleSought
from idp.store.users import User

FIELDS = tuple(field for field in USER_FIELDS if field.in_export)
COLUMNS = (
    "id", *(field.name for field in FIELDS), "groups", "shops", "second_factor", "disabled", "created_at", "last_login_at"
)  # fmt: skip
ALL_SHOPS = "*"


@dataclass(frozen=True)
class Belongings:
    """By user id: names of groups and codes of shops; ``owners``: the ids of users with a second factor."""

    groups: dict[str, list[str]]
    shops: dict[str, list[str]]
    owners: frozenset[str]


def as_csv(organisation_id: str, sought: PeopleSought = EVERYBODY, separator: str = ",") -> Iterator[str]:
    """Yield the lines about the users that a search finds, by username. Reads in chunks, and holds no connection between."""
    found = belongings(organisation_id)
    yield header(separator)
    for rows in user_search.each(organisation_id, sought):
        release()
        yield from (line(row, found, separator) for row in rows)


def header(separator: str) -> str:
    """Return the line with the names of the columns."""
    return csv_export.line(COLUMNS, separator)


def line(row: User, found: Belongings, separator: str) -> str:
    """Return the line about a user."""
    return csv_export.line(_cells(row, found), separator)


def belongings(organisation_id: str) -> Belongings:
    """Read the groups, shops and second factors of everybody in an organisation."""
    groups = _by_user(memberships.group_names(organisation_id))
    return Belongings(
        groups, _by_user(memberships.shop_codes(organisation_id)), frozenset(factors.owned_in(organisation_id))
    )


def _by_user(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found = defaultdict(list)
    for user_id, name in pairs:
        found[user_id].append(name)
    return found


def _cells(row: User, found: Belongings) -> tuple[str, ...]:
    return (
        row.id,
        *(_cell(field.value_of(row)) for field in FIELDS),
        ", ".join(found.groups.get(row.id, ())),
        ALL_SHOPS if row.all_shops else ", ".join(found.shops.get(row.id, ())),
        _word(row.id in found.owners),
        _word(row.disabled_at is not None),
        _moment(row.created_at),
        _moment(row.last_login_at),
    )


def _cell(value: object) -> str:
    return _word(value) if isinstance(value, bool) else str(value or "")


def _word(holds: bool) -> str:
    return "yes" if holds else "no"


def _moment(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""
