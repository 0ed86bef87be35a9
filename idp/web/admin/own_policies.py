"""Dated rules that administrators make for their own organisation: add and change after a preview, end, delete (S11)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from flask import Blueprint, Response, abort, url_for

from idp.db import transaction
from idp.errors import Invalid, Message, Refusal, say
from idp.identity import policy_dry_run, policy_reach
from idp.identity.policy import organisation_rules
from idp.identity.policy.organisation_rules import CONDITIONS, may_end
from idp.identity.policy_reach import Preview
from idp.identity.roles import ROLE_NAMES, RULING_ROLES
from idp.records import changed
from idp.store import clients, organisation_lists
from idp.store import organisation_rules as store
from idp.store.organisation_rules import OrganisationRule
from idp.web import edited, forms, pages, request_context, unsaved
from idp.web.admin import guard, picker
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin, Frame
from idp.web.admin.own_policy_choices import LABELS, PICKED, PREFIXES, Condition, condition, with_picked
from idp.web.unsaved import Fields

HERE = "policies"
SEEN, EVERYBODY, BACK = "seen", "everybody", "back"
FOR_EVERYBODY = say("Confirm that this policy applies to everybody, or go back and choose some of them.")
Words = tuple[Message | str, ...]
Known = dict[str, dict[str, Message | str]]


@dataclass(frozen=True)
class OwnRule:
    """Hold a rule as text. ``conditions``: a label and its values. ``state``: whether it is in force, in words."""

    id: str
    name: str
    starts: date
    ends: date | None
    conditions: tuple[tuple[Message, Words], ...]
    state: Message
    is_on: bool
    may_end: bool


@dataclass(frozen=True)
class OwnPolicyForm:
    """Hold a rule to add (``is_new``) or to change: ``values`` as entered. ``was``: what the form was filled in from."""

    frame: Frame
    is_new: bool
    values: dict[str, str]
    conditions: tuple[Condition, ...]
    was: str
    wrong: str = ""
    errors: tuple[Message, ...] = ()


@dataclass(frozen=True)
class OwnPolicyPreview:
    """Hold a rule before it is stored, with the people it reaches. ``fields``: the form, to be sent again."""

    frame: Frame
    is_new: bool
    rule: OwnRule
    preview: Preview
    fields: tuple[tuple[str, str], ...]
    is_for_everybody: bool
    errors: tuple[Message, ...] = ()


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    own = "/<store_url>/policies/own"
    blueprint.add_url_rule(f"{own}/add", "add_own_policy", add, methods=["GET", "POST"])
    for name, view in (("edit", edit), ("end", end), ("remove", remove)):
        blueprint.add_url_rule(f"{own}/<rule_id>/{name}", f"{name}_own_policy", view, methods=["GET", "POST"])


def add(store_url: str) -> Response:
    """Add a rule, after its preview."""
    admin = guard.administrator(store_url, fresh=True)
    first = {"starts": policy_dry_run.today(admin.organisation).isoformat()}
    return unsaved.answer(
        lambda: _again(admin, None, first, None), partial(_again, admin, None), partial(_answer, admin, None)
    )


def edit(store_url: str, rule_id: str) -> Response:
    """Change a rule, after its preview."""
    admin = guard.administrator(store_url, fresh=True)
    row = _at(admin, rule_id)
    return unsaved.answer(
        lambda: _again(admin, row, _columns(row), None), partial(_again, admin, row), partial(_answer, admin, row)
    )


def end(store_url: str, rule_id: str) -> Response:
    """Ask, then make today the last day."""
    admin = guard.administrator(store_url, fresh=True)
    row = _at(admin, rule_id)
    question = Question(
        say("End the policy %(policy)s?", policy=row.name),
        (
            say("Today is its last day. From tomorrow it requires nothing. Active second factors stay active."),
            say("The policy stays in the list, and you can give it another last day."),
        ),
        say("End today"),
        _all(admin),
        asks_password=False,
    )
    today = policy_dry_run.today(admin.organisation)
    ending = partial(organisation_rules.end, today=today, origin=admin.origin)
    return confirm_then(
        admin,
        HERE,
        question,
        partial(_carry_out, admin, row, ending, say("The policy “%(policy)s” ends today.", policy=row.name)),
    )


def remove(store_url: str, rule_id: str) -> Response:
    """Ask, then delete the rule."""
    admin = guard.administrator(store_url, fresh=True)
    row = _at(admin, rule_id)
    heading = say("Delete the policy %(policy)s?", policy=row.name)
    sentence = say("It no longer requires anything. Active second factors stay active.")
    question = Question(heading, (sentence,), say("Delete"), _all(admin), is_final=True)
    removal = partial(organisation_rules.remove, origin=admin.origin)
    return confirm_then(
        admin,
        HERE,
        question,
        partial(_carry_out, admin, row, removal, say("The policy “%(policy)s” is deleted.", policy=row.name)),
    )


def shown(admin: Admin) -> tuple[OwnRule, ...]:
    """Return the organisation's own rules for the page of all rules."""
    rows = store.rules_of(admin.organisation.id)
    known = _known(admin, rows) if rows else {}
    return tuple(_rule(admin, row, known) for row in rows)


def _at(admin: Admin, rule_id: str) -> OrganisationRule:
    return store.rule(admin.organisation.id, rule_id) or abort(404)


def _all(admin: Admin) -> str:
    return url_for("admin.policies", store_url=admin.organisation.store_url)


def _carry_out(admin: Admin, row: OrganisationRule, do: Callable[[OrganisationRule], None], told: Message) -> Response:
    with transaction():
        do(store.lock_rule(row.organisation_id, row.id) or abort(404))
    return guard.told(admin, _all(admin), told)


def _answer(admin: Admin, row: OrganisationRule | None, form: Fields) -> Response:
    """Store the rule once its preview was seen as it is; else show the preview. *Back* leads to the form."""
    if BACK in form or picker.only_looks(form):
        return _again(admin, row, form, None)
    form = with_picked(admin, form)
    wanted = organisation_rules.draft(admin.organisation, _values_of(form), row)
    if form.get(SEEN) != _seen(form):
        return _preview(admin, row, wanted, form)
    if _is_for_everybody(wanted) and EVERYBODY not in form:
        return _preview(admin, row, wanted, form, FOR_EVERYBODY)
    with transaction():
        if row is None:
            organisation_rules.create(admin.organisation, _values_of(form), admin.origin)
            return guard.told(admin, _all(admin), say("The policy “%(policy)s” is added.", policy=wanted.name))
        present = store.lock_rule(row.organisation_id, row.id) or abort(404)
        edited.check(form, _columns(present))
        organisation_rules.change(admin.organisation, present, _values_of(form), admin.origin)
    return guard.told(admin, _all(admin), say("The policy “%(policy)s” is saved.", policy=wanted.name))


def _again(admin: Admin, row: OrganisationRule | None, form: Fields, refusal: Refusal | None) -> Response:
    page = OwnPolicyForm(
        frame=admin.frame(HERE),
        is_new=row is None,
        values={name: form.get(name, "") for name in ("name", "starts", "ends")},
        conditions=tuple(
            condition(admin, name, known, form, is_told=refusal is None) for name, known in _known(admin, ()).items()
        ),
        was=edited.shown(form, _columns(row), refusal) if row else "",
        wrong=refusal.field if isinstance(refusal, Invalid) else "",
        errors=(refusal.message,) if refusal else (),
    )
    return pages.render("admin/own_policy_form.html", page, 422 if refusal else 200)


def _preview(
    admin: Admin, row: OrganisationRule | None, wanted: OrganisationRule, form: Fields, *errors: Message
) -> Response:
    today = policy_dry_run.today(admin.organisation)
    tested = organisation_rules.rule_of(changed(wanted, name=row.name) if row else wanted)
    found = policy_reach.preview(request_context.settings(), admin.organisation, tested, max(today, wanted.starts))
    kept = _kept(form) | {SEEN: _seen(form)}
    page = OwnPolicyPreview(
        frame=admin.frame(HERE),
        is_new=row is None,
        rule=_rule(admin, wanted, _known(admin, [wanted])),
        preview=found,
        fields=tuple(kept.items()),
        is_for_everybody=_is_for_everybody(wanted),
        errors=errors,
    )
    return pages.render("admin/own_policy_preview.html", page, 422 if errors else 200)


def _kept(form: Fields) -> Fields:
    """Return what was entered, without what the pages add."""
    return {name: value for name, value in form.items() if name not in (SEEN, EVERYBODY, BACK, "csrf_token", "token")}


def _seen(form: Fields) -> str:
    return edited.state_of({name: value for name, value in _kept(form).items() if name != edited.FIELD})


def _is_for_everybody(row: OrganisationRule) -> bool:
    return not any(getattr(row, name) for name in CONDITIONS)


def _known(admin: Admin, rows: Sequence[OrganisationRule]) -> Known:
    """Return what a rule can be about here, in words: of groups and shops, those that these rules name.

    Administrators and owners must have a second factor anyway.
    """
    at = admin.organisation.id
    groups, shops = ({one for row in rows for one in getattr(row, name)} for name in PICKED)
    return {
        "roles": {role: words for role, words in ROLE_NAMES.items() if role not in RULING_ROLES},
        "groups": {group.id: group.name for group in organisation_lists.groups_with(at, groups)},
        "shops": {shop.id: shop.name for shop in organisation_lists.shops_with(at, shops)},
        "clients": {row.client_id: row.name for row in clients.serving(at)},
    }


def _rule(admin: Admin, row: OrganisationRule, known: Known) -> OwnRule:
    today = policy_dry_run.today(admin.organisation)
    conditions = tuple(
        (LABELS[name], tuple(known[name].get(one) or ROLE_NAMES.get(one, one) for one in getattr(row, name)))
        for name in CONDITIONS
        if getattr(row, name)
    )
    is_over, waits = row.ends is not None and row.ends < today, row.starts > today
    state = say("ended") if is_over else say("not started yet") if waits else say("in force")
    return OwnRule(row.id, row.name, row.starts, row.ends, conditions, state, not is_over and not waits, may_end(row, today))


def _values_of(form: Fields) -> dict[str, Any]:
    """Read the form in the shape that ``organisation_rules`` takes."""
    chosen = {
        name: sorted(field.removeprefix(prefix) for field in form if field.startswith(prefix))
        for name, prefix in PREFIXES.items()
    }
    ends = forms.day("ends", form["ends"]) if form.get("ends") else None
    return {"name": form.get("name", ""), "starts": forms.day("starts", form.get("starts", "")), "ends": ends, **chosen}


def _columns(row: OrganisationRule) -> Fields:
    """Return a rule as its form would post it."""
    ticked = {prefix + one: "yes" for name, prefix in PREFIXES.items() for one in getattr(row, name)}
    ends = row.ends.isoformat() if row.ends else ""
    return {"name": row.name, "starts": row.starts.isoformat(), "ends": ends, **ticked}
