"""Read the filter of the audit log from the address: kind, person, app, shop, IP address and days, with presets of days."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from zoneinfo import ZoneInfo

from flask import url_for

from idp import clock, zones
from idp.audit import WRONG, Event
from idp.checks import NOT_A_DATE
from idp.errors import Invalid, Message, say
from idp.identity.users import lookup
from idp.store import audit as store
from idp.store import clients, organisation_lists, organisations
from idp.store.audit import Sought
from idp.web import forms
from idp.web.admin.guard import Admin
from idp.web.admin.people_search import MOST_CHOICES

FIELDS = ("trail", "event", "username", "client", "shop", "address", "since", "until")
KINDS: Mapping[str, tuple[Message, tuple[str, ...]]] = {
    "sign-ins": (say("Sign-ins"), (Event.SIGNED_IN, Event.GRANT_ISSUED, Event.TERMINAL_APPROVED)),
    "wrong": (say("Wrong attempts and blocked sign-ins"), (*sorted(WRONG), Event.ACCOUNT_LOCKED)),
    "people": (
        say("Changes to people"),
        (Event.USER_CREATED, Event.USER_CHANGED, Event.USER_DISABLED, Event.USER_ENABLED, Event.INVITED),
    ),
}
"""Kinds of several events, by their name in the address."""
DAYS = ((say("Today"), 0, 0), (say("Yesterday"), 1, 1), (say("Last 7 days"), 6, 0))
"""The presets: how many days ago each begins and ends."""
SHOP_DAYS, MOST_SHOP_DAYS = 6, 30
"""A search for a shop reads a week where no first day is entered, and a month at most: its people's events have no index."""
Choices = tuple[tuple[str, Message | str], ...]


@dataclass(frozen=True)
class Preset:
    """Hold a range of days to choose with one press. ``is_on``: it is chosen now."""

    label: Message
    address: str
    is_on: bool


@dataclass(frozen=True)
class Filter:
    """Hold the form of the filter: ``asked`` as it was entered, by the names of the fields. ``zone``: of the days.

    ``shops``: to choose from; none where there are too many, and a code is typed.
    """

    asked: Mapping[str, str]
    zone: str
    presets: tuple[Preset, ...]
    clients: Choices
    shops: Choices
    wrong: str = ""
    """The field that has an error."""

    @property
    def is_on(self) -> bool:
        """Return whether anything but the log itself is asked."""
        return any(value for name, value in self.asked.items() if name != "trail")


def chain_id(admin: Admin) -> str:
    """Return the id of this organisation's chain, or of the installation's for operators who ask for it."""
    of_installation = admin.is_operator and forms.asked("trail") == "installation"
    return store.INSTALLATION if of_installation else admin.organisation.id


def read(admin: Admin) -> tuple[Filter, Sought, tuple[Message, ...]]:
    """Return the filter that the address asks for, what the store looks for, and what is wrong."""
    at = admin.organisation
    asked = {name: forms.asked(name, 254) for name in FIELDS}
    few = organisation_lists.shops(at.id, None, MOST_CHOICES + 1)
    shop_id, asked["shop"], no_shop = _shop(admin, asked["shop"], is_typed=len(few) > MOST_CHOICES)
    today = zones.today(clock.now(), at.zone)
    if asked["shop"]:
        asked["since"] = _first_day(asked["since"], asked["until"], today)
    since, wrong_since = _begins("since", asked["since"], at.zone)
    until, wrong_until = _begins("until", asked["until"], at.zone, after=True)
    kind = KINDS.get(asked["event"])
    sought = Sought(
        event="" if kind else asked["event"][:60],
        since=since,
        until=until,
        events=kind[1] if kind else (),
        client_id=asked["client"],
        address=_address(asked["address"]),
        shop_id=shop_id,
    )
    user_id, unknown = _person(admin, asked["username"])
    faults = {"username": unknown, "shop": no_shop, "since": wrong_since, "until": wrong_until}
    wrong = next((name for name, errors in faults.items() if errors), "")
    serving = tuple((row.client_id, row.name) for row in clients.serving(at.id))
    form = Filter(
        asked,
        at.zone.key,
        tuple(_preset(admin, asked, today, *preset) for preset in DAYS),
        (("", say("All apps")), *serving),
        () if len(few) > MOST_CHOICES else (("", say("All shops")), *((shop.id, shop.name) for shop in few)),
        wrong,
    )
    return form, replace(sought, user_id=user_id), faults.get(wrong, ())


def address_of(admin: Admin, endpoint: str, asked: Mapping[str, str], **more: Any) -> str:
    """Return the address of a page with the same filter."""
    kept = {name: value for name, value in asked.items() if value}
    return url_for(endpoint, store_url=admin.organisation.store_url, **{**kept, **more})


def _preset(admin: Admin, asked: Mapping[str, str], today: date, label: Message, first: int, last: int) -> Preset:
    days = {
        "since": (today - timedelta(days=first)).isoformat(),
        "until": (today - timedelta(days=last)).isoformat(),
    }
    is_on = all(asked[name] == day for name, day in days.items())
    return Preset(label, address_of(admin, "admin.audit", {**asked, **days}), is_on)


def _person(admin: Admin, username: str) -> tuple[str, tuple[Message, ...]]:
    if not username:
        return "", ()
    user = lookup.find(admin.organisation.id, username)
    if user is not None:
        return user.id, ()
    return "-", (say("There is nobody with the username “%(username)s”.", username=username),)


def _shop(admin: Admin, asked: str, *, is_typed: bool) -> tuple[str, str, tuple[Message, ...]]:
    """Return the id of a shop that is asked for by id or code, what the form shows of it, and the error if there is none."""
    if not asked:
        return "", "", ()
    shop = organisations.shop(admin.organisation.id, asked) or organisations.shop_at(admin.organisation.id, asked)
    if shop is not None:
        return shop.id, shop.code if is_typed else shop.id, ()
    return "-", asked, (say("There is no shop with the code “%(code)s”.", code=asked),)


def _address(typed: str) -> str:
    """Return an IP address in the form that rows have."""
    try:
        return str(ip_address(typed)) if typed else ""
    except ValueError:
        return typed[:45]


def _first_day(since: str, until: str, today: date) -> str:
    """Return the first day to look for a shop in: the one that was asked for, within the bounds. A wrong one stays."""
    try:
        last = forms.day("until", until) if until else today
        least = last - timedelta(days=MOST_SHOP_DAYS if since else SHOP_DAYS)
        return (max(forms.day("since", since), least) if since else least).isoformat()
    except (Invalid, OverflowError):
        return since


def _begins(name: str, typed: str, zone: ZoneInfo, *, after: bool = False) -> tuple[datetime | None, tuple[Message, ...]]:
    """Return when a day begins in a zone (``after``: ends), and the error if it is no day."""
    if not typed:
        return None, ()
    try:
        return zones.day_begins(forms.day(name, typed) + timedelta(days=int(after)), zone), ()
    except Invalid as wrong:
        return None, (wrong.message,)
    except (ValueError, OverflowError):  # the first or last day of the calendar, which the zone moves out of it
        return None, (NOT_A_DATE,)
