"""Undo an act about shops: everybody gets the shops back that they had before, unless those were changed since."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Blueprint, Response, url_for

from idp.errors import say, say_many
from idp.identity.accounts import bulk
from idp.identity.accounts.bulk import Outcome
from idp.store import organisations, user_search
from idp.web import forms, request_context, stash
from idp.web.admin import bulk_words, guard
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin
from idp.web.admin.user_pages import HERE

KEPT, SECONDS = "undo", 3600
GONE = say("This can no longer be undone here. Change the shops of these people by hand.")


def mount(blueprint: Blueprint) -> None:
    """Add this file's route."""
    blueprint.add_url_rule("/<store_url>/people/undo", "undo_people", undo, methods=["GET", "POST"])


def address(admin: Admin, outcome: Outcome, kept: Mapping[str, Any]) -> str:
    """Return where an act can be undone, within an hour and in this browser; empty where it changed no shops."""
    if not outcome.shops:
        return ""
    value = {"shops": outcome.shops, "back": kept["back"], "here": kept.get("here", HERE), "shop": kept.get("shop", "")}
    reference = stash.put(KEPT, value, SECONDS, admin.me.user.id)
    return url_for("admin.undo_people", store_url=admin.organisation.store_url, of=reference)


def undo(store_url: str) -> Response:
    """Ask, then give the shops back."""
    admin = guard.administrator(store_url)
    kept = stash.get(KEPT, forms.asked("of"), admin.me.user.id)
    if kept is None:
        return guard.told(admin, url_for("admin.people", store_url=store_url), GONE)
    admin = guard.administrator(store_url, fresh=True)
    return confirm_then(admin, kept["here"], _question(admin, kept), partial(_give_back, admin, kept))


def _question(admin: Admin, kept: Mapping[str, Any]) -> Question:
    people = user_search.chosen(admin.organisation.id, list(kept["shops"]))
    return Question(
        say_many("Give %(num)s person the former shops back?", "Give %(num)s people the former shops back?", len(people)),
        (
            say("This is about: %(names)s", names=bulk_words.names(people)),
            say("They get the shops back that they had just before. If somebody's shops were changed since, they stay."),
        ),
        say("Give the shops back"),
        kept["back"],
        asks_password=False,
    )


def _give_back(admin: Admin, kept: Mapping[str, Any]) -> Response:
    outcome = bulk.give_back(request_context.settings(), admin.organisation, kept["shops"], admin.origin)
    done = say_many("%(num)s person has the former shops again.", "%(num)s people have the former shops again.", 0)
    told = bulk_words.told(done.about(num=outcome.changed), outcome)
    is_closed = kept["shop"] and organisations.shop(admin.organisation.id, kept["shop"]) is None
    people = url_for("admin.people", store_url=admin.organisation.store_url)
    return guard.told(admin, people if is_closed else kept["back"], told)
