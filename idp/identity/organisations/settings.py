"""The store URL that people enter (S29), and the settings that an organisation may choose: one table for all of them."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from encodings import idna
from functools import lru_cache, partial
from typing import Any

from idp import normal_forms
from idp.branding import is_colour, languages_of
from idp.checks import is_truth, is_whole
from idp.config import Settings
from idp.errors import Invalid, Message, say
from idp.languages import LANGUAGES, spoken
from idp.store.organisations import Organisation

LONGEST_ENTERED = 500

_SCHEME = re.compile(r"^(?:[a-z][a-z0-9+.\-]*:)?//")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def normal_store_url(text: str) -> str:
    """Return the store URL as it is stored and compared: the first label of the host name, lower case, as an A-label.

    ``HTTPS://Example-Shoes.sleutel.example:8000/till`` and ``example-shoes`` give ``example-shoes``; ``bücher`` gives
    ``xn--bcher-kva`` (RFC 5890). Empty where the text cannot be one. Pure.
    """
    return _normal_store_url(text) if len(text) <= LONGEST_ENTERED else ""


@lru_cache(maxsize=1024)
def _normal_store_url(text: str) -> str:
    folded = unicodedata.normalize("NFKC", normal_forms.visible(text)).strip().casefold()
    host = re.split(r"[/?#\\:]", _SCHEME.sub("", folded), maxsplit=1)[0]
    label = re.split(r"[.。]", host, maxsplit=1)[0]
    try:
        ascii_label = idna.ToASCII(label).decode("ascii")
    except UnicodeError:
        return ""
    return ascii_label if _LABEL.fullmatch(ascii_label) else ""


@dataclass(frozen=True)
class Number:
    """A setting that is a whole number, as the console asks for it.

    ``limit``: the installation's length of a session or of trust in a device. An organisation can only shorten it.
    """

    least: int
    most: int
    label: Message
    unit: Message
    limit: Callable[[Settings], int] | None = None

    def highest(self, settings: Settings) -> int:
        """Return the highest number that has an effect."""
        return self.most if self.limit is None else min(self.most, self.limit(settings))


@dataclass(frozen=True)
class Rule:
    """What an organisation may choose for a setting. ``allowed``: the same in words."""

    is_allowed: Callable[[Any], bool]
    allowed: str
    default: Callable[[Settings, Organisation], Any]
    """What holds where an organisation chose nothing."""
    number: Number | None = None

    def value(self, settings: Settings, organisation: Organisation, chosen: Any) -> Any:
        """Return what holds in an organisation that chose this; None for nothing."""
        if chosen is None:
            return self.default(settings, organisation)
        limit = self.number.limit if self.number else None
        return chosen if limit is None else min(limit(settings), chosen)


def _number(plain: int, number: Number, default: Callable[[Settings], int] | None = None) -> Any:
    found = default or number.limit or (lambda _: plain)
    is_allowed = partial(is_whole, least=number.least, most=number.most)
    rule = Rule(is_allowed, f"{number.least}–{number.most}", lambda settings, _: found(settings), number)
    return field(default=plain, metadata={"rule": rule})


def _truth(plain: bool) -> Any:
    return field(default=plain, metadata={"rule": Rule(is_truth, "true, false", lambda *_: plain)})


def _default_languages(settings: Settings, organisation: Organisation) -> tuple[str, ...]:
    return tuple(spoken((*languages_of(organisation), settings.default_language, *LANGUAGES)))


def _is_languages(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and value == list(spoken(value))


_LANGUAGES = Rule(_is_languages, f"[{', '.join(LANGUAGES)}], all or some of them, in any order", _default_languages)
_COLOUR = Rule(lambda value: value == "" or is_colour(value), '#000000–#ffffff, ""', lambda *_: "")
_DAYS, _HOURS, _MINUTES = say("days"), say("hours"), say("minutes")


@dataclass(frozen=True)
class OrganisationSettings:
    """The settings that hold in an organisation. Each has its default and its ``Rule``; the console lists the numbers.

    ``colour``: ``#rrggbb``, or empty for the installation's own.
    """

    login_idle_minutes: int = _number(
        60,
        Number(
            1,
            1440,
            say("Sign out automatically after (without use)"),
            _MINUTES,
            lambda found: found.lifetimes.login_idle_minutes,
        ),
    )
    login_hours: int = _number(
        24, Number(1, 720, say("Sign in again at the latest after"), _HOURS, lambda found: found.lifetimes.login_hours)
    )
    stay_signed_in_days: int = _number(
        0,
        Number(
            0,
            365,
            say("Allow people to stay signed in on a device for (0: never)"),
            _DAYS,
            lambda found: found.lifetimes.stay_signed_in_days,
        ),
        lambda _: 0,
    )
    remember_device_days: int = _number(
        30, Number(1, 365, say("Remember devices for"), _DAYS, lambda found: found.lifetimes.remember_device_days)
    )
    password_min_length: int = _number(
        12,
        Number(8, 64, say("Minimum password length without a second factor"), say("characters")),
        lambda found: found.passwords.min_length,
    )
    leaked_notice_days: int = _number(7, Number(1, 90, say("Remind of a leaked password every"), _DAYS))
    leaked_notice_days_administrators: int = _number(
        1, Number(1, 90, say("Remind administrators of a leaked password every"), _DAYS)
    )
    remembered_device_counts: bool = _truth(True)
    offer_set_up: bool = _truth(True)
    languages: tuple[str, ...] = field(default=LANGUAGES, metadata={"rule": _LANGUAGES})
    administrators_connect_apps: bool = _truth(False)
    colour: str = field(default="", metadata={"rule": _COLOUR})

    def leaked_notice_days_for(self, is_administrator: bool) -> int:
        """Return for how many days "not now" postpones the notice of a leaked password (S33)."""
        return self.leaked_notice_days_administrators if is_administrator else self.leaked_notice_days


RULES: Mapping[str, Rule] = {one.name: one.metadata["rule"] for one in fields(OrganisationSettings)}
NUMBERS: Mapping[str, Number] = {name: rule.number for name, rule in RULES.items() if rule.number is not None}


def settings_of(settings: Settings, organisation: Organisation) -> OrganisationSettings:
    """Return the settings that hold in ``organisation``: its own choices, else the installation's."""
    own: Mapping[str, Any] = organisation.settings
    held = {name: rule.value(settings, organisation, own.get(name)) for name, rule in RULES.items()}
    return OrganisationSettings(**{**held, "languages": tuple(held["languages"])})


def remembered_device_counts(settings: Settings, organisation: Organisation) -> bool:
    """Return that one of the settings that hold in ``organisation``: each use of a grant and each sign-in asks for it."""
    name = "remembered_device_counts"
    return bool(RULES[name].value(settings, organisation, organisation.settings.get(name)))


def validate_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of an organisation's settings as they are stored; raises ``Invalid`` naming the key."""
    for key, value in values.items():
        if key not in RULES:
            known = ", ".join(RULES)
            raise Invalid(key, say("%(setting)s is not a setting. The settings are: %(known)s.", setting=key, known=known))
        if not RULES[key].is_allowed(value):
            raise Invalid(key, say("%(setting)s must be one of: %(allowed)s.", setting=key, allowed=RULES[key].allowed))
    return dict(values)
