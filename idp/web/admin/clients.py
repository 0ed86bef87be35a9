"""Relying apps: operators make, change and remove them; administrators read those that serve their organisation."""

from dataclasses import dataclass
from functools import partial

from flask import Blueprint, Response, abort, request, url_for

from idp.audit import Origin
from idp.errors import Invalid, Message, Refusal, say
from idp.oauth import client_permissions, registration
from idp.store.client_lists import ONLY, listed, place_of
from idp.store.clients import Client
from idp.web import edited, forms, pages, post_redirect_get, request_context, unsaved
from idp.web.admin import client_form, guard
from idp.web.admin.client_detail import HERE, AppRow, address_of, api_scopes, app_at, changeable, detail, rows_of
from idp.web.admin.client_form import Group
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin, Frame
from idp.web.confirmed_action import ConfirmedAction
from idp.web.pagination import List, Pages, page_of
from idp.web.unsaved import Fields

FILTERS = {
    "": say("All apps"),
    "self": say("Apps that registered themselves"),
    "managed": say("Apps that administrators connected"),
}
"""What the list may be narrowed to, by the value in its address."""
ALL = "all"
"""The parameter that shows every setting."""


@dataclass(frozen=True)
class AppListPage:
    """Hold a page of the apps that the reader may see, by id. ``may_connect``: whether they may add one."""

    frame: Frame
    rows: tuple[AppRow, ...]
    pages: Pages
    may_connect: bool
    is_operator: bool
    only: str = ""
    filters: tuple[tuple[str, Message], ...] = tuple(FILTERS.items())


@dataclass(frozen=True)
class AppForm:
    """Hold an app to create (``client_id`` empty) or change, with its present ``name``. ``wrong``: the field with an error.

    ``every_setting``: the address of the form with all settings, where this one has only those that fit. ``was``: the digest
    of what it was filled in from (``edited``).
    """

    frame: Frame
    client_id: str
    typed_id: str
    groups: tuple[Group, ...]
    name: str = ""
    every_setting: str = ""
    wrong: str = ""
    errors: tuple[Message, ...] = ()
    was: str = ""


ClientAction = ConfirmedAction[[str, Origin], None]


def _enable(client_id: str, origin: Origin) -> None:
    registration.disable(client_id, origin, disabled=False)


ACTIONS: dict[str, ClientAction] = {
    "disable": ConfirmedAction(
        say("Disable %(app)s?"),
        (say("Nobody can sign in to the app, and its tokens stop working at once."), say("You can enable it again.")),
        say("Disable"),
        registration.disable,
    ),
    "enable": ConfirmedAction(
        say("Enable %(app)s?"),
        (say("People can sign in to the app again."),),
        say("Enable"),
        _enable,
    ),
    "take-over": ConfirmedAction(
        say("Take over %(app)s?"),
        (say("The organisation's administrators can no longer change it. Only the installation administrator can."),),
        say("Take over"),
        registration.take_over,
    ),
    "delete": ConfirmedAction(
        say("Delete %(app)s?"),
        (
            say("The registration, the secrets and people's consent are deleted for good."),
            say("Everybody is signed out of the app at once."),
        ),
        say("Delete"),
        registration.remove,
        is_final=True,
    ),
}
"""The actions on an app. The heading has a place for ``app``."""
DONE = {
    "disable": say("“%(app)s” is disabled. Nobody can sign in to the app."),
    "enable": say("“%(app)s” is enabled. People can sign in to the app again."),
    "delete": say("“%(app)s” is deleted."),
    "take-over": say("“%(app)s” is taken over. Its organisation can no longer change the app."),
}
"""What each action did."""
ACTIONS_OF_ADMINISTRATORS = ("delete",)
"""The actions that administrators may do with an app that their organisation manages."""


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    both = ["GET", "POST"]
    blueprint.add_url_rule("/<store_url>/apps", "apps", show)
    blueprint.add_url_rule("/<store_url>/apps/add", "add_app", add, methods=both)
    blueprint.add_url_rule("/<store_url>/apps/<client_id>/about", "app", show_one)
    blueprint.add_url_rule("/<store_url>/apps/<client_id>/edit", "edit_app", edit, methods=both)
    blueprint.add_url_rule("/<store_url>/apps/<client_id>/do/<act>", "act_on_app", act_on_app, methods=both)


def show(store_url: str) -> Response:
    """List the apps."""
    admin = guard.administrator(store_url, or_installation=True)
    own = "" if admin.is_operator else admin.organisation.id
    only = forms.asked("only", 10) if forms.asked("only", 10) in ONLY else ""
    of, read = List("admin.apps", {"store_url": store_url, "only": only}), partial(listed, organisation_id=own, only=only)
    shown, beside = page_of(of, place_of, read, lambda row: row.client_id)
    rows = rows_of(shown)
    may_connect = client_permissions.may_connect(admin.organisation, admin.origin)
    page = AppListPage(admin.frame(HERE), rows, beside, may_connect, admin.is_operator, only)
    return pages.render("admin/clients.html", page)


def show_one(store_url: str, client_id: str) -> Response:
    """Show one app, with the settings to copy into it."""
    admin = guard.administrator(store_url, or_installation=True)
    return pages.render("admin/client.html", detail(admin, app_at(admin, client_id)))


def add(store_url: str) -> Response:
    """Create an app; its secret is shown this once."""
    admin = guard.operator(store_url, fresh=True, or_installation=True)
    return unsaved.answer(lambda: _form(admin, None, None), partial(_form, admin, None), partial(_add, admin))


def _add(admin: Admin, form: Fields) -> Response:
    metadata, ours = client_form.read(request_context.settings(), None, form, api_scopes())
    typed = form.get("client_id", "").strip() or None
    row, secret = registration.register(request_context.settings(), typed, metadata, ours, None, admin.origin)
    post_redirect_get.land_at(address_of(admin, row.client_id))
    return pages.render("admin/client.html", detail(admin, row, secret))


def edit(store_url: str, client_id: str) -> Response:
    """Change an app."""
    admin, row = changeable(store_url, client_id)
    return unsaved.answer(lambda: _form(admin, row, None), partial(_form, admin, row), partial(_save, admin, row))


def _save(admin: Admin, row: Client, form: Fields) -> Response:
    client_id = row.client_id
    metadata, ours = client_form.read(request_context.settings(), row, form, _scopes_for(admin))
    if not admin.is_operator:
        metadata, ours = client_form.of_administrator(row, metadata, ours)
    registration.change(
        request_context.settings(),
        client_id,
        metadata,
        ours,
        admin.origin,
        lambda present: edited.check(form, _stored(present)),
    )
    return guard.told(
        admin, address_of(admin, client_id), say("“%(app)s” is saved.", app=metadata.get("client_name", row.name))
    )


def _stored(row: Client) -> dict[str, str]:
    return {name: repr(value) for name, value in client_form.known(row).items()}


def act_on_app(store_url: str, client_id: str, act: str) -> Response:
    """Ask, then carry out one of ``ACTIONS``."""
    chosen = ACTIONS.get(act) or abort(404)
    admin, row = changeable(store_url, client_id)
    if not admin.is_operator and act not in ACTIONS_OF_ADMINISTRATORS:
        abort(404)
    question = _question(admin, row, chosen)
    return confirm_then(admin, HERE, question, partial(_carry_out, admin, row, act))


def _carry_out(admin: Admin, row: Client, act: str) -> Response:
    ACTIONS[act].do(row.client_id, admin.origin)
    there = _list_of(admin) if act == "delete" else address_of(admin, row.client_id)
    return guard.told(admin, there, DONE[act].about(app=row.name))


def _list_of(admin: Admin) -> str:
    return url_for("admin.apps", store_url=admin.organisation.store_url)


def _question(admin: Admin, row: Client, action: ClientAction) -> Question:
    heading = action.heading.about(app=row.name)
    back = address_of(admin, row.client_id)
    return Question(heading, action.sentences, action.button, back, is_final=action.is_final)


def _scopes_for(admin: Admin) -> list[str]:
    """Return the scopes of APIs to choose from. Administrators give none, and do not learn which APIs others run."""
    return api_scopes() if admin.is_operator else []


def _form(admin: Admin, row: Client | None, form: dict[str, str] | None, refusal: Refusal | None = None) -> Response:
    shows_all = row is None or ALL in request.args
    fields = client_form.shown(request_context.settings(), row, form, _scopes_for(admin))
    if not admin.is_operator:
        shows_all, fields = True, client_form.for_administrators(fields)
    page = AppForm(
        admin.frame(HERE),
        client_id=row.client_id if row else "",
        name=row.name if row else "",
        typed_id=(form or {}).get("client_id", ""),
        groups=client_form.grouped(fields if shows_all else client_form.fitting(fields, row)),
        every_setting="" if shows_all else f"{request.path}?{ALL}=1",
        wrong=refusal.field if isinstance(refusal, Invalid) else "",
        errors=(refusal.message,) if refusal else (),
        was=edited.shown(form or {}, _stored(row), refusal) if row else "",
    )
    return pages.render("admin/client_form.html", page, 422 if refusal else 200)
