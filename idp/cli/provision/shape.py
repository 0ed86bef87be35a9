"""Check the keys of a document's tables and their types: everything that needs no database."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from idp.checks import is_day, is_text, is_texts, is_truth
from idp.cli.provision.document import KINDS, Document, Table
from idp.identity.user_fields import USER_FIELDS, UserField
from idp.normal_forms import compared
from idp.oauth import client_metadata

Shape = Mapping[str, str]

ORGANISATION: Shape = {
    "store_url": "text", "name": "text", "country": "text", "time_zone": "text", "integrations": "texts", "owner": "text",
    "settings": "table",
}  # fmt: skip
SHOP: Shape = {"organisation": "text", "code": "text", "name": "text"}
GROUP: Shape = {"organisation": "text", "name": "text", "requires_mfa": "truth"}
CREDENTIALS: Shape = {"password": "text", "password_hash": "text", "totp_secret": "text", "recovery_codes": "texts"}
FIELDS: Mapping[str, UserField] = {
    key: field for field in USER_FIELDS if field.in_file for key in (field.synonym, field.name) if key
}  # fmt: skip
"""The keys that set a field of a person; of two keys for one field, its name overrides the synonym."""
USER: Shape = {
    "organisation": "text", "username": "text", "groups": "texts", "shops": "texts",
    **{key: field.type for key, field in FIELDS.items()}, **CREDENTIALS,
}  # fmt: skip
POLICY: Shape = {
    "name": "text", "starts": "date", "ends": "date", "require": "text", "countries": "texts", "integrations": "texts",
    "roles": "texts", "groups": "texts", "organisations": "texts", "clients": "texts",
}  # fmt: skip
SECRETS: Shape = {"client_secret": "text", "client_secret_env": "text"}
OWN: Shape = {
    "first_party": "truth", "minimum_acr": "text", "remember_device": "truth", "shared_device": "truth",
    "organisations": "texts",
}  # fmt: skip
CLIENT: Shape = {
    "client_id": "text", **SECRETS, **OWN, **dict.fromkeys((*client_metadata.MEMBERS, *client_metadata.IN_LANGUAGES), "any"),
}  # fmt: skip
NOT_HERE = (
    "software_id", "software_version", "software_statement", "request_object_encryption_alg",
    "request_object_encryption_enc", "frontchannel_logout_uri", "frontchannel_logout_session_required",
)  # fmt: skip
"""Registered members that this version ignores, as RFC 7591 §2 allows. A line says so."""

SHAPES: Mapping[str, Shape] = {
    "organisations": ORGANISATION, "shops": SHOP, "groups": GROUP, "users": USER, "policies": POLICY, "clients": CLIENT,
}  # fmt: skip
NAMES: Mapping[str, tuple[str, ...]] = {
    "organisations": ("store_url",), "shops": ("organisation", "code"), "groups": ("organisation", "name"),
    "users": ("organisation", "username"), "policies": ("name",), "clients": ("client_id",),
}  # fmt: skip
PLACEHOLDER = "is a placeholder; put the real value here, or leave the key out"
PLACEHOLDER_SECRET = "is a placeholder; put the real value here, or name a variable of the environment in client_secret_env"
"""An app cannot be created without a secret, so leaving this key out would be refused too."""
TYPES = {
    "text": "must be text in quotes",
    "truth": "must be true or false, without quotes",
    "texts": 'must be a list of texts: ["…", "…"]',
    "date": "must be a date without quotes: 2021-04-30",
    "day": 'must be a date without quotes, 2021-04-30, or "" for none',
    "table": "must be a table",
}


def check(document: Document) -> None:
    """Note every error of shape: unknown keys, missing names, wrong types, the same object twice."""
    for kind in KINDS:
        seen: dict[tuple[str, ...], int] = {}
        for table in document.tables.get(kind, []):
            _check_keys(document, table)
            if _check_names(document, table):
                _check_unique(document, table, seen)
    for table in document.of("users"):
        _check_pair(document, table, "password", "password_hash")
    for table in document.of("clients"):
        _check_pair(document, table, "client_secret", "client_secret_env")


def ignored(document: Document) -> list[str]:
    """Return the lines about registered members that are ignored."""
    return [
        f"{document.file}:{table.line}: [[clients]] {table.name}: {key}: is not supported yet and was ignored"
        for table in document.of("clients")
        for key in table.values
        if key in NOT_HERE
    ]


def _check_keys(document: Document, table: Table) -> None:
    shape = SHAPES[table.kind]
    for key, value in table.values.items():
        base = key.partition("#")[0] if table.kind == "clients" else key
        if is_placeholder(value):
            document.fault(table, key, PLACEHOLDER_SECRET if base == "client_secret" else PLACEHOLDER)
        elif key == "absent":
            _check_type(document, table, key, value, "truth")
        elif base in shape:
            _check_type(document, table, key, value, shape[base])
        elif not (table.kind == "clients" and key in NOT_HERE):
            document.fault(table, key, f"is not a key of [[{table.kind}]]; {nearest(key, shape)}")


def nearest(key: str, shape: Shape) -> str:
    """Return a hint for an unknown key: the known one that looks like it, or all of them."""
    near = get_close_matches(key, shape, 1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(shape)}"


def is_placeholder(value: object) -> bool:
    """Return whether a value was copied from the documentation and not filled in: "…" or "...", alone or in a list."""
    if isinstance(value, list):
        return any(is_placeholder(entry) for entry in value)
    return isinstance(value, str) and value.strip() in ("…", "...")


def _check_type(document: Document, table: Table, key: str, value: Any, wanted: str) -> None:
    fits = {
        "text": is_text(value),
        "truth": is_truth(value),
        "texts": is_texts(value),
        "date": is_day(value),
        "day": is_day(value) or value == "",
        "table": isinstance(value, dict),
        "any": True,
    }
    if not fits[wanted]:
        document.fault(table, key, TYPES[wanted])


def _check_names(document: Document, table: Table) -> bool:
    missing = [key for key in NAMES[table.kind] if not table.get(key)]
    for key in missing:
        document.fault(table, key, "is missing: it identifies the object")
    return not missing


def _check_unique(document: Document, table: Table, seen: dict[tuple[str, ...], int]) -> None:
    name = tuple(compared(str(table.get(key))) for key in NAMES[table.kind])
    if name in seen:
        document.fault(table, NAMES[table.kind][-1], f"is in line {seen[name]} already; merge the two")
    seen.setdefault(name, table.line)


def _check_pair(document: Document, table: Table, one: str, other: str) -> None:
    if table.has(one) and table.has(other):
        document.fault(table, other, f"cannot be given beside {one}; give one of the two")
