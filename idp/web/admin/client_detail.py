"""Show one relying app: its settings, a guide for its library, its secrets."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import abort, url_for

from idp.errors import Message, say
from idp.oauth import client_permissions
from idp.oauth.pkce import Demand, demand_of
from idp.store import client_registrations
from idp.store import clients as store
from idp.store.clients import Client
from idp.web import request_context
from idp.web.account.current_user import who
from idp.web.admin import client_form, client_guide, guard, secret_panel
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
    """Hold an app in the list. ``pkce``: when it must use that. ``registered_itself``: no operator has looked at it.

    ``managed_by``: the name of the organisation whose administrators may change it.
    """

    client_id: str
    name: str
    is_public: bool
    first_party: bool
    is_disabled: bool
    pkce: Message
    managed_by: str = ""
    registered_itself: bool = False


@dataclass(frozen=True)
class AppDetailPage:
    """Hold one app. ``settings``: lines to copy into it. ``secret``: a new one. ``is_new``: it was connected just now.

    ``logout_failures``: for those who may change it. ``api``: the identifier of the API that it is; empty for others.
    ``signs_in``: people sign in to it at a browser, so that it can be tested.
    """

    frame: Frame
    app: AppRow
    fields: tuple[Shown, ...]
    settings: tuple[str, ...]
    guide: GuidePanel
    secrets: SecretPanel
    may_change: bool
    is_operator: bool
    secret: str = ""
    is_new: bool = False
    logout_failures: LogoutFailures | None = None
    api: str = ""
    signs_in: bool = True


def app_at(admin: Admin, client_id: str) -> Client:
    """Return an app that the reader may see. Answers 404 for any other id."""
    row = _known(client_id)
    return row if row is not None and _is_visible(admin, row) else abort(404)


def changeable(store_url: str, client_id: str) -> tuple[Admin, Client]:
    """Return the acting person and the app that they may change. Answers 404 to others, before a proof is asked."""
    present, known = who(), _known(client_id)
    if present is not None and (known is None or not client_permissions.may_change(known, present.origin)):
        abort(404)
    admin = guard.administrator(store_url, fresh=True, or_installation=True)
    row = app_at(admin, client_id)
    return (admin, row) if client_permissions.may_change(row, admin.origin) else abort(404)


def address_of(admin: Admin, client_id: str) -> str:
    """Return the address of an app's page."""
    return url_for("admin.app", store_url=admin.organisation.store_url, client_id=client_id)


def _known(client_id: str) -> Client | None:
    return store.client(client_id) if len(client_id) <= 200 and "\0" not in client_id else None


def _is_visible(admin: Admin, row: Client) -> bool:
    return admin.is_operator or row.serves(admin.organisation.id)


def api_scopes() -> list[str]:
    """Return the scopes of all APIs."""
    return sorted({scope for api in provider().clients.resources().values() for scope in api.scopes})


def rows_of(found: Sequence[Client]) -> tuple[AppRow, ...]:
    """Return apps as the list shows them."""
    settings = request_context.settings()
    alone = set(client_registrations.registered_among([row.client_id for row in found])) if found else set()
    managers = {row.managed_by for row in found if row.managed_by}
    names = dict(store.names_of_managers(sorted(managers))) if managers else {}
    return tuple(
        AppRow(
            row.client_id, row.name, row.is_public, row.first_party, row.disabled_at is not None,
            PKCE[demand_of(row.metadata_, settings)], names.get(row.managed_by, ""), row.client_id in alone,
        )
        for row in found
    )  # fmt: skip


def detail(admin: Admin, row: Client, secret: str = "", stack: str = "", *, is_new: bool = False) -> AppDetailPage:
    """Return everything about an app; its secret only if it was made just now. ``stack``: the library to show."""
    settings = request_context.settings()
    seen = client_form.shown(settings, row, None, api_scopes())
    may_change = client_permissions.may_change(row, admin.origin)
    others = () if may_change else ("organisations", "contacts")
    return AppDetailPage(
        frame=admin.frame(HERE),
        app=rows_of([row])[0],
        fields=tuple(one for one in seen if one.field.name not in others and _is_filled(one)),
        settings=client_guide.lines(row, settings.issuer),
        guide=client_guide.panel(row, stack),
        secrets=secret_panel.panel(admin, row),
        may_change=may_change,
        is_operator=admin.is_operator,
        secret=secret,
        is_new=is_new,
        logout_failures=failures_of(row.client_id) if may_change else None,
        api=client_guide.api_of(row).get("identifier", ""),
        signs_in=client_guide.signs_in_at_a_browser(row),
    )


def _is_filled(one: Shown) -> bool:
    return bool(one.text or one.chosen - {""})
