"""Read the ``claims`` parameter (OpenID Connect Core §5.5) strictly.

``sub`` and an essential ``acr`` bind the answer, so they are never dropped. A wrong type is an error; an impossible value is
kept, and no user matches it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from idp.oauth import strict_json
from idp.oauth.claims import SUPPORTED
from idp.oauth.errors import invalid_request

SECTIONS = ("id_token", "userinfo")


@dataclass(frozen=True)
class ClaimsRequest:
    """The ``claims`` parameter, read. ``names``: by section, those that we know; others are dropped (§5.5).

    ``acr_essential``: None where the acr is no essential claim with values. ``subject``: None where no ``sub`` is
    requested, empty where no user can have the requested one.
    """

    names: Mapping[str, list[str]]
    acr: tuple[str, ...] = ()
    acr_essential: tuple[str, ...] | None = None
    subject: str | None = None


def read_claims(text: str) -> ClaimsRequest:
    """Read the parameter; raises ``invalid_request``."""
    if not text:
        return ClaimsRequest({})
    try:
        raw = strict_json.read(text)
    except ValueError as error:
        raise invalid_request("The parameter claims is not JSON, or has a member twice.") from error
    if not isinstance(raw, dict) or not all(_is_section(raw.get(name)) for name in SECTIONS):
        raise invalid_request("The parameter claims is not shaped as OpenID Connect Core 5.5 says.")
    sections = {name: raw.get(name) or {} for name in SECTIONS}
    members = [section.get("acr") or {} for section in sections.values()]
    return ClaimsRequest(
        names={name: [claim for claim in SUPPORTED if claim in section] for name, section in sections.items()},
        acr=tuple(value for member in members for value in _values("acr", member) or ()),
        acr_essential=_common([_values("acr", member) for member in members if member.get("essential")]),
        subject=_subject([section.get("sub") or {} for section in sections.values()]),
    )


def _is_section(section: Any) -> bool:
    """Return whether this is null, or an object whose members are null or requests for a claim (§5.5.1)."""
    return section is None or (isinstance(section, dict) and all(_is_request(member) for member in section.values()))


def _is_request(member: Any) -> bool:
    if member is None:
        return True
    return (
        isinstance(member, dict)
        and isinstance(member.get("essential", False), bool)
        and isinstance(member.get("values", []), list)
    )


def _values(claim: str, member: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the values of which the claim must have one; None where any will do. Raises ``invalid_request``."""
    if not member.keys() & {"value", "values"}:
        return None
    if {"value", "values"} <= member.keys():  # every reading of both would drop one of them
        raise invalid_request(f"The parameter claims has both value and values for {claim}.")
    listed = [*([member["value"]] if "value" in member else []), *member.get("values", [])]
    if not all(isinstance(value, str) for value in listed):
        raise invalid_request(f"The parameter claims has a value of {claim} that is not text.")
    return tuple(listed)


def _common(lists: Sequence[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """Return the values that are in every list, in the order of the first; None where there is no list."""
    wanted = [values for values in lists if values is not None]
    if not wanted:
        return None
    return tuple(value for value in wanted[0] if all(value in other for other in wanted))


def _subject(members: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the one ``sub`` that is requested in both sections together."""
    requested = [values for values in (_values("sub", member) for member in members) if values is not None]
    subjects = {value for values in requested for value in values}
    if len(subjects) > 1:
        raise invalid_request("The parameter claims names more than one sub.")
    return next(iter(subjects), "") if requested else None
