"""List the people of an organisation: search, filters, sorting, pages (S13). The address holds all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from flask import Blueprint, Response, request

from idp.errors import Message, say
from idp.identity import permissions
from idp.identity.accounts.bulk import MOST
from idp.identity.roles import ROLE_NAMES
from idp.store import operators, organisation_lists, organisations, user_search, user_states
from idp.store.organisations import Group, Shop
from idp.store.user_search import Found, PeopleSought
from idp.store.user_states import STATES
from idp.store.users import User
from idp.web import forms, pages
from idp.web.admin import guard
from idp.web.admin.bulk_words import WORDS
from idp.web.admin.guard import Admin, Frame
from idp.web.admin.person import Person
from idp.web.admin.user_pages import HERE, Choices
from idp.web.pagination import List, Pages, counted, page_of, people

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
class Row:
    """Hold a person in the list. ``may_change``: whether the reader may edit them."""

    person: Person
    role: Message
    factor: Message
    may_change: bool


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
class Selection:
    """Hold what can be done with several people at once, and who is ticked.

    ``acts``: below a heading (empty for none) the values and words to choose from. ``address``: where it is posted.
    ``all``: this page with everybody ticked. ``found``: how many the filter finds; 0 if they cannot be chosen together.
    """

    acts: tuple[tuple[Message | None, Choices], ...]
    address: str
    all: str
    found: int
    ticked: frozenset[str] = frozenset()
    act: str = ""


@dataclass(frozen=True)
class PeoplePage:
    """Hold a page of people. ``chips``: the chosen filters; ``clear``: the list without them."""

    frame: Frame
    sought: Sought
    choice: Choice
    chips: tuple[Filter, ...]
    clear: str
    rows: tuple[Row, ...]
    count: Message
    pages: Pages
    csv: str
    selection: Selection
    errors: tuple[Message, ...] = ()
    may_import: bool = True


def mount(blueprint: Blueprint) -> None:
    """Add this file's route."""
    blueprint.add_url_rule("/<store_url>/people", "people", show)


def show(store_url: str) -> Response:
    """List the users that a search finds."""
    return pages.render("admin/users.html", _list(guard.administrator(store_url, or_installation=True)))


def show_again(admin: Admin, wrong: Message, ticked: frozenset[str], act: str) -> Response:
    """Show the list with what was wrong with a selection."""
    page = _list(admin)
    selection = replace(page.selection, ticked=ticked, act=act)
    return pages.render("admin/users.html", replace(page, selection=selection, errors=(wrong,)), 422)


def sought_in(admin: Admin) -> Sought:
    """Return the search of this request."""
    return _asked(admin)[0]


def address_asked(admin: Admin, endpoint: str = "admin.people", **more: str) -> str:
    """Return the address of the list, at the page that this request names."""
    at = {name: value for name in ("after", "before") if (value := forms.asked(name))}
    return List(endpoint, {"store_url": admin.organisation.store_url, **sought_in(admin).query}).link(**at, **more)


def address_of(store_url: str, sought: Sought, endpoint: str = "admin.people") -> str:
    """Return the address of a list, or of what is about the same people."""
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


def _list(admin: Admin) -> PeoplePage:
    at = admin.organisation
    sought, choice = _asked(admin)
    found = Found(at.id, sought.people)
    count = found.count()
    rows, beside = page_of(
        List("admin.people", {"store_url": at.store_url, **sought.query}, PAGE),
        partial(user_search.place_of, at.id, sought.sort),
        found.page,
        lambda row: row.id,
    )
    return PeoplePage(
        frame=admin.frame(HERE),
        may_import=at.store_url != operators.STORE_URL,
        sought=sought,
        choice=_with_counts(admin, choice) if sought.is_everybody else choice,
        chips=_chips(admin, choice, sought),
        clear=address_of(at.store_url, Sought(sort=sought.sort)),
        rows=_rows(admin, rows),
        count=people(count),
        pages=beside,
        csv=address_of(at.store_url, sought, "admin.export_people"),
        selection=_selection(admin, choice, rows, count),
    )


def _selection(admin: Admin, choice: Choice, rows: Sequence[User], count: int) -> Selection:
    targets = {"": (("", ""),), "group": choice.groups[1:], "shop": choice.shops[1:]}
    plain = tuple((name, words.label) for name, words in WORDS.items() if not words.target)
    listed = [
        (words.label, tuple((f"{name}:{key}", label) for key, label in targets[words.target]))
        for name, words in WORDS.items()
        if words.target and targets[words.target]
    ]
    is_ticked = forms.asked("tick") == "all"
    return Selection(
        acts=((None, plain), *listed),
        address=address_asked(admin, "admin.select_people"),
        all=address_asked(admin, tick="all"),
        found=count if len(rows) < count <= MOST else 0,
        ticked=frozenset(row.id for row in rows) if is_ticked else frozenset(),
    )


def _with_counts(admin: Admin, choice: Choice) -> Choice:
    """Return the choices with the number of people in each state. It is right only while nothing else is filtered."""
    counts = user_states.counts(admin.organisation.id, user_search.FEW + 1)
    all_states = tuple(
        (state, say("%(name)s: %(count)s", name=name, count=counted(counts[state])) if state else name)
        for state, name in choice.states
    )
    return replace(choice, states=all_states)


def _chips(admin: Admin, choice: Choice, sought: Sought) -> tuple[Filter, ...]:
    """Return the chosen filters, each with the address of the list without it."""
    without = partial(replace, sought)
    chosen: list[tuple[Message, Sought]] = []
    if sought.q:
        chosen.append((say("Search: %(words)s", words=sought.q), without(q="")))
    for name, (words, choices) in {
        "role": (say("Role: %(name)s"), choice.roles),
        "group": (say("Group: %(name)s"), choice.groups),
        "shop": (say("Shop: %(name)s"), choice.shops),
    }.items():
        if value := getattr(sought, name):
            chosen.append((words.about(name=dict(choices)[value]), without(**{name: ""})))
    chosen += [
        (STATE_NAMES[one], without(states=tuple(other for other in sought.states if other != one))) for one in sought.states
    ]
    return tuple(Filter(label, address_of(admin.organisation.store_url, rest)) for label, rest in chosen)


def _rows(admin: Admin, found: Sequence[User]) -> tuple[Row, ...]:
    """Describe the people found. The right to change them depends on their role, so it is checked once for each role."""
    one_of = {row.role: row for row in found}
    over = {role: permissions.is_over(admin.organisation, row, admin.origin) for role, row in one_of.items()}
    return tuple(
        Row(Person.of(row, admin.organisation.zone), ROLE_NAMES[row.role], _factor(row), over[row.role]) for row in found
    )


def _factor(row: User) -> Message:
    if row.has_passkey:
        return say("Passkey")
    return say("Active") if row.has_factor else say("None")
