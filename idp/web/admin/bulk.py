"""Do one thing to the people selected in the list: choose them, read on one page what will happen, confirm.

The selection is kept in the stash, for this browser and this person: five hundred ids fit in no address.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from flask import Blueprint, Response, abort, request, url_for

from idp.errors import Invalid, Message, say, say_many
from idp.identity.accounts import bulk
from idp.identity.accounts.bulk import MOST, NOTHING, Act, Outcome, Plan, Target
from idp.identity.organisations.shops import NO_OTHER
from idp.identity.sensitive_changes import Confirmation
from idp.store import memberships, organisations, user_search
from idp.store.organisations import Shop
from idp.web import forms, pages, request_context, stash
from idp.web.admin import bulk_undo, bulk_words, guard, people_list, shops, users
from idp.web.admin.bulk_words import WORDS, Words
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin
from idp.web.admin.people_list import PeopleList
from idp.web.admin.people_search import EVERYBODY, Listed, Sought
from idp.web.admin.user_pages import HERE
from idp.web.pagination import List

SELECTION, SECONDS = "selection", 3600
BOX = "person-"
NOBODY = say("Nobody is selected. Tick people in the list first.")
NOTHING_CHOSEN = say("Choose what to do with the selected people.")
GONE = say("The selection is no longer there. Select the people again.")
NO_TARGET = say("The group or shop that you chose no longer exists. Nothing has been changed.")
NO_CHOICE = say("Choose the shop first.")
TOO_MANY = say_many(
    "Choose at most %(num)s person at once: filter the list.",
    "Choose at most %(num)s people at once: filter the list.",
    MOST,
)


@dataclass(frozen=True)
class Chosen:
    """Hold what was chosen: an act, the words for it, and the group or shop that it is about. ``to``: the new shop."""

    name: str
    act: Act
    words: Words
    target: Target = NOTHING
    label: str = ""
    shop: Shop | None = None
    to: str = ""


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    at = "/<store_url>/people/selection"
    blueprint.add_url_rule(at, "select_people", select, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{at}/<act>", "act_on_people", confirm, methods=["GET", "POST"])


def select(store_url: str) -> Response:
    """Take the ticked people of the list, or everybody that its filter finds, on to the question."""
    admin = guard.administrator(store_url, or_installation=True)
    return take(admin, EVERYBODY, lambda shown: pages.render("admin/users.html", users.page_of(admin, shown), 422))


def take(admin: Admin, listed: Listed, again: Callable[[PeopleList], Response]) -> Response:
    """Take the people selected in a list on to the question. ``again`` shows the list with what is wrong."""
    sought = listed.sought(admin)
    if request.method != "POST":
        return pages.see_other(listed.address_asked(admin, sought))
    form = forms.fields()
    ticked = [name.removeprefix(BOX) for name in form if name.startswith(BOX)]
    ids, act = _everybody(admin, sought) if "everybody" in form else ticked, form.get("act", "")
    if wrong := _wrong(act, ids):
        return again(people_list.of(admin, listed).with_wrong(wrong, frozenset(ids), act))
    shop_id = listed.shop.id if listed.shop else ""
    kept = {"ids": ids, "back": listed.address_back(admin, sought), "here": "shops" if shop_id else HERE, "shop": shop_id}
    return _ask(admin, act, kept)


def _wrong(act: str, ids: Sequence[str]) -> Message | None:
    """Return what is wrong with a selection."""
    if act.partition(":")[0] not in WORDS:
        return NOTHING_CHOSEN
    return NOBODY if not ids else TOO_MANY if len(ids) > MOST else None


def _ask(admin: Admin, act: str, kept: Mapping[str, Any]) -> Response:
    reference = stash.put(SELECTION, kept, SECONDS, admin.me.user.id)
    name, _, target = act.partition(":")
    there = {"store_url": admin.organisation.store_url, "act": name, "on": target, "selection": reference}
    return pages.see_other(List("admin.act_on_people", there).link())


def confirm(store_url: str, act: str) -> Response:
    """Ask, then carry the act out."""
    admin = guard.administrator(store_url, or_installation=True)
    words = WORDS.get(act) or abort(404)
    kept = stash.get(SELECTION, forms.asked("selection"), admin.me.user.id)
    chosen = _chosen(admin, act, words)
    if kept is None or chosen is None:
        return guard.told(admin, url_for("admin.people", store_url=store_url), GONE if kept is None else NO_TARGET)
    admin = guard.administrator(store_url, fresh=True, or_installation=True)
    found = user_search.chosen(admin.organisation.id, kept["ids"][:MOST])
    plan = bulk.plan(admin.organisation, found, chosen.act, chosen.target, admin.origin)
    if not plan.changed:
        return guard.told(admin, kept["back"], _told(chosen, Outcome(0, 0, plan.left_out)))
    question = _question(admin, chosen, plan, kept["back"])
    return confirm_then(admin, kept.get("here", HERE), question, partial(_carry_out, admin, chosen, kept))


def _everybody(admin: Admin, sought: Sought) -> list[str]:
    return [row.id for row in user_search.search(admin.organisation.id, sought.people, None, MOST + 1)]


def _chosen(admin: Admin, name: str, words: Words) -> Chosen | None:
    """Return what the address names; None where there is no such group or shop."""
    at, on = admin.organisation.id, forms.asked("on")
    if words.target == "group":
        group = organisations.group(at, on)
        return Chosen(name, bulk.ACTS[name], words, Target(group.name), group.name) if group else None
    if words.target == "shop":
        shop = organisations.shop(at, on)
        return Chosen(name, bulk.ACTS[name], words, Target(shop.code), shop.name, shop) if shop else None
    return Chosen(name, bulk.ACTS[name], words)


def _carry_out(admin: Admin, chosen: Chosen, kept: Mapping[str, Any]) -> Response:
    settings, ids = request_context.settings(), kept["ids"][:MOST]
    if chosen.words.choose:
        other = _other_shop(admin, chosen)
        chosen = replace(chosen, target=replace(chosen.target, to=other.code), to=other.name)
    try:
        outcome = bulk.carry_out(settings, admin.organisation, ids, chosen.act, chosen.target, admin.origin)
    except Invalid as gone:  # somebody has just closed the other shop, after some people had moved to it
        raise Invalid("choice", NO_OTHER) if chosen.to else gone from gone
    return guard.told(admin, kept["back"], _told(chosen, outcome), undo=bulk_undo.address(admin, outcome, kept))


def _other_shop(admin: Admin, chosen: Chosen) -> Shop:
    """Return the shop to which people move; raises ``Invalid``."""
    entered = forms.fields().get("choice", "").strip()
    if not entered:
        raise Invalid("choice", NO_CHOICE)
    return shops.chosen_other(admin, chosen.shop, entered)


def _question(admin: Admin, chosen: Chosen, plan: Plan, back: str) -> Question:
    words = chosen.words
    by_typing = bool(words.choose and chosen.shop) and shops.are_many(admin)
    sentences = [
        say("This is about: %(names)s", names=bulk_words.names(plan.changed)),
        *words.sentences,
        *_by_shops(chosen, plan),
    ]
    if plan.unchanged:
        sentences.append(say("Nothing changes for: %(names)s", names=bulk_words.names(plan.unchanged)))
    sentences += bulk_words.left_out(plan.left_out)
    return Question(
        words.heading.about(num=len(plan.changed), target=chosen.label),
        tuple(sentence.about(target=chosen.label) for sentence in sentences),
        words.button,
        back,
        asks_password=plan.needs(chosen.act) == Confirmation.FRESH_PROOF_AND_PASSWORD,
        choose=words.choose,
        choices=(("", say("Choose a shop")), *shops.others(admin, chosen.shop)) if words.choose and chosen.shop else (),
        type_hint=shops.BY_TYPING if by_typing else None,
    )


def _by_shops(chosen: Chosen, plan: Plan) -> list[Message]:
    """Say what happens to how many people who work in other shops too, and to how many who do not."""
    if chosen.shop is None or (chosen.words.elsewhere is None and chosen.words.nowhere is None):
        return []
    held = memberships.shops_of_users(chosen.shop.organisation_id, [user.id for user in plan.changed])
    several = sum(1 for user in plan.changed if user.all_shops or held.get(user.id, set()) - {chosen.shop.id})
    numbers = ((chosen.words.elsewhere, several), (chosen.words.nowhere, len(plan.changed) - several))
    return [words.about(num=count) for words, count in numbers if words and count]


def _told(chosen: Chosen, outcome: Outcome) -> Message:
    return bulk_words.told(chosen.words.done.about(num=outcome.changed, target=chosen.label, to=chosen.to), outcome)
