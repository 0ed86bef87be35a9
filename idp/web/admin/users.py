"""List the people of an organisation: search, filters, sorting, pages (S13). The address holds all of them."""

from dataclasses import dataclass

from flask import Blueprint, Response

from idp.store import operators
from idp.web import pages
from idp.web.admin import guard, people_list
from idp.web.admin.guard import Admin, Frame
from idp.web.admin.people_list import PeopleList
from idp.web.admin.people_search import EVERYBODY
from idp.web.admin.user_pages import HERE


@dataclass(frozen=True)
class PeoplePage:
    """Hold the list of people. ``may_import``: the organisation takes files of people."""

    frame: Frame
    people: PeopleList
    may_import: bool = True


def mount(blueprint: Blueprint) -> None:
    """Add this file's route."""
    blueprint.add_url_rule("/<store_url>/people", "people", show)


def show(store_url: str) -> Response:
    """List the users that a search finds."""
    admin = guard.administrator(store_url, or_installation=True)
    return pages.render("admin/users.html", page_of(admin, people_list.of(admin, EVERYBODY)))


def page_of(admin: Admin, listed: PeopleList) -> PeoplePage:
    """Return the page of the list of everybody."""
    return PeoplePage(admin.frame(HERE), listed, may_import=admin.organisation.store_url != operators.STORE_URL)
