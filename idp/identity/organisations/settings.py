"""Organisations: the store URL people type (S29), and the settings an organisation may choose."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from encodings import idna
from typing import Any

from idp import normal_forms
from idp.branding import is_colour, languages_of
from idp.config import Settings
from idp.errors import Invalid, say
from idp.languages import LANGUAGES, spoken
from idp.store.organisations import Organisation

LONGEST_TYPED = 500

_SCHEME = re.compile(r"^(?:[a-z][a-z0-9+.\-]*:)?//")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def normal_store_url(text: str) -> str:
    """The store URL in the form that is stored and compared: the first label of the host name, lower case, as an A-label.

    ``HTTPS://Example-Shoes.sleutel.example:8000/till`` and ``example-shoes`` give ``example-shoes``; ``bücher`` gives
    ``xn--bcher-kva`` (RFC 5890). Empty for whatever cannot be one. Pure.
    """
    if len(text) > LONGEST_TYPED:
        return ""
    folded = unicodedata.normalize("NFKC", normal_forms.visible(text)).strip().casefold()
    host = re.split(r"[/?#\\:]", _SCHEME.sub("", folded), maxsplit=1)[0]
    label = re.split(r"[.。]", host, maxsplit=1)[0]
    try:
        ascii_label = idna.ToASCII(label).decode("ascii")
    except UnicodeError:
        return ""
    return ascii_label if _LABEL.fullmatch(ascii_label) else ""


@dataclass(frozen=True)
class OrganisationSettings:
    """What holds in an organisation: its own choices over the installation's. Days, minutes and hours as named.

    ``colour``: ``#rrggbb``, or empty for the installation's own.
    """

    remember_device_days: int = 30
    remembered_device_counts: bool = True
    offer_set_up: bool = True
    leaked_notice_days: int = 7
    leaked_notice_days_administrators: int = 1
    password_min_length: int = 12
    login_idle_minutes: int = 60
    login_hours: int = 24
    languages: tuple[str, ...] = LANGUAGES
    colour: str = ""

    def leaked_notice_days_for(self, is_administrator: bool) -> int:
        """How long "not now" postpones the notice of a leaked password (S33)."""
        return self.leaked_notice_days_administrators if is_administrator else self.leaked_notice_days


def settings_of(settings: Settings, organisation: Organisation) -> OrganisationSettings:
    """The settings that hold in ``organisation``; lengths of sessions and of trust in devices can only be shortened."""
    own: Mapping[str, Any] = organisation.settings
    lengths = settings.lifetimes
    plain = OrganisationSettings()
    return OrganisationSettings(
        remember_device_days=_at_most(lengths.remember_device_days, own.get("remember_device_days")),
        remembered_device_counts=own.get("remembered_device_counts", plain.remembered_device_counts),
        offer_set_up=own.get("offer_set_up", plain.offer_set_up),
        leaked_notice_days=own.get("leaked_notice_days", plain.leaked_notice_days),
        leaked_notice_days_administrators=own.get(
            "leaked_notice_days_administrators", plain.leaked_notice_days_administrators
        ),
        password_min_length=own.get("password_min_length", settings.passwords.min_length),
        login_idle_minutes=_at_most(lengths.login_idle_minutes, own.get("login_idle_minutes")),
        login_hours=_at_most(lengths.login_hours, own.get("login_hours")),
        languages=tuple(
            own.get("languages") or spoken((*languages_of(organisation), settings.default_language, *LANGUAGES))
        ),
        colour=own.get("colour", plain.colour),
    )


def _at_most(limit: int, chosen: int | None) -> int:
    return limit if chosen is None else min(limit, chosen)


def _whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool)


def _is_colour_or_none(value: Any) -> bool:
    return value == "" or is_colour(value)


def _is_languages(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and value == list(spoken(value))


BOUNDS: Mapping[str, tuple[int, int]] = {
    "remember_device_days": (1, 365),
    "leaked_notice_days": (1, 90),
    "leaked_notice_days_administrators": (1, 90),
    "password_min_length": (8, 64),
    "login_idle_minutes": (1, 1440),
    "login_hours": (1, 720),
}
"""The lowest and the highest value of each number; ``settings_of`` shortens lifetimes to the installation's."""

_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    **{name: (_whole(low, high), f"{low}–{high}") for name, (low, high) in BOUNDS.items()},
    "remembered_device_counts": (_is_truth, "true, false"),
    "offer_set_up": (_is_truth, "true, false"),
    "languages": (_is_languages, "[nl, en], [en, nl], [nl], [en]"),
    "colour": (_is_colour_or_none, '#000000–#ffffff, ""'),
}


def validate_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of an organisation's settings as they may be stored; raises ``Invalid`` naming the key."""
    for key, value in values.items():
        if key not in _RULES:
            known = ", ".join(_RULES)
            raise Invalid(key, say("%(setting)s is not a setting. Known are: %(known)s.", setting=key, known=known))
        fits, allowed = _RULES[key]
        if not fits(value):
            raise Invalid(key, say("%(setting)s must be one of: %(allowed)s.", setting=key, allowed=allowed))
    return dict(values)
