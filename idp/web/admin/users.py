"""Add a person to an organisation, and edit one with the pencil (S13). The list is in ``people``, a page in ``user``."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Blueprint, Response, abort, url_for

from idp import zones
from idp.errors import Invalid, Message, Refusal, say
from idp.identity import permissions
from idp.identity.accounts import accounts
from idp.identity.roles import ROLE_NAMES, Role
from idp.identity.user_fields import USER_FIELDS, PersonDraft
from idp.languages import LANGUAGES
from idp.mail.messages import can_be_written_to
from idp.store import organisations, users
from idp.store.users import User
from idp.web import pages, request_context, times, unsaved
from idp.web.admin import guard
from idp.web.admin.guard import Admin, Frame
from idp.web.unsaved import Fields

HERE = "people"
FIELDS = tuple(field for field in USER_FIELDS if field.in_console)
Choices = tuple[tuple[str, Message | str], ...]


@dataclass(frozen=True)
class Box:
    """Hold a group or shop with a box to tick; ``name`` is the field's."""

    name: str
    label: str
    checked: bool


@dataclass(frozen=True)
class PersonForm:
    """Somebody to add (``user_id`` empty) or to edit. ``values`` by the names of ``FIELDS``.

    ``sends``: the tick of S49. ``can_send``: whether a one-time password could reach them (S49, S54).
    """

    frame: Frame
    user_id: str
    values: dict[str, str]
    roles: Choices
    zones: Choices
    groups: tuple[Box, ...]
    all_shops: bool
    shops: tuple[Box, ...]
    sends: bool = False
    can_send: bool = False
    wrong: str = ""
    errors: tuple[Message, ...] = ()


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/<store_url>/people/add", "add_person", add, methods=["GET", "POST"])
    blueprint.add_url_rule("/<store_url>/people/<user_id>/edit", "edit_person", edit, methods=["GET", "POST"])


def add(store_url: str) -> Response:
    """Add one person."""
    admin = guard.administrator(store_url, or_installation=True)
    blank = partial(_form, admin, None, {"role": Role.EMPLOYEE}, {"all_shops"}, None)
    return unsaved.answer(
        lambda: pages.render("admin/user_form.html", blank()), partial(_again, admin, None), partial(_add, admin)
    )


def _add(admin: Admin, form: Fields) -> Response:
    draft = PersonDraft.of(**_values_of(admin, form))
    user = accounts.create(request_context.settings(), admin.organisation, draft, admin.origin)
    return guard.told(admin, address_of(admin, user.id), say("%(username)s is added.", username=user.username))


def edit(store_url: str, user_id: str) -> Response:
    """Edit one person; with the tick of S49, go on to the question about the one-time password."""
    admin = guard.administrator(store_url, or_installation=True)
    user = person_at(admin, user_id)
    permissions.require_over(admin.organisation, user, admin.origin)
    return unsaved.answer(
        lambda: pages.render("admin/user_form.html", _stored(admin, user)),
        partial(_again, admin, user),
        partial(_save, admin, user),
    )


def _save(admin: Admin, user: User, form: Fields) -> Response:
    accounts.change(request_context.settings(), admin.organisation, user, _values_of(admin, form), admin.origin)
    there = address_of(admin, user.id, "one-time-password" if "one_time_password" in form else "")
    return guard.told(admin, there, say("The details of %(username)s are saved.", username=form.get("username", "")))


def person_at(admin: Admin, user_id: str) -> User:
    """Return a user of this organisation. Answers 404 for any other id."""
    return users.user(admin.organisation.id, user_id) or abort(404)


def address_of(admin: Admin, user_id: str, act: str = "") -> str:
    """Return the address of a user's page, or of an action on them."""
    store_url = admin.organisation.store_url
    if act:
        return url_for("admin.act_on_person", store_url=store_url, user_id=user_id, act=act)
    return url_for("admin.person", store_url=store_url, user_id=user_id)


def _values_of(admin: Admin, form: dict[str, str]) -> dict[str, Any]:
    """Read the form by the names of ``PersonDraft``."""
    at = admin.organisation.id
    values: dict[str, Any] = {field.name: form.get(field.name, "") for field in FIELDS}
    values["groups"] = tuple(group.name for group in organisations.groups(at) if f"group-{group.id}" in form)
    ticked = tuple(shop.code for shop in organisations.shops(at) if f"shop-{shop.id}" in form)
    values["shops"] = None if "all_shops" in form else ticked
    if values["locale"] not in ("", *LANGUAGES):
        raise Invalid("locale", say("Choose one of the languages."))
    return values


def _stored(admin: Admin, user: User) -> PersonForm:
    at = admin.organisation.id
    groups = {f"group-{group.id}" for group in users.groups_of(at, user.id)}
    shops = {f"shop-{shop.id}" for shop in users.shops_of(at, user.id)}
    all_shops = {"all_shops"} if user.all_shops else set()
    values = {field.name: str(field.value_of(user) or "") for field in FIELDS}
    return _form(admin, user, values, groups | shops | all_shops, None)


def _again(admin: Admin, user: User | None, form: Fields, refusal: Refusal | None) -> Response:
    """Show the form as it was filled in, with its errors."""
    page = _form(admin, user, {field.name: form.get(field.name, "") for field in FIELDS}, set(form), refusal)
    return pages.render("admin/user_form.html", page, _status_of(refusal))


def _status_of(refusal: Refusal | None) -> int:
    if refusal is None:
        return 200
    return 422 if refusal.status == 400 else refusal.status


def _form(admin: Admin, user: User | None, values: dict[str, str], ticked: set[str], refusal: Refusal | None) -> PersonForm:
    at, zone = admin.organisation.id, zones.Named(admin.organisation.zone.key)
    groups = [(f"group-{group.id}", group.name) for group in organisations.groups(at)]
    shops = [(f"shop-{shop.id}", shop.name) for shop in organisations.shops(at)]
    return PersonForm(
        frame=admin.frame(HERE),
        user_id=user.id if user else "",
        values=values,
        roles=tuple((role, ROLE_NAMES[role]) for role in permissions.roles_for(admin.organisation, user, admin.origin)),
        zones=times.zone_choices(say("Same as the organisation: %(zone)s", zone=zone), values.get("time_zone", "")),
        groups=tuple(Box(name, label, name in ticked) for name, label in groups),
        all_shops="all_shops" in ticked,
        shops=tuple(Box(name, label, name in ticked) for name, label in shops),
        sends="one_time_password" in ticked,
        can_send=user is not None and can_be_written_to(user),
        wrong=refusal.field if isinstance(refusal, Invalid) else "",
        errors=(refusal.message,) if refusal else (),
    )
