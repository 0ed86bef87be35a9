"""Show the first page of an organisation: how many people are in each state. Each number leads to those people."""

from dataclasses import dataclass

from flask import Blueprint, Response

from idp.errors import Message
from idp.keyset import FEW
from idp.store import user_states
from idp.web import pages
from idp.web.admin import guard
from idp.web.admin.guard import Admin, Frame
from idp.web.admin.people_search import STATE_NAMES, Sought, address_of
from idp.web.pagination import counted

HERE = "overview"
ATTENTION = ("no_factor", "never", "locked", "unverified", "no_email")
"""What an administrator may want to change, first what matters most."""


@dataclass(frozen=True)
class Number:
    """Hold a number of people, and the address of their list."""

    label: Message
    count: Message | int
    address: str


@dataclass(frozen=True)
class OverviewPage:
    """Hold the numbers of an organisation. ``is_new``: there is nobody yet but its administrator."""

    frame: Frame
    everybody: Message | int
    attention: tuple[Number, ...]
    others: tuple[Number, ...]
    is_new: bool


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/<store_url>/overview", "overview", show)


def show(store_url: str) -> Response:
    """Show the numbers."""
    return pages.render("admin/overview.html", _page(guard.administrator(store_url, or_installation=True)))


def _page(admin: Admin) -> OverviewPage:
    at = admin.organisation
    counts = user_states.counts(at.id, FEW + 1)
    numbers = {
        state: Number(name, counted(counts[state]), address_of(at.store_url, Sought(states=(state,))))
        for state, name in STATE_NAMES.items()
    }
    return OverviewPage(
        frame=admin.frame(HERE),
        everybody=counted(counts[user_states.EVERYBODY]),
        attention=tuple(numbers[state] for state in ATTENTION),
        others=tuple(number for state, number in numbers.items() if state not in ATTENTION),
        is_new=counts[user_states.EVERYBODY] <= 1,
    )
