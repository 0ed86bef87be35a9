"""Give the cells of a line their meaning: roles, languages, dates, shops and groups as people write them. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from idp import csv_export
from idp.errors import Faults, Invalid, listed, say
from idp.identity.people_import.csv_file import LONGEST_CELL, Row
from idp.identity.roles import ROLE_NAMES, Role
from idp.languages import tags_by_name

IN_DUTCH = {"medewerker": "employee", "beheerder": "administrator", "klant": "customer", "eigenaar": "owner"}
IN_GERMAN = {
    "mitarbeitende": "employee", "mitarbeiter": "employee", "mitarbeiterin": "employee", "leitung": "manager",
    "administration": "administrator", "kundschaft": "customer", "kunde": "customer", "kundin": "customer",
    "inhaber": "owner", "inhaberin": "owner",
}  # fmt: skip
IN_FRENCH = {
    "employé": "employee", "employée": "employee", "responsable": "manager", "administrateur": "administrator",
    "administratrice": "administrator", "client": "customer", "cliente": "customer", "propriétaire": "owner",
}  # fmt: skip
ROLES: Mapping[str, str] = {**{str(role): str(role) for role in Role}, **IN_DUTCH, **IN_GERMAN, **IN_FRENCH}
ALL = frozenset(("*", "all", "alle", "tous"))
NO_ROLE = say("There is no role “%(name)s”. Write %(roles)s or %(last)s, or leave the cell empty.")
LISTS = ("shops", "groups")
BETWEEN = re.compile(r"[,;|\n]")


def values_of(row: Row, faults: Faults) -> dict[str, Any]:
    """Return the values of a line by the names of ``PersonDraft``, without those of empty and wrong cells.

    Raises ``Invalid`` for a line whose cells do not belong to the columns that they are in.
    """
    if row.more:
        raise Invalid(
            "", say("This line has more cells than the first one. Put quotation marks around a cell with a separator.")
        )
    found: dict[str, Any] = {}
    for field, cell in row.cells.items():
        with faults.gathered():
            if len(cell) > LONGEST_CELL:
                raise Invalid(field, say("A cell is too long."))
            if cell:
                found[field] = _value(field, csv_export.bare(cell))
    return found


def _value(field: str, cell: str) -> Any:
    match field:
        case "role":
            return _role(cell)
        case "locale":
            if cell.casefold() not in tags_by_name():
                raise Invalid("locale", say("Choose one of the languages."))
            return tags_by_name()[cell.casefold()]
        case "valid_until":
            return _day(cell)
        case "shops" if cell.casefold() in ALL:
            return None
        case "shops" | "groups":
            return [name.strip() for name in BETWEEN.split(cell) if name.strip()]
    return cell


def _role(cell: str) -> str:
    role = ROLES.get(cell.casefold())
    if role is None:
        *others, last = (ROLE_NAMES[one] for one in Role if one != Role.OWNER)
        raise Invalid("role", NO_ROLE.about(name=cell[:60], roles=listed(others), last=last))
    return role


def _day(cell: str) -> str:
    """Return a date as ISO 8601 writes it. Spreadsheets write 31-12-2026, 31.12.2026 or 31/12/2026."""
    local = re.fullmatch(r"(\d{1,2})[-./](\d{1,2})[-./](\d{4})", cell)
    return f"{local[3]}-{int(local[2]):02}-{int(local[1]):02}" if local else cell
