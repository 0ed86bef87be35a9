"""Groups of an organisation: add, rename, whether they require a second factor, members, delete (S3, S4, S9)."""

from dataclasses import dataclass, replace
from functools import partial

from flask import Blueprint, Response, abort, url_for

from idp.db import transaction
from idp.errors import Invalid, Message, Refusal, say, say_many
from idp.identity.accounts import accounts
from idp.identity.organisations import groups
from idp.identity.users import lookup
from idp.keyset import FEW
from idp.store import memberships, organisation_lists, organisations, user_search, users
from idp.store.organisation_lists import NameSought
from idp.store.organisations import Group
from idp.store.user_search import PeopleSought
from idp.web import edited, pages, request_context, unsaved
from idp.web.admin import guard, name_lists
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin, Frame
from idp.web.admin.name_lists import Kind, Search
from idp.web.pagination import Pages, page_of, people
from idp.web.unsaved import Fields

HERE = "groups"
LIST = Kind(
    "admin.groups",
    (("", say("Name, A to Z")), ("-name", say("Name, Z to A"))),
    say("More than 10,000 groups"),
    (
        ("", say("All groups")),
        ("mfa", say("Required")),
        ("no-mfa", say("Not required")),
    ),
    say("Second factor: %(name)s"),
)
REQUIRES = {"": None, "mfa": True, "no-mfa": False}


@dataclass(frozen=True)
class GroupRow:
    """Hold a group in the list, with the number of its people."""

    id: str
    name: str
    requires_mfa: bool
    people: Message


@dataclass(frozen=True)
class GroupsPage:
    """Hold a page of groups, and the form for another: the entered values and their errors."""

    frame: Frame
    search: Search
    rows: tuple[GroupRow, ...]
    pages: Pages
    name: str = ""
    requires_mfa: bool = False
    errors: tuple[Message, ...] = ()


@dataclass(frozen=True)
class GroupPage:
    """Hold one group. ``wrong``: the field of ``errors``; ``username``: the person to add."""

    frame: Frame
    group: GroupRow
    name: str
    requires_mfa: bool
    was: str
    username: str = ""
    wrong: str = ""
    errors: tuple[Message, ...] = ()


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    one = "/<store_url>/groups/<group_id>"
    blueprint.add_url_rule("/<store_url>/groups", "groups", show, methods=["GET", "POST"])
    blueprint.add_url_rule(one, "group", edit, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{one}/remove", "remove_group", remove, methods=["GET", "POST"])


def show(store_url: str) -> Response:
    """List the groups. A posted form adds one."""
    admin = guard.administrator(store_url)
    return unsaved.answer(
        lambda: pages.render("admin/groups.html", GroupsPage(admin.frame(HERE), *_rows(admin))),
        partial(_add_again, admin),
        partial(_add, admin),
    )


def _add(admin: Admin, form: Fields) -> Response:
    values = {"name": form.get("name", ""), "requires_mfa": "requires_mfa" in form}
    with transaction():
        group = groups.create(admin.organisation.id, values, admin.origin)
    return guard.told(admin, _address(admin, group), say("The group “%(name)s” is added.", name=group.name))


def _add_again(admin: Admin, form: Fields, refusal: Refusal | None) -> Response:
    errors = (refusal.message,) if refusal else ()
    page = GroupsPage(admin.frame(HERE), *_rows(admin), form.get("name", ""), "requires_mfa" in form, errors)
    return pages.render("admin/groups.html", page, 422 if refusal else 200)


def edit(store_url: str, group_id: str) -> Response:
    """Show one group. A posted form changes it, or adds a user."""
    admin = guard.administrator(store_url)
    group = _at(admin, group_id)
    return unsaved.answer(
        lambda: pages.render("admin/group.html", _page(admin, group)),
        partial(_edit_again, admin, group),
        partial(_edit, admin, group),
    )


def _edit(admin: Admin, group: Group, form: Fields) -> Response:
    if "username" in form:
        _put_in(admin, group, form["username"])
        told = say("%(username)s is now in the group “%(name)s”.", username=form["username"].strip(), name=group.name)
    else:
        _save(admin, group, form)
        told = say("The group “%(name)s” is saved.", name=form.get("name", ""))
    return guard.told(admin, _address(admin, group), told)


def _edit_again(admin: Admin, group: Group, form: Fields, refusal: Refusal | None) -> Response:
    page = _again(admin, group, form, refusal)
    return pages.render("admin/group.html", page, 422 if refusal else 200)


def remove(store_url: str, group_id: str) -> Response:
    """Ask, then delete."""
    admin = guard.administrator(store_url, fresh=True)
    group = _at(admin, group_id)
    question = _question(admin, group)
    return confirm_then(admin, HERE, question, partial(_remove, admin, group))


def _remove(admin: Admin, group: Group) -> Response:
    with transaction():
        groups.remove(group, admin.origin)
    back = url_for("admin.groups", store_url=admin.organisation.store_url)
    return guard.told(admin, back, say("The group “%(name)s” is deleted.", name=group.name))


def _at(admin: Admin, group_id: str) -> Group:
    return organisations.group(admin.organisation.id, group_id) or abort(404)


def _address(admin: Admin, group: Group) -> str:
    return url_for("admin.group", store_url=admin.organisation.store_url, group_id=group.id)


def _save(admin: Admin, group: Group, form: Fields) -> None:
    values = {"name": form.get("name", ""), "requires_mfa": "requires_mfa" in form}
    with transaction():
        group = organisations.lock_group(group.organisation_id, group.id) or abort(404)
        edited.check(form, _stored(group))
        groups.change(group, values, admin.origin)


def _put_in(admin: Admin, group: Group, username: str) -> None:
    at = admin.organisation
    user = lookup.find(at.id, username)
    if user is None:
        raise Invalid("username", say("Nobody here has the username “%(username)s”.", username=username[:254]))
    names = [one.name for one in users.groups_of(at.id, user.id)]
    accounts.change(request_context.settings(), at, user, {"groups": [*dict.fromkeys([*names, group.name])]}, admin.origin)


def _rows(admin: Admin) -> tuple[Search, tuple[GroupRow, ...], Pages]:
    at = admin.organisation
    kind = replace(LIST, values={"store_url": at.store_url})
    asked = name_lists.asked_of(kind)
    found = organisation_lists.find_groups(at.id, NameSought(asked.q, asked.sort, REQUIRES[asked.only]))
    shown, beside = page_of(
        kind.list_of(asked),
        partial(organisation_lists.place_of_group, at.id, asked.sort),
        found.page,
        lambda group: group.id,
    )
    count = found.count()
    search = name_lists.search(kind, asked, count, say_many("%(num)s group", "%(num)s groups", count))
    sizes = memberships.sizes_of_groups(at.id, [group.id for group in shown])
    rows = tuple(GroupRow(row.id, row.name, row.requires_mfa, people(sizes[row.id])) for row in shown)
    return search, rows, beside


def _row(group: Group) -> GroupRow:
    return GroupRow(group.id, group.name, group.requires_mfa, people(_count(group)))


def _count(group: Group) -> int:
    return user_search.count_found(group.organisation_id, PeopleSought(group_id=group.id))


def _page(admin: Admin, group: Group) -> GroupPage:
    was = edited.state_of(_stored(group))
    return GroupPage(admin.frame(HERE), _row(group), group.name, group.requires_mfa, was)


def _stored(group: Group) -> dict[str, str]:
    return {"name": group.name, **({"requires_mfa": "yes"} if group.requires_mfa else {})}


def _again(admin: Admin, group: Group, form: Fields, refusal: Refusal | None) -> GroupPage:
    wrong, errors = "username" if "username" in form else "name", (refusal.message,) if refusal else ()
    name = form.get("name", group.name)
    ticked = "requires_mfa" in form if "name" in form else group.requires_mfa
    was = edited.shown(form, _stored(group), refusal)
    return GroupPage(admin.frame(HERE), _row(group), name, ticked, was, form.get("username", ""), wrong, errors)


def _question(admin: Admin, group: Group) -> Question:
    count = _count(group)
    sentences = [say_many("%(num)s person is in the group.", "%(num)s people are in the group.", count)]
    if count > FEW:
        sentences = [say("More than 10,000 people are in the group.")]
    if group.requires_mfa:
        sentences.append(
            say("The group then no longer requires a second factor. Second factors that are set up stay active.")
        )
    heading = say("Delete the group %(name)s?", name=group.name)
    return Question(heading, tuple(sentences), say("Delete"), _address(admin, group), is_final=True)
