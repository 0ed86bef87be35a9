"""People of an organisation: search, page, add one, edit with the pencil (S13). One person's page is in ``person``."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, request, url_for

from idp.errors import Invalid, Message, Refusal, say
from idp.identity import authority, people
from idp.identity.policy import ROLES
from idp.mail.messages import can_be_written_to
from idp.store import organisations, users
from idp.store.users import User
from idp.web import browser, forms, pages
from idp.web.admin import access
from idp.web.admin.access import Admin, Frame, Section

PAGE = 25
HERE = "people"
ROLE_NAMES = {
    "owner": say("Owner"),
    "administrator": say("Administrator"),
    "manager": say("Manager"),
    "employee": say("Employee"),
    "customer": say("Customer"),
}
DETAILS = ("username", "name", "email", "phone_number", "locale", "role")
Choices = tuple[tuple[str, Message | str], ...]


@dataclass(frozen=True)
class Row:
    """A person in the list. ``may_change``: whether the reader may edit them."""

    user: User
    role: Message
    may_change: bool


@dataclass(frozen=True)
class PeoplePage:
    """A page of people. ``q``, ``role`` and ``group`` (an id) are what was sought; ``earlier``, ``later``: links."""

    frame: Frame
    q: str
    role: str
    group: str
    roles: Choices
    groups: Choices
    rows: tuple[Row, ...]
    count: int
    number: int
    last: int
    earlier: str
    later: str


@dataclass(frozen=True)
class Box:
    """A group or shop that can be ticked; ``name`` is the field's."""

    name: str
    label: str
    checked: bool


@dataclass(frozen=True)
class PersonForm:
    """Somebody to add (``user_id`` empty) or to edit. ``values`` by the names of ``DETAILS``.

    ``can_send``: whether a one-time password could reach them (S49, S54).
    """

    frame: Frame
    user_id: str
    values: dict[str, str]
    roles: Choices
    groups: tuple[Box, ...]
    all_shops: bool
    shops: tuple[Box, ...]
    can_send: bool = False
    wrong: str = ""
    errors: tuple[Message, ...] = ()


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes and its entry of the menu."""
    access.section(Section(HERE, say("People"), "admin.people"))
    blueprint.add_url_rule("/<store_url>/people", "people", show)
    blueprint.add_url_rule("/<store_url>/people/add", "add_person", add, methods=["GET", "POST"])
    blueprint.add_url_rule("/<store_url>/people/<user_id>/edit", "edit_person", edit, methods=["GET", "POST"])


def show(store_url: str) -> Response:
    """The people that a search finds."""
    return pages.render("admin/people.html", _list(access.administrator(store_url)))


def add(store_url: str) -> Response:
    """Add one person."""
    admin = access.administrator(store_url)
    if request.method == "GET":
        return pages.render("admin/person_form.html", _form(admin, None, {"role": "employee"}, set(), None))
    form = forms.fields()
    try:
        draft = people.PersonDraft(**_told(admin, form))
        user = people.create(browser.settings(), admin.organisation, draft, admin.origin)
    except Refusal as refusal:
        return _again(admin, None, form, refusal)
    return access.done(address_of(admin, user.id), "added")


def edit(store_url: str, user_id: str) -> Response:
    """Edit one person; with the tick of S49, on to the question about the one-time password."""
    admin = access.administrator(store_url)
    user = person_at(admin, user_id)
    authority.require_over(admin.organisation, user, admin.origin)
    if request.method == "GET":
        return pages.render("admin/person_form.html", _stored(admin, user))
    form = forms.fields()
    try:
        people.change(browser.settings(), admin.organisation, user, _told(admin, form), admin.origin)
    except Refusal as refusal:
        return _again(admin, user, form, refusal)
    if "one_time_password" in form:
        return pages.see_other(address_of(admin, user.id, "one-time-password"))
    return access.done(address_of(admin, user.id), "saved")


def person_at(admin: Admin, user_id: str) -> User:
    """A user of the organisation looked after; 404 for any other id."""
    return users.user(admin.organisation.id, user_id) or abort(404)


def address_of(admin: Admin, user_id: str, act: str = "") -> str:
    """One person's page, or the page of something to be done to them."""
    store_url = admin.organisation.store_url
    if act:
        return url_for("admin.act_on_person", store_url=store_url, user_id=user_id, act=act)
    return url_for("admin.person", store_url=store_url, user_id=user_id)


def _list(admin: Admin) -> PeoplePage:
    at = admin.organisation.id
    groups: Choices = tuple((group.id, group.name) for group in organisations.groups(at))
    q = request.args.get("q", "").strip()[:100].replace("\0", "")
    role = _one_of(request.args.get("role", ""), ROLES)
    group = _one_of(request.args.get("group", ""), [key for key, _ in groups])
    count = users.count_found(at, q, role, group)
    last = max(1, -(-count // PAGE))
    number = min(max(1, request.args.get("page", 1, type=int)), last)
    rows = users.search(at, q, role, group, first=(number - 1) * PAGE, most=PAGE)
    sought = {"q": q, "role": role, "group": group}
    return PeoplePage(
        frame=admin.frame(HERE),
        **sought,
        roles=(("", say("All roles")), *ROLE_NAMES.items()),
        groups=(("", say("All groups")), *groups),
        rows=tuple(
            Row(row, ROLE_NAMES[row.role], authority.is_over(admin.organisation, row, admin.origin)) for row in rows
        ),
        count=count,
        number=number,
        last=last,
        earlier=_link({**sought, "page": number - 1}) if number > 1 else "",
        later=_link({**sought, "page": number + 1}) if number < last else "",
    )


def _one_of(wanted: str, known: Any) -> str:
    return wanted if wanted in known else ""


def _link(query: dict[str, Any]) -> str:
    return f"{request.path}?{urlencode({key: value for key, value in query.items() if value})}"


def _told(admin: Admin, form: dict[str, str]) -> dict[str, Any]:
    """What a form says, by the names of ``PersonDraft``."""
    at = admin.organisation.id
    told: dict[str, Any] = {name: form.get(name, "") for name in DETAILS}
    told["groups"] = tuple(group.name for group in organisations.groups(at) if f"group-{group.id}" in form)
    ticked = tuple(shop.code for shop in organisations.shops(at) if f"shop-{shop.id}" in form)
    told["shops"] = None if "all_shops" in form else ticked
    if told["locale"] not in ("", *pages.LANGUAGES):
        raise Invalid("locale", say("Choose one of the languages."))
    return told


def _stored(admin: Admin, user: User) -> PersonForm:
    at = admin.organisation.id
    groups = {f"group-{group.id}" for group in users.groups_of(at, user.id)}
    shops = {f"shop-{shop.id}" for shop in users.shops_of(at, user.id)}
    all_shops = {"all_shops"} if user.all_shops else set()
    values = {name: str(getattr(user, name) or "") for name in DETAILS}
    return _form(admin, user, values, groups | shops | all_shops, None)


def _again(admin: Admin, user: User | None, form: dict[str, str], refusal: Refusal) -> Response:
    """The form as it was filled in, and what is wrong with it."""
    page = _form(admin, user, {name: form.get(name, "") for name in DETAILS}, set(form), refusal)
    return pages.render("admin/person_form.html", page, 422 if refusal.status == 400 else refusal.status)


def _form(admin: Admin, user: User | None, values: dict[str, str], ticked: set[str], refusal: Refusal | None) -> PersonForm:
    at = admin.organisation.id
    groups = [(f"group-{group.id}", group.name) for group in organisations.groups(at)]
    shops = [(f"shop-{shop.id}", shop.name) for shop in organisations.shops(at)]
    return PersonForm(
        frame=admin.frame(HERE),
        user_id=user.id if user else "",
        values=values,
        roles=tuple((role, ROLE_NAMES[role]) for role in authority.roles_to_give(admin.organisation, admin.origin)),
        groups=tuple(Box(name, label, name in ticked) for name, label in groups),
        all_shops="all_shops" in ticked or (user is None and refusal is None),
        shops=tuple(Box(name, label, name in ticked) for name, label in shops),
        can_send=user is not None and can_be_written_to(user),
        wrong=refusal.field if isinstance(refusal, Invalid) else "",
        errors=(refusal.message,) if refusal else (),
    )
