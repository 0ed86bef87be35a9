"""Show the history of one's account in plain words."""

from dataclasses import dataclass

from flask import Blueprint, Response

from idp.identity.users import activity
from idp.identity.users.activity import History
from idp.signin.requirements import Needs
from idp.web import forms, pages
from idp.web.account.current_user import me

PLACE = "/account/activity"


@dataclass(frozen=True)
class ActivityPage:
    """Hold a page of the history; ``is_first``: it begins with the newest event."""

    username: str
    organisation_name: str
    history: History
    is_first: bool


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule(PLACE, "activity", show)


def show() -> Response:
    """Show the user's activity, newest first. ``before`` is where the page begins."""
    present = me(Needs(return_to=PLACE))
    before = forms.row_asked()
    history = activity.of_person(present.user, before)
    page = ActivityPage(present.user.username, present.organisation.name, history, before == 0)
    return pages.render("account/activity.html", page)
