"""Show the console's front page: an administrator goes on to their organisation, an operator chooses one."""

from dataclasses import dataclass
from functools import partial
from operator import itemgetter

from flask import Blueprint, Response, url_for

from idp.identity.organisations import organisations
from idp.keyset import Place
from idp.store.operators import STORE_URL
from idp.web import forms, pages
from idp.web.admin.guard import entrance
from idp.web.pagination import List, Pages, page_of


@dataclass(frozen=True)
class Choice:
    """Hold an organisation to choose."""

    store_url: str
    name: str
    is_disabled: bool = False


@dataclass(frozen=True)
class OrganisationsPage:
    """Hold the organisations of an operator that have ``q`` in them, a page of them."""

    username: str
    organisation_name: str
    q: str
    choices: tuple[Choice, ...]
    pages: Pages
    own_store_url: str = STORE_URL


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/", "front", front)


def front() -> Response:
    """Show the first page of the console."""
    present = entrance()
    if present.organisation.kind == "retailer":
        return pages.see_other(url_for("admin.overview", store_url=present.organisation.store_url))
    q = forms.asked("q")
    rows, beside = page_of(List("admin.front", {"q": q}), _place_of, partial(organisations.search, q), itemgetter(0))
    choices = tuple(Choice(store_url, name, since is not None) for store_url, name, since in rows)
    page = OrganisationsPage(present.user.username, present.organisation.name, q, choices, beside)
    return pages.render("admin/organisations.html", page)


def _place_of(name: str, *, is_before: bool) -> Place:
    """Return the place of a store URL, even if it is gone. The operators' own comes first."""
    return Place(("" if name == STORE_URL else name,), is_before)
