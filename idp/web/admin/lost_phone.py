"""Help a person whose phone is lost: a one-time code for today, or the second factor is reset or removed. One page asks."""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, abort, request

from idp import factors
from idp.errors import Message, Refusal
from idp.identity.credentials import bypass_codes
from idp.store.users import User
from idp.web import forms, pages, post_redirect_get, reauthentication, request_context, unsaved
from idp.web.admin import guard
from idp.web.admin.guard import Admin, Frame
from idp.web.admin.user_actions import ACTIONS
from idp.web.admin.user_pages import HERE, address_of, person_at

BYPASS = "bypass-code"
ENDING = ("reset-factor", "remove-factor")


@dataclass(frozen=True)
class LostPhonePage:
    """Hold the question about one person. ``asks_password``: it has the field; ``me``: the reader's username for it.

    ``until``: when a code that is issued now ends. ``sentences``: what a reset and a removal do, by their names.
    """

    frame: Frame
    user_id: str
    username: str
    until: datetime
    sentences: dict[str, tuple[Message, ...]]
    me: str
    asks_password: bool
    errors: tuple[Message, ...] = ()


@dataclass(frozen=True)
class BypassCodePage:
    """Hold a one-time code, shown this once, and its end."""

    frame: Frame
    user_id: str
    username: str
    code: str
    until: datetime


def mount(blueprint: Blueprint) -> None:
    """Add this file's route."""
    path = "/<store_url>/people/<user_id>/lost-phone"
    blueprint.add_url_rule(path, "lost_phone", ask, methods=["GET", "POST"])


def ask(store_url: str, user_id: str) -> Response:
    """Ask what is to be done, and do it. Permission is checked before the question and again when it is done."""
    admin = guard.administrator(store_url, or_installation=True)
    user = person_at(admin, user_id)
    bypass_codes.require_may_issue(admin.organisation, user, admin.origin)
    if not factors.owned_by(user.organisation_id, user.id):
        abort(404)
    guard.administrator(store_url, fresh=True, or_installation=True)
    return _answer(admin, user) if request.method == "POST" else _page(admin, user)


def _answer(admin: Admin, user: User) -> Response:
    wrong = reauthentication.check_password(admin.me.user)
    if wrong is not None:
        return _page(admin, user, wrong, status=422)
    try:
        return _carry_out(admin, user, forms.fields().get("choice", ""))
    except Refusal as refusal:
        if refusal.status == 404:
            raise
        return _page(admin, user, refusal.message, status=unsaved.status_of(refusal))


def _carry_out(admin: Admin, user: User, choice: str) -> Response:
    settings, back = request_context.settings(), address_of(admin, user.id)
    if choice == BYPASS:
        code, until = bypass_codes.issue(settings, admin.organisation, user, admin.origin)
        post_redirect_get.land_at(back)
        page = BypassCodePage(admin.frame(HERE), user.id, user.username, code, until)
        return pages.render("admin/bypass_code.html", page)
    if choice not in ENDING:
        abort(404)
    action = ACTIONS[choice]
    made = action.do(settings, admin.organisation, user, admin.origin)
    return guard.told(admin, back, action.told(user, made))


def _page(admin: Admin, user: User, *errors: Message, status: int = 200) -> Response:
    named = {"username": user.username}
    page = LostPhonePage(
        frame=admin.frame(HERE),
        user_id=user.id,
        username=user.username,
        until=bypass_codes.until(admin.organisation),
        sentences={name: tuple(one.about(**named) for one in ACTIONS[name].sentences) for name in ENDING},
        me=admin.me.user.username,
        asks_password=reauthentication.must_ask_password(),
        errors=errors,
    )
    return pages.render("admin/lost_phone.html", page, status)
