"""Know time zones: their names, a country's default, the start of a day, and moments in local words. Pure.

Words come from Babel, in the reader's language: ``DAY``, ``WEEKDAY``, ``HOUR``, ``MOMENT`` and ``STAMP`` are the forms.

Names and countries come from the ``tzdata`` package, so that every machine knows the same zones. A stored name that is no
longer known counts as not chosen.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from unicodedata import normalize
from zoneinfo import ZoneInfo

from babel import Locale
from babel.core import get_global
from babel.dates import format_datetime

from idp.languages import country_name, locale_of

DAY, WEEKDAY, HOUR, MOMENT, STAMP = "day", "weekday", "hour", "moment", "stamp"
"""A date; with its day of the week; a time; a short date with a time; a full date with a time."""
LONGEST = 64
"""The longest name of a zone in characters; today's longest has 32."""

MOST_PEOPLE: Mapping[str, str] = MappingProxyType(
    {
        "AR": "America/Argentina/Buenos_Aires",
        "AU": "Australia/Sydney",
        "BR": "America/Sao_Paulo",
        "CA": "America/Toronto",
        "CD": "Africa/Kinshasa",
        "CL": "America/Santiago",
        "CN": "Asia/Shanghai",
        "CY": "Asia/Nicosia",
        "DE": "Europe/Berlin",
        "EC": "America/Guayaquil",
        "ES": "Europe/Madrid",
        "FM": "Pacific/Pohnpei",
        "GL": "America/Nuuk",
        "ID": "Asia/Jakarta",
        "KI": "Pacific/Tarawa",
        "KZ": "Asia/Almaty",
        "MH": "Pacific/Majuro",
        "MN": "Asia/Ulaanbaatar",
        "MX": "America/Mexico_City",
        "MY": "Asia/Kuala_Lumpur",
        "NZ": "Pacific/Auckland",
        "PF": "Pacific/Tahiti",
        "PG": "Pacific/Port_Moresby",
        "PS": "Asia/Hebron",
        "PT": "Europe/Lisbon",
        "RU": "Europe/Moscow",
        "UA": "Europe/Kyiv",
        "UM": "Pacific/Wake",
        "US": "America/New_York",
        "UZ": "Asia/Tashkent",
    }
)
"""The zone in which most people live, for countries with several."""


@cache
def names() -> frozenset[str]:
    """Return every name that may be stored, with older spellings."""
    return frozenset((files("tzdata") / "zones").read_text("utf-8").split()) - {"Factory"}


@cache
def of_countries() -> Mapping[str, tuple[str, ...]]:
    """Return the zones in use by country (two capitals)."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in (files("tzdata") / "zoneinfo" / "zone.tab").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            country, _, name, *_ = line.split("\t")
            found[country].append(name)
    return MappingProxyType({country: tuple(sorted(zones)) for country, zones in found.items()})


@cache
def choices() -> tuple[str, ...]:
    """Return the names that a page offers, sorted: one for each zone in use, and UTC."""
    return (*sorted({name for zones in of_countries().values() for name in zones}), "UTC")


def is_zone(text: object) -> bool:
    """Check if ``text`` is the name of a zone."""
    return isinstance(text, str) and text in names()


def default_of(country: str) -> str:
    """Return the name of a country's zone: the most populous of several; UTC for an unknown country."""
    zones = of_countries().get(country, ())
    return zones[0] if len(zones) == 1 else MOST_PEOPLE.get(country, "UTC")


def zone(name: str, otherwise: str = "UTC") -> ZoneInfo:
    """Return the zone of this name, or of ``otherwise`` if the name is empty or unknown."""
    return ZoneInfo(name if is_zone(name) else otherwise)


def today(now: datetime, where: ZoneInfo) -> date:
    """Return the date at ``now`` in a zone."""
    return now.astimezone(where).date()


def day_begins(day: date, where: ZoneInfo) -> datetime:
    """Return the first moment of a day in a zone, in UTC.

    Midnight is skipped where the clock goes forward over it (Santiago, Cairo); the day then begins at the change. It comes
    twice where the clock goes back just after it (Havana); the day then begins with the first one.
    """
    midnight = datetime.combine(day, time(), where)
    early, late = midnight.replace(fold=1).astimezone(UTC), midnight.astimezone(UTC)
    # In a gap, fold=1 is the earlier moment of the two (PEP 495) and the change lies between them, or at the later one.
    while late - early > timedelta(0):
        middle = early + (late - early) // 2
        if today(middle, where) < day:
            early = middle + timedelta(microseconds=1)
        else:
            late = middle
    return late


def exact(moment: datetime) -> str:
    """Return a moment to the second in UTC, as the attribute ``datetime`` of HTML and ISO 8601 write it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Named:
    """Hold a zone that a page names in the reader's language."""

    name: str


@cache
def place(name: str, language: str) -> str:
    """Return a zone's city and country, the city first, so that typing its first letters in a list finds it."""
    city = str(locale_of(language).time_zones.get(name, {}).get("city", "")) or name.rpartition("/")[2].replace("_", " ")
    country = get_global("zone_territories").get(name, "")
    return f"{city} ({country_name(country, language)})" if country.isalpha() else city


def sorted_by_place(names: Iterable[str], language: str) -> list[str]:
    """Sort names of zones by their places, accents aside."""
    return sorted(names, key=lambda name: (normalize("NFD", place(name, language)).casefold(), name))


def in_words(moment: date, where: ZoneInfo, language: str, form: str) -> str:
    """Return a local date or time in one of the forms. A date without a time is the same in every zone."""
    locale = locale_of(language)
    at = moment if isinstance(moment, datetime) else datetime.combine(moment, time(), where)
    return str(format_datetime(at, _pattern(locale, form), tzinfo=where, locale=locale))


@cache
def _pattern(locale: Locale, form: str) -> str:
    """Return a form's pattern (UTS 35)."""
    full, long, short = (str(locale.date_formats[size]) for size in ("full", "long", "medium"))
    hour = str(locale.time_formats["short"])
    return {DAY: long, WEEKDAY: full, HOUR: hour, MOMENT: f"{short}, {hour}", STAMP: f"{long}, {hour}"}[form]


def with_zone(moment: datetime, where: ZoneInfo, language: str, form: str) -> str:
    """Return the local time followed by the name of its zone: ``CEST``, or ``UTC+03`` where the zone has no letters."""
    name = moment.astimezone(where).tzname() or ""
    return f"{in_words(moment, where, language, form)} {name if name[:1].isalpha() else f'UTC{name}'}"
