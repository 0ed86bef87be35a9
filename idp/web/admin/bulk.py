"""Do one thing to the people selected in the list: choose them, read on one page what will happen, confirm.

The selection is kept in the stash, for this browser and this person: five hundred ids fit in no address.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from flask import Blueprint, Response, abort, request, url_for

from idp.errors import Message, say, say_many
from idp.identity.accounts import bulk
from idp.identity.accounts.bulk import MOST, Act, LeftOut, Outcome, Plan
from idp.identity.sensitive_changes import Confirmation
from idp.store import organisations, user_search
from idp.store.users import User
from idp.web import forms, pages, request_context, stash
from idp.web.admin import guard, users
from idp.web.admin.bulk_words import WORDS, Words
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin
from idp.web.admin.user_pages import HERE
from idp.web.pagination import List

SELECTION, SECONDS = "selection", 3600
BOX = "person-"
NAMED = 10
"""The most names in a sentence."""
NOBODY = say("Nobody is selected. Tick people in the list first.")
NOTHING_CHOSEN = say("Choose what to do with the selected people.")
GONE = say("The selection is no longer there. Select the people again.")
TOO_MANY = say_many(
    "Choose at most %(num)s person at once: filter the list.",
    "Choose at most %(num)s people at once: filter the list.",
    MOST,
)


@dataclass(frozen=True)
class Chosen:
    """Hold what was chosen: an act, the words for it, and the group or shop that it is about."""

    name: str
    act: Act
    words: Words
    target: str = ""
    label: str = ""


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    at = "/<store_url>/people/selection"
    blueprint.add_url_rule(at, "select_people", select, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{at}/<act>", "act_on_people", confirm, methods=["GET", "POST"])


def select(store_url: str) -> Response:
    """Take the ticked people of the list, or everybody that its filter finds, on to the question."""
    admin = guard.administrator(store_url, or_installation=True)
    if request.method != "POST":
        return pages.see_other(users.address_asked(admin))
    form = forms.fields()
    ticked = [name.removeprefix(BOX) for name in form if name.startswith(BOX)]
    ids, act = _everybody(admin) if "everybody" in form else ticked, form.get("act", "")
    wrong = _wrong(act, ids)
    return users.show_again(admin, wrong, frozenset(ids), act) if wrong else _ask(admin, act, ids)


def _wrong(act: str, ids: Sequence[str]) -> Message | None:
    """Return what is wrong with a selection."""
    if act.partition(":")[0] not in WORDS:
        return NOTHING_CHOSEN
    return NOBODY if not ids else TOO_MANY if len(ids) > MOST else None


def _ask(admin: Admin, act: str, ids: Sequence[str]) -> Response:
    kept = {"ids": ids, "back": users.address_asked(admin)}
    reference = stash.put(SELECTION, kept, SECONDS, admin.me.user.id)
    name, _, target = act.partition(":")
    there = {"store_url": admin.organisation.store_url, "act": name, "on": target, "selection": reference}
    return pages.see_other(List("admin.act_on_people", there).link())


def confirm(store_url: str, act: str) -> Response:
    """Ask, then carry the act out."""
    admin = guard.administrator(store_url, or_installation=True)
    chosen = _chosen(admin, act) or abort(404)
    kept = stash.get(SELECTION, forms.asked("selection"), admin.me.user.id)
    if kept is None:
        return guard.told(admin, url_for("admin.people", store_url=store_url), GONE)
    admin = guard.administrator(store_url, fresh=True, or_installation=True)
    found = user_search.chosen(admin.organisation.id, kept["ids"][:MOST])
    plan = bulk.plan(admin.organisation, found, chosen.act, chosen.target, admin.origin)
    if not plan.changed:
        return guard.told(admin, kept["back"], _told(chosen, Outcome(0, 0, plan.left_out)))
    question = _question(chosen, plan, kept["back"])
    return confirm_then(admin, HERE, question, partial(_carry_out, admin, chosen, kept))


def _everybody(admin: Admin) -> list[str]:
    sought = users.sought_in(admin).people
    return [row.id for row in user_search.search(admin.organisation.id, sought, None, MOST + 1)]


def _chosen(admin: Admin, name: str) -> Chosen | None:
    """Return what the address names; None where there is no such act, group or shop."""
    at, words, on = admin.organisation.id, WORDS.get(name), forms.asked("on")
    if words is None:
        return None
    if words.target == "group":
        group = organisations.group(at, on)
        return Chosen(name, bulk.ACTS[name], words, group.name, group.name) if group else None
    if words.target == "shop":
        shop = organisations.shop(at, on)
        return Chosen(name, bulk.ACTS[name], words, shop.code, shop.name) if shop else None
    return Chosen(name, bulk.ACTS[name], words)


def _carry_out(admin: Admin, chosen: Chosen, kept: Mapping[str, Sequence[str]]) -> Response:
    settings, ids = request_context.settings(), kept["ids"][:MOST]
    outcome = bulk.carry_out(settings, admin.organisation, ids, chosen.act, chosen.target, admin.origin)
    return guard.told(admin, str(kept["back"]), _told(chosen, outcome))


def _question(chosen: Chosen, plan: Plan, back: str) -> Question:
    sentences = [say("This is about: %(names)s", names=_names(plan.changed)), *chosen.words.sentences]
    if plan.unchanged:
        sentences.append(say("Nothing changes for: %(names)s", names=_names(plan.unchanged)))
    sentences += _left_out(plan.left_out)
    return Question(
        chosen.words.heading.about(num=len(plan.changed), target=chosen.label),
        tuple(sentence.about(target=chosen.label) for sentence in sentences),
        chosen.words.button,
        back,
        asks_password=plan.needs(chosen.act) == Confirmation.FRESH_PROOF_AND_PASSWORD,
    )


def _names(some: Sequence[User]) -> Message | str:
    names = ", ".join(user.username for user in some[:NAMED])
    more = len(some) - NAMED
    return say_many("%(names)s and %(num)s more", "%(names)s and %(num)s more", more, names=names) if more > 0 else names


def _left_out(some: Sequence[LeftOut]) -> list[Message]:
    """Say who is left out, and why: one sentence for each reason."""
    by_reason: dict[str, tuple[Message, list[User]]] = {}
    for user, reason in some:
        by_reason.setdefault(reason.key, (reason, []))[1].append(user)
    return [
        say("Left out: %(names)s (%(reason)s)", names=_names(found), reason=reason) for reason, found in by_reason.values()
    ]


def _told(chosen: Chosen, outcome: Outcome) -> Message:
    """Say what happened."""
    done = chosen.words.done.about(num=outcome.changed, target=chosen.label)
    said = [done if outcome.changed else say("Nothing had to be changed.")]
    if outcome.sessions:
        said.append(say_many("%(num)s session ended.", "%(num)s sessions ended.", outcome.sessions))
    said += _left_out(outcome.left_out)
    told = said[0]
    for sentence in said[1:]:
        told = say("%(first)s %(then)s", first=told, then=sentence)
    return told
