"""Read what a list of people is searched for (S13, S66). The address holds all of it: words, filters, order, page.

``Listed`` says which list it is: everybody, the people of one shop, or those who can be added to a shop.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from flask import request

from idp.errors import Message, say
from idp.identity.roles import ROLE_NAMES
from idp.keyset import FEW
from idp.store import organisation_lists, organisations, user_states
from idp.store.organisations import Group, Shop
from idp.store.user_search import PeopleSought
from idp.store.user_states import STATES
from idp.web import forms
from idp.web.admin.guard import Admin
from idp.web.admin.user_pages import Choices
from idp.web.pagination import List, counted

PAGE = 25
MOST_CHOICES = 200
"""With more groups or shops there is no list of them here. Their own pages lead to their people."""
STATE_NAMES = {
    "no_factor": say("No second factor"),
    "factor": say("Has a second factor"),
    "passkey": say("Has a passkey"),
    "no_passkey": say("No passkey"),
    "never": say("Never signed in"),
    "no_email": say("No e-mail address"),
    "unverified": say("E-mail address not verified"),
    "disabled": say("Disabled"),
    "locked": say("Blocked"),
}
ORDER_NAMES = {
    "": say("Username, A to Z"),
    "-username": say("Username, Z to A"),
    "seen": say("Longest not signed in first"),
    "-seen": say("Last signed in first"),
    "-added": say("Newest first"),
    "added": say("Oldest first"),
}


@dataclass(frozen=True)
class Sought:
    """Hold a search; empty fields match everything. ``group`` and ``shop`` are ids."""

    q: str = ""
    role: str = ""
    group: str = ""
    shop: str = ""
    states: tuple[str, ...] = ()
    sort: str = ""

    @property
    def query(self) -> dict[str, Any]:
        """Return the search as the query of an address."""
        plain = {"q": self.q, "role": self.role, "group": self.group, "shop": self.shop, "sort": self.sort}
        return {**plain, "state": list(self.states)}

    @property
    def people(self) -> PeopleSought:
        """Return the search as the store takes it."""
        return PeopleSought(self.q, self.role, self.group, self.shop, self.states, self.sort)

    @property
    def is_everybody(self) -> bool:
        """Return whether nothing is asked."""
        return replace(self, sort="") == Sought()


@dataclass(frozen=True)
class Choice:
    """Hold what a list can be filtered by: the lists of a form. ``states``: those that can be added."""

    states: Choices
    roles: Choices
    groups: Choices
    shops: Choices
    orders: Choices


@dataclass(frozen=True)
class Filter:
    """Hold a filter that was chosen. ``address``: of the list without it."""

    label: Message
    address: str


@dataclass(frozen=True)
class Listed:
    """Name a list of people: its page, and the address to which a selection is posted.

    ``shop``: the one that the page is about, or None. ``is_whole``: the list has everybody, not only the people of the shop.
    """

    endpoint: str = "admin.people"
    select: str = "admin.select_people"
    shop: Shop | None = None
    is_whole: bool = True

    def at(self, admin: Admin, sought: Sought, endpoint: str = "") -> List:
        """Return the list as links name it: with the search, but without the shop that its path names."""
        there = {"store_url": admin.organisation.store_url, **({"shop_id": self.shop.id} if self.shop else {})}
        query = sought.query if self.is_whole else {**sought.query, "shop": ""}
        return List(endpoint or self.endpoint, {**there, **query}, PAGE)

    def address_asked(self, admin: Admin, sought: Sought, endpoint: str = "", **more: str) -> str:
        """Return the address of the list, at the page that this request names."""
        at = {name: value for name in ("after", "before") if (value := forms.asked(name))}
        return self.at(admin, sought, endpoint).link(**at, **more)

    def address_back(self, admin: Admin, sought: Sought) -> str:
        """Return where an act on a selection of this list leads: people who were added to a shop are in its own list."""
        if self.shop and self.is_whole:
            return List("admin.shop", {"store_url": admin.organisation.store_url, "shop_id": self.shop.id}).link()
        return self.address_asked(admin, sought)

    def sought(self, admin: Admin) -> Sought:
        """Return the search of this request."""
        return self.asked(admin)[0]

    def asked(self, admin: Admin) -> tuple[Sought, Choice]:
        """Return the search of this request, and what else can be chosen."""
        sought, choice = _asked(admin)
        return (sought if self.is_whole or self.shop is None else replace(sought, shop=self.shop.id)), choice

    def chips(self, admin: Admin, choice: Choice, sought: Sought) -> tuple[Filter, ...]:
        """Return the chosen filters, each with the address of the list without it."""
        without = partial(replace, sought)
        chosen: list[tuple[Message, Sought]] = []
        if sought.q:
            chosen.append((say("Search: %(words)s", words=sought.q), without(q="")))
        for name, (words, choices) in {
            "role": (say("Role: %(name)s"), choice.roles),
            "group": (say("Group: %(name)s"), choice.groups),
            **({"shop": (say("Shop: %(name)s"), choice.shops)} if self.is_whole else {}),
        }.items():
            if value := getattr(sought, name):
                chosen.append((words.about(name=dict(choices)[value]), without(**{name: ""})))
        chosen += [(STATE_NAMES[one], without(states=_others(sought.states, one))) for one in sought.states]
        return tuple(Filter(label, self.at(admin, rest).link()) for label, rest in chosen)


EVERYBODY = Listed()


def address_of(store_url: str, sought: Sought, endpoint: str = "admin.people") -> str:
    """Return the address of the list of everybody, or of what is about the same people."""
    return List(endpoint, {"store_url": store_url, **sought.query}).link()


def _asked(admin: Admin) -> tuple[Sought, Choice]:
    """Read the search of this request, and what else can be chosen. Whatever is unknown counts as not asked."""
    at = admin.organisation.id
    groups = _named(organisation_lists.groups(at, None, MOST_CHOICES + 1), organisations.group(at, forms.asked("group")))
    shops = _named(organisation_lists.shops(at, None, MOST_CHOICES + 1), organisations.shop(at, forms.asked("shop")))
    wanted = tuple(state for state in STATES if state in request.args.getlist("state"))
    choice = Choice(
        states=(("", say("Everybody")), *((state, name) for state, name in STATE_NAMES.items() if state not in wanted)),
        roles=(("", say("All roles")), *ROLE_NAMES.items()),
        groups=(("", say("All groups")), *groups),
        shops=(("", say("All shops")), *shops),
        orders=tuple(ORDER_NAMES.items()),
    )
    known = {"role": choice.roles, "group": choice.groups, "shop": choice.shops, "sort": choice.orders}
    values = {name: forms.asked(name) for name in known}
    kept = {name: value if value in dict(known[name]) else "" for name, value in values.items()}
    return Sought(q=forms.asked("q"), states=wanted, **kept), choice


def _named(rows: Sequence[Group] | Sequence[Shop], chosen: Group | Shop | None) -> Choices:
    few = () if len(rows) > MOST_CHOICES else rows
    return tuple((row.id, row.name) for row in (*few, *((chosen,) if chosen and chosen not in few else ())))


def with_counts(admin: Admin, choice: Choice) -> Choice:
    """Return the choices with the number of people in each state. It is right only while nothing else is filtered."""
    counts = user_states.counts(admin.organisation.id, FEW + 1)
    all_states = tuple(
        (state, say("%(name)s: %(count)s", name=name, count=counted(counts[state])) if state else name)
        for state, name in choice.states
    )
    return replace(choice, states=all_states)


def _others(states: tuple[str, ...], one: str) -> tuple[str, ...]:
    return tuple(other for other in states if other != one)
