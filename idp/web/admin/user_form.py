"""Add a person, or edit one with the pencil (S13). A person without an e-mail address gets a printed code next."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Blueprint, Response

from idp import zones
from idp.audit import Event
from idp.errors import Invalid, Message, Refusal, say
from idp.identity import permissions
from idp.identity.accounts import accounts
from idp.identity.roles import ROLE_NAMES, RULING_ROLES, Role, is_more
from idp.identity.user_fields import PersonDraft
from idp.languages import LANGUAGES
from idp.mail.messages import can_be_written_to
from idp.store import audit, users
from idp.store.users import User
from idp.web import edited, pages, request_context, times, unsaved
from idp.web.admin import guard, picker
from idp.web.admin.guard import Admin, Frame
from idp.web.admin.picker import GROUP, SHOP, Picker
from idp.web.admin.user_pages import FIELDS, HERE, Choices, address_of, person_at
from idp.web.unsaved import Fields

KINDS = (GROUP, SHOP)
SAVED = say("The details of %(username)s are saved.")
CODES_ENDED = say(
    "The details of %(username)s are saved. With the new role, earlier one-time codes and links to choose a password no "
    "longer work."
)
AS_THE_LAST = ("role", "locale")
"""Fields in which a new person is like the one added last."""


@dataclass(frozen=True)
class PersonForm:
    """Hold a person to add (``user_id`` empty) or to edit. ``values`` by the names of ``FIELDS``.

    ``like``: the username of the last person added, whose role, language, groups and shops are filled in; empty for none.
    ``sends``: the tick of S49. ``can_send``: whether a one-time password could reach them (S49, S54). ``was``: the digest of
    what an edit was filled in from (``edited``).
    """

    frame: Frame
    user_id: str
    values: dict[str, str]
    roles: Choices
    zones: Choices
    groups: Picker
    all_shops: bool
    shops: Picker
    sends: bool = False
    can_send: bool = False
    like: str = ""
    was: str = ""
    wrong: str = ""
    errors: tuple[Message, ...] = ()


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/<store_url>/people/add", "add_person", add, methods=["GET", "POST"])
    blueprint.add_url_rule("/<store_url>/people/<user_id>/edit", "edit_person", edit, methods=["GET", "POST"])


def add(store_url: str) -> Response:
    """Add one person."""
    admin = guard.administrator(store_url, or_installation=True)
    return unsaved.answer(partial(_blank, admin), partial(_again, admin, None), partial(_add, admin))


def edit(store_url: str, user_id: str) -> Response:
    """Edit one person; with the tick of S49, go on to the question about the one-time password."""
    admin = guard.administrator(store_url, or_installation=True)
    user = person_at(admin, user_id)
    permissions.require_over(admin.organisation, user, admin.origin)
    return unsaved.answer(
        lambda: pages.render("admin/user_form.html", _form(admin, user, _stored(admin, user))),
        partial(_again, admin, user),
        partial(_save, admin, user),
    )


def _add(admin: Admin, form: Fields) -> Response:
    if picker.only_looks(form):
        return _again(admin, None, form, None)
    draft = PersonDraft.of(**_values_of(admin, form))
    user = accounts.create(request_context.settings(), admin.organisation, draft, admin.origin)
    there = address_of(admin, user.id, "" if user.email else "print-code")
    return guard.told(admin, there, say("%(username)s is added.", username=user.username))


def _save(admin: Admin, user: User, form: Fields) -> Response:
    if picker.only_looks(form):
        return _again(admin, user, form, None)
    accounts.change(
        request_context.settings(),
        admin.organisation,
        user,
        _values_of(admin, form),
        admin.origin,
        lambda present: edited.check(form, _stored(admin, present)),
    )
    there = address_of(admin, user.id, "one-time-password" if "one_time_password" in form else "")
    told = CODES_ENDED if is_more(form.get("role", user.role), user.role) else SAVED
    return guard.told(admin, there, told.about(username=form.get("username", "")))


def _values_of(admin: Admin, form: Fields) -> dict[str, Any]:
    """Read the form by the names of ``PersonDraft``."""
    at = admin.organisation.id
    values: dict[str, Any] = {field.name: form.get(field.name, "") for field in FIELDS}
    groups, shops = (picker.picked(kind, at, form) for kind in KINDS)
    for one in (groups, shops):
        one.require_exact()
    values["groups"] = tuple(group.name for group in groups.chosen)
    values["shops"] = None if "all_shops" in form else tuple(shop.code for shop in shops.chosen)
    if values["locale"] not in ("", *LANGUAGES):
        raise Invalid("locale", say("Choose one of the languages."))
    return values


def _blank(admin: Admin) -> Response:
    """Show the form of a new person, filled in like the last person that this administrator added with it.

    People of a file, who are created outside of a request, are no choice that is to be remembered.
    """
    at = admin.organisation.id
    row = audit.last_of(at, admin.me.user.id, Event.USER_CREATED)
    last = users.user(at, row.subject_id) if row and row.request_id else None
    if last is None or last.role in RULING_ROLES:  # a powerful role is never chosen by default
        return pages.render("admin/user_form.html", _form(admin, None, {"role": Role.EMPLOYEE}))
    kept = {name: text for name, text in _stored(admin, last).items() if name not in _NAMES or name in AS_THE_LAST}
    return pages.render("admin/user_form.html", _form(admin, None, kept, like=last.username))


_NAMES = frozenset(field.name for field in FIELDS)


def _stored(admin: Admin, user: User) -> Fields:
    """Return the form of a user as it would be sent."""
    at = admin.organisation.id
    ticked = picker.chosen_keys(GROUP, users.groups_of(at, user.id)) | picker.chosen_keys(SHOP, users.shops_of(at, user.id))
    values = {field.name: str(field.value_of(user) or "") for field in FIELDS}
    return values | ticked | ({"all_shops": "yes"} if user.all_shops else {})


def _again(admin: Admin, user: User | None, form: Fields, refusal: Refusal | None) -> Response:
    """Show the form as it was filled in, with its errors."""
    return pages.render("admin/user_form.html", _form(admin, user, form, refusal), unsaved.status_of(refusal))


def _form(
    admin: Admin, user: User | None, form: Mapping[str, str], refusal: Refusal | None = None, *, like: str = ""
) -> PersonForm:
    at, zone = admin.organisation.id, zones.Named(admin.organisation.zone.key)
    is_told = refusal is None
    groups, shops = (picker.shown(picker.picked(kind, at, form), at, is_told=is_told) for kind in KINDS)
    return PersonForm(
        frame=admin.frame(HERE),
        user_id=user.id if user else "",
        values={field.name: form.get(field.name, "") for field in FIELDS},
        roles=tuple((role, ROLE_NAMES[role]) for role in permissions.roles_for(admin.organisation, user, admin.origin)),
        zones=times.zone_choices(say("Same as the organisation: %(zone)s", zone=zone), form.get("time_zone", "")),
        groups=groups,
        all_shops="all_shops" in form,
        shops=shops,
        sends="one_time_password" in form,
        can_send=user is not None and can_be_written_to(user),
        like=like,
        was=edited.shown(form, _stored(admin, user), refusal) if user else "",
        wrong=refusal.field if isinstance(refusal, Invalid) else "",
        errors=(refusal.message,) if refusal else (),
    )
