"""Dated rules (S11): operators make them, administrators read those of their organisation and the people they affect."""

from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from flask import Blueprint, Response, abort, request, url_for

from idp.db import transaction
from idp.errors import Invalid, Message, Refusal, say
from idp.identity import assurance, policy_dry_run, policy_reach
from idp.identity.policy import dated_rules
from idp.identity.policy.dated_rules import CONDITIONS
from idp.identity.policy.rules import SECOND_FACTOR, DatedRule
from idp.identity.roles import ROLE_NAMES
from idp.store import clients, user_reach, user_search
from idp.store import dated_rules as store_dated_rules
from idp.store.dated_rules import StoredRule
from idp.web import edited, forms, pages, pagination, request_context, times, unsaved
from idp.web.admin import guard, own_policies
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin, Frame
from idp.web.admin.own_policies import OwnRule
from idp.web.admin.user import chosen_day
from idp.web.admin.user_pages import Choices
from idp.web.pagination import List, Pages
from idp.web.unsaved import Fields

HERE = "policies"
LABELS = {
    "countries": say("Countries"),
    "integrations": say("Integrations"),
    "roles": say("Roles"),
    "groups": say("Groups"),
    "organisations": say("Organisations"),
    "clients": say("Apps"),
}
HINTS = {
    "countries": say("Codes of two letters, for example NL, BE"),
    "organisations": say("Store URLs, for example example-shoes"),
    "clients": say("IDs of apps, as their pages show them"),
}
LISTED = tuple(name for name in CONDITIONS if name != "roles")
"""Conditions that are entered with commas between."""


@dataclass(frozen=True)
class Rule:
    """Hold a dated rule as text. ``conditions``: a label and its values; roles in words."""

    name: str
    starts: date
    ends: date | None
    require: Message | str
    conditions: tuple[tuple[Message, tuple[Message | str, ...]], ...]


@dataclass(frozen=True)
class PoliciesPage:
    """Hold a page of the rules that the reader may see."""

    frame: Frame
    rules: tuple[Rule, ...]
    pages: Pages
    own: tuple[OwnRule, ...] = ()
    """The rules of the organisation itself, which its administrators manage."""


@dataclass(frozen=True)
class PolicyForm:
    """Hold a rule to add (``is_new``) or to edit. ``values`` by the names of its columns, as entered."""

    frame: Frame
    is_new: bool
    name: str
    values: dict[str, str]
    roles: tuple[tuple[str, Message, bool], ...]
    typed: tuple[tuple[str, Message, Message | None], ...]
    requirements: Choices
    was: str
    """The state that the form was filled in from; empty for a new rule."""
    wrong: str = ""
    errors: tuple[Message, ...] = ()


@dataclass(frozen=True)
class Affected:
    """Hold a person that the rules affect."""

    user_id: str
    username: str
    needed: Message
    because: tuple[str, ...]
    has_factor: bool


@dataclass(frozen=True)
class DryRunPage:
    """Hold the people of this organisation that the rules would affect on a day; ``name`` of one rule, or empty for all."""

    frame: Frame
    on: str
    name: str
    names: Choices
    affected: tuple[Affected, ...]
    """The people of this page, of ``count`` in all and ``of`` people checked."""
    count: int
    of: int
    pages: Pages
    errors: tuple[Message, ...] = ()


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    all_rules = "/<store_url>/policies"
    blueprint.add_url_rule(all_rules, "policies", show)
    blueprint.add_url_rule(f"{all_rules}/who", "dry_run", dry_run)
    blueprint.add_url_rule(f"{all_rules}/add", "add_policy", add, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{all_rules}/edit", "edit_policy", edit, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{all_rules}/remove", "remove_policy", remove, methods=["GET", "POST"])


def show(store_url: str) -> Response:
    """List the rules that the reader may see."""
    admin = guard.administrator(store_url)
    readable = dated_rules.readable(admin.organisation, admin.origin)
    shown, beside = pagination.requested(readable, List("admin.policies", {"store_url": store_url}))
    page = PoliciesPage(admin.frame(HERE), tuple(map(_rule, shown)), beside, own_policies.shown(admin))
    return pages.render("admin/policies.html", page)


def dry_run(store_url: str) -> Response:
    """Show the people that the rules would affect on a day."""
    return pages.render("admin/dry_run.html", _dry_run(guard.administrator(store_url)))


def add(store_url: str) -> Response:
    """Add a rule."""
    admin = guard.operator(store_url, fresh=True)
    return unsaved.answer(
        lambda: _again(admin, None, {"require": SECOND_FACTOR}, None), partial(_again, admin, None), partial(_add, admin)
    )


def _add(admin: Admin, form: Fields) -> Response:
    with transaction():
        values = {"name": form.get("name", ""), **_values_of(form)}
        dated_rules.create(request_context.settings(), values, dated_rules.known_now(), admin.origin)
    return guard.told(admin, _all(admin), say("The policy “%(policy)s” is added.", policy=form.get("name", "")))


def _again(admin: Admin, row: StoredRule | None, form: Fields, refusal: Refusal | None) -> Response:
    return pages.render("admin/policy_form.html", _form(admin, row, form, refusal), 422 if refusal else 200)


def edit(store_url: str) -> Response:
    """Change the rule with this ``name``."""
    admin = guard.operator(store_url, fresh=True)
    row = _named()
    return unsaved.answer(
        lambda: _again(admin, row, _columns(row), None), partial(_again, admin, row), partial(_save, admin, row)
    )


def _save(admin: Admin, row: StoredRule, form: Fields) -> Response:
    with transaction():
        row = store_dated_rules.hold_dated_rule(row.name) or abort(404)
        edited.check(form, _columns(row))
        dated_rules.change(request_context.settings(), row, _values_of(form), dated_rules.known_now(), admin.origin)
    return guard.told(admin, _all(admin), say("The policy “%(policy)s” is saved.", policy=row.name))


def remove(store_url: str) -> Response:
    """Ask, then delete."""
    admin = guard.operator(store_url, fresh=True)
    row = _named()
    heading = say("Delete the policy %(policy)s?", policy=row.name)
    sentence = say(
        "The policy no longer requires anything, in any organisation. Second factors that are set up stay active."
    )
    question = Question(heading, (sentence,), say("Delete"), _all(admin), is_final=True)
    return confirm_then(admin, HERE, question, partial(_remove, admin, row))


def _remove(admin: Admin, row: StoredRule) -> Response:
    with transaction():
        dated_rules.remove(row, admin.origin)
    return guard.told(admin, _all(admin), say("The policy “%(policy)s” is deleted.", policy=row.name))


def _all(admin: Admin) -> str:
    return url_for("admin.policies", store_url=admin.organisation.store_url)


def _named() -> StoredRule:
    return store_dated_rules.dated_rule_named(request.args.get("name", "").replace("\0", "")) or abort(404)


def _seen(admin: Admin) -> list[DatedRule]:
    return dated_rules.readable_here(admin.organisation, admin.origin)


def _rule(row: DatedRule) -> Rule:
    conditions = []
    for name in CONDITIONS:
        wanted = getattr(row, name)
        words = _words_of(name, wanted)
        if words:
            conditions.append((LABELS[name], words))
    return Rule(row.name, row.starts, row.ends, _required(row.require), tuple(conditions))


def _words_of(condition: str, wanted: list[str]) -> tuple[Message | str, ...]:
    """Return the values of a condition by name: roles and countries in words, apps by their names."""
    if condition == "roles":
        return tuple(ROLE_NAMES[role] for role in wanted)
    if condition == "countries":
        return tuple(map(times.country, wanted))
    names = clients.names(wanted) if condition == "clients" and wanted else {}
    return tuple(names.get(one, one) for one in wanted)


def _required(require: str) -> Message | str:
    """Return what a rule requires in words; a level that the configuration no longer names as it is stored."""
    return _requirements().get(require, require)


def _requirements() -> dict[str, Message]:
    levels = request_context.settings().acr.names
    return {SECOND_FACTOR: say("A second factor"), **{name: assurance.REQUIRED[level] for name, level in levels.items()}}


def _values_of(form: dict[str, str]) -> dict[str, Any]:
    """Read the form in the shape that ``dated_rules`` takes."""
    values: dict[str, Any] = {"starts": forms.day("starts", form.get("starts", ""))}
    values["ends"] = forms.day("ends", form["ends"]) if form.get("ends") else None
    values["require"] = form.get("require", "")
    values["roles"] = [role for role in ROLE_NAMES if f"role-{role}" in form]
    for name in LISTED:
        values[name] = [entry.strip() for entry in form.get(name, "").split(",") if entry.strip()]
    return values


def _columns(row: StoredRule) -> dict[str, str]:
    """Return a rule as its form would post it."""
    values = {name: ", ".join(getattr(row, name)) for name in LISTED}
    values |= {f"role-{role}": "yes" for role in row.roles}
    return {
        **values,
        "starts": row.starts.isoformat(),
        "ends": row.ends.isoformat() if row.ends else "",
        "require": row.require,
    }


def _form(admin: Admin, row: StoredRule | None, form: dict[str, str], refusal: Refusal | None = None) -> PolicyForm:
    names = ("name", "starts", "ends", "require", *LISTED)
    return PolicyForm(
        frame=admin.frame(HERE),
        is_new=row is None,
        name=row.name if row else "",
        values={name: form.get(name, "") for name in names},
        roles=tuple((f"role-{role}", words, f"role-{role}" in form) for role, words in ROLE_NAMES.items()),
        typed=tuple((name, LABELS[name], HINTS.get(name)) for name in LISTED),
        requirements=tuple(_requirements().items()),
        was=edited.shown(form, _columns(row), refusal) if row else "",
        wrong=refusal.field if isinstance(refusal, Invalid) else "",
        errors=(refusal.message,) if refusal else (),
    )


def _dry_run(admin: Admin) -> DryRunPage:
    seen, at, settings = _seen(admin), admin.organisation, request_context.settings()
    on, errors = chosen_day(at)
    name = next((row.name for row in seen if row.name == request.args.get("name")), "")
    looked_at = [row for row in seen if name in ("", row.name)]
    rows, beside = pagination.page_of(
        List("admin.dry_run", {"store_url": at.store_url, "name": name, "on": on.isoformat()}),
        partial(user_search.place_of, at.id, ""),
        partial(policy_reach.affected, settings, at, looked_at, on),
        lambda one: one.user_id,
    )
    return DryRunPage(
        frame=admin.frame(HERE),
        on=on.isoformat(),
        name=name,
        names=(("", say("All policies")), *((one, one) for one in dict.fromkeys(row.name for row in seen))),
        affected=tuple(
            Affected(one.user_id, one.username, assurance.NEEDED[one.level], one.because, one.has_factor) for one in rows
        ),
        count=policy_reach.count_affected(settings, at, looked_at, on),
        of=user_reach.count_enabled(at.id, policy_dry_run.day_of_access(at, on)),
        pages=beside,
        errors=errors,
    )
