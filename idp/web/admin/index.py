"""Show the console's front page: an administrator goes on to their organisation, an operator chooses one."""

from dataclasses import dataclass
from functools import partial

from flask import Blueprint, Response, url_for

from idp.errors import say, say_many
from idp.search_words import fits
from idp.store import operators, organisation_lists
from idp.store.names import ORGANISATION
from idp.store.operators import STORE_URL
from idp.store.organisation_lists import NameSought
from idp.store.organisations import Organisation
from idp.web import pages
from idp.web.admin import name_lists
from idp.web.admin.guard import entrance
from idp.web.admin.name_lists import Asked, Kind, Search
from idp.web.pagination import Pages, page_of


@dataclass(frozen=True)
class Choice:
    """Hold an organisation to choose."""

    store_url: str
    name: str
    is_disabled: bool = False


@dataclass(frozen=True)
class OrganisationsPage:
    """Hold the organisations that an operator's search finds, a page of them; their own goes first."""

    username: str
    organisation_name: str
    search: Search
    choices: tuple[Choice, ...]
    pages: Pages
    own_store_url: str = STORE_URL


DISABLED = "disabled"
LIST = Kind(
    "admin.front",
    (
        ("", say("Store URL, A to Z")),
        ("-store_url", say("Store URL, Z to A")),
        ("name", say("Name, A to Z")),
        ("-name", say("Name, Z to A")),
        ("-added", say("Newest first")),
        ("added", say("Oldest first")),
    ),
    say("More than 10,000 organisations"),
    (("", say("All organisations")), (DISABLED, say("Disabled organisations"))),
    say("Status: %(name)s"),
)


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/", "front", front)


def front() -> Response:
    """Show the first page of the console."""
    present = entrance()
    if present.organisation.kind == "retailer":
        return pages.see_other(url_for("admin.overview", store_url=present.organisation.store_url))
    page = OrganisationsPage(present.user.username, present.organisation.name, *_rows(name_lists.asked_of(LIST)))
    return pages.render("admin/organisations.html", page)


def _rows(asked: Asked) -> tuple[Search, tuple[Choice, ...], Pages]:
    found = organisation_lists.find_organisations(NameSought(asked.q, asked.sort, is_disabled=asked.only == DISABLED))
    place_of = partial(organisation_lists.place_of_organisation, asked.sort)
    rows, beside = page_of(LIST.list_of(asked), place_of, found.page, lambda row: row.store_url)
    own = [] if asked.only else _own(asked.q)
    shown = rows if beside.earlier else (*own, *rows)
    count = found.count() + len(own)
    search = name_lists.search(LIST, asked, count, say_many("%(num)s organisation", "%(num)s organisations", count))
    return search, tuple(Choice(row.store_url, row.name, row.disabled_at is not None) for row in shown), beside


def _own(typed: str) -> list[Organisation]:
    """Return the operators' own organisation, if a search finds it."""
    own = operators.installation()
    return [own] if own is not None and fits(ORGANISATION.text_of(own), typed) else []
