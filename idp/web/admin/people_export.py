"""Export the people that a search finds as CSV (S13). The address holds the search."""

from flask import Blueprint, Response

from idp.identity import policy_dry_run
from idp.identity.exports import files
from idp.identity.exports.files import Wanted
from idp.identity.users import export as user_export
from idp.store import user_search
from idp.web.admin import exports, guard
from idp.web.admin.people_search import EVERYBODY
from idp.web.downloads import separator


def mount(blueprint: Blueprint) -> None:
    """Add this file's route."""
    blueprint.add_url_rule("/<store_url>/people/export.csv", "export_people", export, methods=["GET", "POST"])


def export(store_url: str) -> Response:
    """Export the people that the search finds."""
    admin = guard.administrator(store_url, or_installation=True)
    at, sought = admin.organisation.id, EVERYBODY.sought(admin).people
    name = f"people-{store_url}-{policy_dry_run.today(admin.organisation)}.csv"
    wanted = Wanted(files.PEOPLE, sought, name, separator=separator())
    lines = user_export.as_csv(at, sought, wanted.separator)
    return exports.send(admin, wanted, user_search.count_found(at, sought), lines)
