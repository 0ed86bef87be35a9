"""Change the organisation's own settings: name, colour, languages, passwords, notices, lengths of sessions and trust."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Blueprint, Response, url_for

from idp import zones
from idp.branding import is_colour
from idp.db import transaction
from idp.errors import Invalid, Message, Refusal, say
from idp.identity.organisations import organisations
from idp.identity.organisations.organisations import RESERVED
from idp.identity.organisations.settings import NUMBERS
from idp.identity.pictures import MOST_BYTES
from idp.languages import LANGUAGES
from idp.store import organisations as store
from idp.store.organisations import Organisation
from idp.web import edited, pages, request_context, times, unsaved
from idp.web.admin import guard
from idp.web.admin.guard import Admin, Frame
from idp.web.admin.user_pages import Choices
from idp.web.unsaved import Fields

HERE = "settings"


@dataclass(frozen=True)
class Number:
    """Describe a setting that is a whole number between two bounds."""

    name: str
    label: Message
    hint: Message
    least: int
    most: int


@dataclass(frozen=True)
class SettingsPage:
    """Hold the settings as stored or entered: ``values`` of ``numbers`` and texts, ``ticked`` boxes."""

    frame: Frame
    values: dict[str, str]
    ticked: frozenset[str]
    numbers: tuple[Number, ...]
    zones: Choices
    was: str
    """The state that the form was filled in from."""
    wrong: str = ""
    errors: tuple[Message, ...] = ()
    logo_errors: tuple[Message, ...] = ()
    most_logo_mb: int = MOST_BYTES // 1_048_576


TICKS = ("remembered_device_counts", "offer_set_up")


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/<store_url>/settings", "settings", settings, methods=["GET", "POST"])


def settings(store_url: str) -> Response:
    """Show the settings. A posted form changes them."""
    admin = guard.administrator(store_url, fresh=True)
    return unsaved.answer(
        lambda: pages.render("admin/settings.html", page_of(admin)), partial(_again, admin), partial(_save, admin)
    )


def _save(admin: Admin, form: Fields) -> Response:
    with transaction():
        present = store.lock_organisation(admin.organisation.id) or admin.organisation
        edited.check(form, _stored(present))
        organisations.change(admin.organisation, _values_of(admin, form), admin.origin)
    back = url_for("admin.settings", store_url=admin.organisation.store_url)
    return guard.told(admin, back, say("The settings are saved."))


def _numbers() -> tuple[Number, ...]:
    """Return the numbers, each up to the highest that has an effect."""
    settings = request_context.settings()
    return tuple(
        Number(name, number.label, number.unit, number.least, number.highest(settings)) for name, number in NUMBERS.items()
    )


def _values_of(admin: Admin, form: dict[str, str]) -> dict[str, Any]:
    """Read the form in the shape that ``organisations.change`` takes. Only operators change what is reserved for them."""
    chosen: dict[str, Any] = {number.name: _whole(number, form.get(number.name, "")) for number in _numbers()}
    if admin.is_operator:
        chosen |= {name: name in form for name in RESERVED}
    chosen |= {name: name in form for name in TICKS} | {"colour": _colour(form.get("colour", ""))}
    chosen["languages"] = _languages(form)
    values: dict[str, Any] = {"name": form.get("name", ""), "settings": chosen}
    if "time_zone" in form:
        values["time_zone"] = form["time_zone"]
    if "country" in form:
        values["country"] = form["country"].strip().upper()
    if "integrations" in form:
        values["integrations"] = [entry.strip() for entry in form["integrations"].split(",") if entry.strip()]
    return values


def _languages(form: dict[str, str]) -> list[str]:
    """Return the ticked languages, the chosen first one in front."""
    first = form.get("first_language", "")
    if first and first not in LANGUAGES:
        raise Invalid("first_language", say("Choose one of the languages."))
    ticked = [language for language in LANGUAGES if f"language-{language}" in form]
    if not ticked:
        raise Invalid("languages", say("Choose at least one language."))
    return sorted(ticked, key=lambda language: language != first)


def _colour(typed: str) -> str:
    """Return the colour as it is stored. It may be entered with or without its sign, in any case."""
    digits = typed.strip().lower().removeprefix("#")
    if digits and not is_colour(f"#{digits}"):
        raise Invalid("colour", say("Write the colour as # and six digits, for example #0b3d91, or leave it empty."))
    return f"#{digits}" if digits else ""


def _whole(number: Number, typed: str) -> int:
    fits = typed.isascii() and typed.isdecimal() and len(typed) < 6 and number.least <= int(typed) <= number.most
    if not fits:
        words = say("Fill in a whole number from %(least)s to %(most)s.", least=number.least, most=number.most)
        raise Invalid(number.name, words)
    return int(typed)


def page_of(admin: Admin, logo_errors: tuple[Message, ...] = ()) -> SettingsPage:
    """Make the page of the present settings. ``logo_errors``: what was wrong with a logo."""
    at, terms = admin.organisation, admin.terms
    values = {number.name: str(getattr(terms, number.name)) for number in _numbers()}
    values |= {"name": at.name, "colour": terms.colour, "country": at.country, "integrations": ", ".join(at.integrations)}
    values |= {"time_zone": at.time_zone, "first_language": terms.languages[0]}
    ticked = {name for name in (*TICKS, *RESERVED) if getattr(terms, name)} | {
        f"language-{language}" for language in terms.languages
    }
    was = edited.state_of(_stored(at))
    return SettingsPage(admin.frame(HERE), values, frozenset(ticked), _numbers(), _zones(at), was, logo_errors=logo_errors)


def _stored(at: Organisation) -> dict[str, str]:
    columns = {name: str(getattr(at, name)) for name in ("name", "country", "time_zone", "integrations")}
    return columns | {"settings": repr(sorted(at.settings.items()))}


def _zones(at: Organisation) -> Choices:
    of_country = say("Same as the country: %(zone)s", zone=zones.Named(zones.default_of(at.country)))
    return times.zone_choices(of_country, at.time_zone)


def _again(admin: Admin, form: Fields, refusal: Refusal | None) -> Response:
    stored = page_of(admin)
    values = {name: form.get(name, value) for name, value in stored.values.items()}
    wrong = refusal.field if isinstance(refusal, Invalid) else ""
    errors = (refusal.message,) if refusal else ()
    was = edited.shown(form, _stored(admin.organisation), refusal)
    page = SettingsPage(stored.frame, values, frozenset(form), stored.numbers, stored.zones, was, wrong, errors)
    return pages.render("admin/settings.html", page, 422 if refusal else 200)
