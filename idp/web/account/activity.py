"""What happened to one's account, in plain words."""

from dataclasses import dataclass

from flask import Blueprint, Response, request

from idp.identity.users import activity
from idp.identity.users.activity import History
from idp.signin.requirements import Needs
from idp.web import pages
from idp.web.account.current_user import me

PLACE = "/account/activity"
MOST_DIGITS = 18


@dataclass(frozen=True)
class ActivityPage:
    """A page of the history; ``is_first`` where it begins with now."""

    username: str
    organisation_name: str
    history: History
    is_first: bool


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule(PLACE, "activity", show)


def show() -> Response:
    """The newest first; ``before`` goes back."""
    present = me(Needs(return_to=PLACE))
    typed = request.args.get("before", "")
    before = int(typed) if typed.isascii() and typed.isdecimal() and len(typed) <= MOST_DIGITS else 0
    history = activity.of_person(present.user, before)
    page = ActivityPage(present.user.username, present.organisation.name, history, before == 0)
    return pages.render("account/activity.html", page)
