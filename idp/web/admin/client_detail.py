"""Show one relying app: its settings, a guide for its library, its secrets."""

from dataclasses import dataclass

from flask import abort, url_for

from idp.errors import Message, say
from idp.oauth.pkce import Demand, demand_of
from idp.store import clients as store
from idp.store.clients import Client
from idp.web import request_context
from idp.web.admin import client_form, client_guide, secret_panel
from idp.web.admin.client_form import Shown
from idp.web.admin.client_guide import GuidePanel
from idp.web.admin.guard import Admin, Frame
from idp.web.admin.logout_failures import LogoutFailures, failures_of
from idp.web.admin.secret_panel import SecretPanel
from idp.web.oauth_provider import provider

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
class AppDetailPage:
    """Hold one app. ``settings``: lines to copy into it. ``secret``: a new one. ``is_new``: it was connected just now.

    ``logout_failures``: for operators.
    """

    frame: Frame
    app: AppRow
    fields: tuple[Shown, ...]
    settings: tuple[str, ...]
    guide: GuidePanel
    secrets: SecretPanel
    may_change: bool
    secret: str = ""
    is_new: bool = False
    logout_failures: LogoutFailures | None = None


def app_at(admin: Admin, client_id: str) -> Client:
    """Return an app that the reader may see. Answers 404 for any other id."""
    row = store.client(client_id) if len(client_id) <= 200 and "\0" not in client_id else None
    return row if row is not None and _is_visible(admin, row) else abort(404)


def address_of(admin: Admin, client_id: str) -> str:
    """Return the address of an app's page."""
    return url_for("admin.app", store_url=admin.organisation.store_url, client_id=client_id)


def _is_visible(admin: Admin, row: Client) -> bool:
    return admin.is_operator or row.serves(admin.organisation.id)


def api_scopes() -> list[str]:
    """Return the scopes of all APIs."""
    return sorted({scope for api in provider().clients.resources().values() for scope in api.scopes})


def row_of(row: Client) -> AppRow:
    """Return an app as the list shows it."""
    pkce = PKCE[demand_of(row.metadata_, request_context.settings())]
    return AppRow(row.client_id, row.name, row.is_public, row.first_party, row.disabled_at is not None, pkce)


def detail(admin: Admin, row: Client, secret: str = "", stack: str = "", *, is_new: bool = False) -> AppDetailPage:
    """Return everything about an app; its secret only if it was made just now. ``stack``: the library to show."""
    settings = request_context.settings()
    seen = client_form.shown(settings, row, None, api_scopes())
    others = () if admin.is_operator else ("organisations", "contacts")
    return AppDetailPage(
        frame=admin.frame(HERE),
        app=row_of(row),
        fields=tuple(one for one in seen if one.field.name not in others and _is_filled(one)),
        settings=client_guide.lines(row, settings.issuer),
        guide=client_guide.panel(row, stack),
        secrets=secret_panel.panel(admin.organisation.id, row),
        may_change=admin.is_operator,
        secret=secret,
        is_new=is_new,
        logout_failures=failures_of(row.client_id) if admin.is_operator else None,
    )


def _is_filled(one: Shown) -> bool:
    return bool(one.text or one.chosen - {""})
