"""Relying apps: operators make, change and remove them; administrators read those that serve their organisation."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from flask import Blueprint, Response, abort, url_for

from idp import clock
from idp.audit import Origin
from idp.errors import Invalid, Message, Refusal, say, say_many
from idp.oauth import registration
from idp.oauth.client_metadata import accepted_methods
from idp.oauth.pkce import Demand, demand_of
from idp.store import clients as store
from idp.store.clients import Client
from idp.web import pages, post_redirect_get, request_context, unsaved
from idp.web.admin import client_form, client_guide, guard
from idp.web.admin.client_form import Group, Shown
from idp.web.admin.client_guide import GuidePanel
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin, Frame
from idp.web.admin.logout_failures import LogoutFailures, failures_of
from idp.web.confirmed_action import ConfirmedAction
from idp.web.oauth_provider import provider
from idp.web.pagination import List, Pages, page_of
from idp.web.unsaved import Fields

HERE = "apps"
PKCE = {
    Demand.ALWAYS: say("always"),
    Demand.UNLESS_NONCE: say("always, or a nonce instead"),
    Demand.NEVER: say("not needed"),
}
"""When an app must use PKCE."""


@dataclass(frozen=True)
class AppRow:
    """Hold an app in the list. ``pkce``: when it must use that."""

    client_id: str
    name: str
    is_public: bool
    first_party: bool
    is_disabled: bool
    pkce: Message


@dataclass(frozen=True)
class AppListPage:
    """Hold a page of the apps that the reader may see, by id; ``may_change`` for operators."""

    frame: Frame
    rows: tuple[AppRow, ...]
    pages: Pages
    may_change: bool


@dataclass(frozen=True)
class Secret:
    """Hold a valid secret: when it was made and when it ends (None: no end yet)."""

    made_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True)
class AppDetailPage:
    """Hold one app. ``settings``: lines to copy into it. ``methods``: how it may authenticate. ``secret``: a new one.

    ``logout_failures``: for operators.
    """

    frame: Frame
    app: AppRow
    fields: tuple[Shown, ...]
    settings: tuple[str, ...]
    guide: GuidePanel
    methods: tuple[str, ...]
    secrets: tuple[Secret, ...]
    may_change: bool
    secret: str = ""
    logout_failures: LogoutFailures | None = None


@dataclass(frozen=True)
class AppForm:
    """Hold an app to create (``client_id`` empty) or change. ``wrong``: the field with an error."""

    frame: Frame
    client_id: str
    typed_id: str
    groups: tuple[Group, ...]
    wrong: str = ""
    errors: tuple[Message, ...] = ()


ClientAction = ConfirmedAction[[str, Origin], str | None]


def _rotate(client_id: str, origin: Origin) -> str:
    return registration.rotate_secret(request_context.settings(), client_id, origin)


def _enable(client_id: str, origin: Origin) -> None:
    registration.disable(client_id, origin, disabled=False)


ACTIONS: dict[str, ClientAction] = {
    "rotate": ConfirmedAction(
        say("Make a new secret for %(app)s?"),
        (
            say("The new secret is shown once."),
            say_many(
                "The present one keeps working for %(num)s hour, so that you can change over.",
                "The present one keeps working for %(num)s hours, so that you can change over.",
                registration.OVERLAP // timedelta(hours=1),
            ),
        ),
        say("New secret"),
        _rotate,
    ),
    "disable": ConfirmedAction(
        say("Disable %(app)s?"),
        (say("Nobody can sign in to it, and the tokens it holds stop working at once."), say("You can enable it again.")),
        say("Disable"),
        registration.disable,
    ),
    "enable": ConfirmedAction(
        say("Enable %(app)s?"),
        (say("People can sign in to it again."),),
        say("Enable"),
        _enable,
    ),
    "delete": ConfirmedAction(
        say("Delete %(app)s?"),
        (
            say("Its registration, its secrets and people's consent to it are deleted for good."),
            say("Everybody is signed out of it at once."),
        ),
        say("Delete"),
        registration.remove,
    ),
}
"""The actions on an app; ``do`` returns a new secret, or nothing. The heading has a place for ``app``."""


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
    of, read = List("admin.apps", {"store_url": store_url}), partial(store.listed, organisation_id=own)
    shown, beside = page_of(of, store.place_of, read, lambda row: row.client_id)
    rows = tuple(map(_row, shown))
    return pages.render("admin/clients.html", AppListPage(admin.frame(HERE), rows, beside, admin.is_operator))


def show_one(store_url: str, client_id: str) -> Response:
    """Show one app, with the settings to copy into it."""
    admin = guard.administrator(store_url, or_installation=True)
    return pages.render("admin/client.html", detail(admin, app_at(admin, client_id)))


def add(store_url: str) -> Response:
    """Create an app; its secret is shown this once."""
    admin = guard.operator(store_url, fresh=True, or_installation=True)
    return unsaved.answer(lambda: _form(admin, None, None), partial(_form, admin, None), partial(_add, admin))


def _add(admin: Admin, form: Fields) -> Response:
    metadata, ours = client_form.read(request_context.settings(), None, form, _api_scopes())
    typed = form.get("client_id", "").strip() or None
    row, secret = registration.register(request_context.settings(), typed, metadata, ours, None, admin.origin)
    post_redirect_get.land_at(address_of(admin, row.client_id))
    return pages.render("admin/client.html", detail(admin, row, secret))


def edit(store_url: str, client_id: str) -> Response:
    """Change an app."""
    admin = guard.operator(store_url, fresh=True, or_installation=True)
    row = app_at(admin, client_id)
    return unsaved.answer(lambda: _form(admin, row, None), partial(_form, admin, row), partial(_save, admin, row))


def _save(admin: Admin, row: Client, form: Fields) -> Response:
    client_id = row.client_id
    metadata, ours = client_form.read(request_context.settings(), row, form, _api_scopes())
    registration.change(request_context.settings(), client_id, metadata, ours, admin.origin)
    return guard.done(address_of(admin, client_id), "saved")


def act_on_app(store_url: str, client_id: str, act: str) -> Response:
    """Ask, then carry out one of ``ACTIONS``."""
    chosen = ACTIONS.get(act) or abort(404)
    admin = guard.operator(store_url, fresh=True, or_installation=True)
    question = _question(admin, app_at(admin, client_id), chosen)
    return confirm_then(admin, HERE, question, partial(_carry_out, admin, client_id, act))


def _carry_out(admin: Admin, client_id: str, act: str) -> Response:
    secret = ACTIONS[act].do(client_id, admin.origin)
    if secret:
        post_redirect_get.land_at(address_of(admin, client_id))
        return pages.render("admin/client.html", detail(admin, app_at(admin, client_id), secret))
    return guard.done(*(_list_of(admin), "removed") if act == "delete" else (address_of(admin, client_id), "done"))


def app_at(admin: Admin, client_id: str) -> Client:
    """Return an app that the reader may see. Answers 404 for any other id."""
    row = store.client(client_id) if len(client_id) <= 200 and "\0" not in client_id else None
    return row if row is not None and _is_visible(admin, row) else abort(404)


def address_of(admin: Admin, client_id: str) -> str:
    """Return the address of an app's page."""
    return url_for("admin.app", store_url=admin.organisation.store_url, client_id=client_id)


def _list_of(admin: Admin) -> str:
    return url_for("admin.apps", store_url=admin.organisation.store_url)


def _is_visible(admin: Admin, row: Client) -> bool:
    return admin.is_operator or row.serves(admin.organisation.id)


def _api_scopes() -> list[str]:
    return sorted({scope for api in provider().clients.resources().values() for scope in api.scopes})


def _row(row: Client) -> AppRow:
    pkce = PKCE[demand_of(row.metadata_, request_context.settings())]
    return AppRow(row.client_id, row.name, row.is_public, row.first_party, row.disabled_at is not None, pkce)


def _question(admin: Admin, row: Client, action: ClientAction) -> Question:
    heading = action.heading.about(app=_row(row).name)
    return Question(heading, action.sentences, action.button, address_of(admin, row.client_id))


def _form(admin: Admin, row: Client | None, form: dict[str, str] | None, refusal: Refusal | None = None) -> Response:
    page = AppForm(
        admin.frame(HERE),
        client_id=row.client_id if row else "",
        typed_id=(form or {}).get("client_id", ""),
        groups=client_form.grouped(client_form.shown(request_context.settings(), row, form, _api_scopes())),
        wrong=refusal.field if isinstance(refusal, Invalid) else "",
        errors=(refusal.message,) if refusal else (),
    )
    return pages.render("admin/client_form.html", page, 422 if refusal else 200)


def detail(admin: Admin, row: Client, secret: str = "") -> AppDetailPage:
    """Return everything about an app; its secret only if it was made just now."""
    settings = request_context.settings()
    seen = client_form.shown(settings, row, None, _api_scopes())
    others = () if admin.is_operator else ("organisations", "contacts")
    return AppDetailPage(
        frame=admin.frame(HERE),
        app=_row(row),
        fields=tuple(one for one in seen if one.field.name not in others and _is_filled(one)),
        settings=client_guide.lines(row, settings.issuer),
        guide=client_guide.panel(row),
        methods=accepted_methods(row.metadata_),
        secrets=tuple(Secret(*dates) for dates in store.secrets_with_dates(row.client_id, clock.now())),
        may_change=admin.is_operator,
        secret=secret,
        logout_failures=failures_of(row.client_id) if admin.is_operator else None,
    )


def _is_filled(one: Shown) -> bool:
    return bool(one.text or one.chosen - {""})
