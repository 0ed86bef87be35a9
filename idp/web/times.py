"""Show dates and times on pages: in the reader's zone and language, each in a ``<time>`` element with the exact moment."""

import re
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, g
from flask_babel import get_locale
from markupsafe import Markup, escape

from idp import zones
from idp.errors import Message
from idp.languages import SOURCE, country_name
from idp.web import language
from idp.zones import DAY, HOUR, MOMENT, WEEKDAY

WITHIN, NO_BREAK = re.compile(r"(?<!,) "), "\u00a0"


def setup_times(app: Flask) -> None:
    """Add the filters ``day``, ``weekday``, ``hour``, ``moment``, ``country``, ``place`` and ``number``.

    ``_`` takes their elements.
    """
    app.jinja_env.filters.update(day=day, weekday=weekday, hour=hour, moment=moment, country=country, place=place)
    app.jinja_env.filters.update(number=language.number)
    app.jinja_env.globals.update(_=translated, ngettext=translated_plural)


def read_in(zone: ZoneInfo) -> None:
    """Show this request's times in a zone: the reader's (``User.zone``)."""
    g.zone = zone


def zone() -> ZoneInfo:
    """Return the time zone of this request's reader; UTC if nobody is known."""
    found: ZoneInfo = g.get("zone") or ZoneInfo("UTC")
    return found


def zone_choices(otherwise: Message, chosen: str) -> tuple[tuple[str, Message | str], ...]:
    """Return the time zones to choose from by city, as values and words. ``otherwise``: what no choice means."""
    found = zones.sorted_by_place({*zones.choices(), *filter(None, (chosen,))}, _language())
    return (("", otherwise), *((name, Message("%(zone)s", {"zone": zones.Named(name)})) for name in found))


def zone_in_words(zone: zones.Named) -> str:
    """Return the city and country of a time zone in the page's language."""
    return place(zone.name)


def place(name: str) -> str:
    """Return the city and country of a zone's name."""
    return zones.place(name, _language())


def country(code: str) -> str:
    """Return the name of a country in the page's language."""
    return country_name(code, _language())


def day(value: date) -> Markup:
    """Format a date: of a moment in the reader's zone, or one that is the same in every zone (of a dated rule)."""
    if isinstance(value, datetime):
        return _element(value, _words(value, DAY))
    return _timed(value.isoformat(), day_in_words(value))


def day_in_words(value: date) -> str:
    """Format a date without a zone as plain text that no line ends within."""
    return WITHIN.sub(NO_BREAK, zones.in_words(value, zone(), _language(), DAY))


def weekday(value: datetime) -> Markup:
    """Format a date with its day of the week."""
    return _element(value, _words(value, WEEKDAY))


def hour(value: datetime) -> Markup:
    """Format a time to the minute, with its zone."""
    return _element(value, zones.with_zone(value, zone(), _language(), HOUR))


def moment(value: datetime) -> Markup:
    """Format a date and a time to the minute, with its zone."""
    return _element(value, zones.with_zone(value, zone(), _language(), MOMENT))


def translated(text: str, **values: Any) -> str:
    """Wrap ``gettext`` for templates: values may be elements, and all others are escaped."""
    return _marked(language.on_page(text, _escaped(values)), values)


def translated_plural(one: str, many: str, num: int, **values: Any) -> str:
    """Wrap ``ngettext`` for templates, likewise."""
    return _marked(language.on_page(one, _escaped({"num": num, **values}), many), values)


def _holds_elements(values: dict[str, Any]) -> bool:
    return any(isinstance(value, Markup) for value in values.values())


def _escaped(values: dict[str, Any]) -> dict[str, Any]:
    if not _holds_elements(values):
        return values
    return {name: escape(value) if isinstance(value, str) else value for name, value in values.items()}


def _marked(text: str, values: dict[str, Any]) -> str:
    """Mark the catalogue's own words as safe: they are reviewed, and a test keeps "<" out of them."""
    return Markup(text) if _holds_elements(values) else text  # noqa: S704 – every value was escaped above


def _language() -> str:
    return str(get_locale() or SOURCE)


def _words(value: datetime, form: str) -> str:
    return zones.in_words(value, zone(), _language(), form)


def _element(value: datetime, words: str) -> Markup:
    return _timed(zones.exact(value.astimezone(UTC)), words)


def _timed(machine: str, words: str) -> Markup:
    """Return the element. A line ends before a date, or after its comma, and never within "20 November 2026"."""
    return Markup('<time datetime="{}">{}</time>').format(machine, WITHIN.sub(NO_BREAK, words))
