"""Connect an app: choose what it is, fill in three fields, and copy settings that work."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from flask import Blueprint, Response, abort, url_for

from idp.errors import Invalid, Message, Refusal, say
from idp.oauth import client_kinds, registration
from idp.oauth.client_kinds import ADDRESS, FIELDS, KINDS, KINDS_OF_ADMINISTRATORS, SCOPES, STACK, AppAnswers
from idp.oauth.client_permissions import may_connect
from idp.store import organisations
from idp.web import pages, post_redirect_get, request_context, unsaved
from idp.web.account.current_user import who
from idp.web.admin import guard
from idp.web.admin.client_detail import HERE, address_of, detail
from idp.web.admin.client_guide import CHOICE
from idp.web.admin.guard import Admin, Frame
from idp.web.unsaved import Fields


@dataclass(frozen=True)
class KindRow:
    """Hold a kind of app to choose: its title and hint, and the address of its form."""

    title: Message
    hint: Message
    address: str


@dataclass(frozen=True)
class KindsPage:
    """Hold the kinds. ``every_setting``: the address of the form with all settings.

    ``of_operators``: the kinds that only operators connect, where the reader is none; each page says what to ask them for.
    """

    frame: Frame
    kinds: tuple[KindRow, ...]
    every_setting: str
    of_operators: tuple[KindRow, ...] = ()


@dataclass(frozen=True)
class AskPage:
    """Hold what an administrator asks the operators for: an app of a kind that only they connect."""

    frame: Frame
    title: Message
    hint: Message
    facts: tuple[Message, ...]


@dataclass(frozen=True)
class ConnectForm:
    """Hold the form for a kind. ``fields``: those that it asks for. ``serves_all``: people of every organisation."""

    frame: Frame
    title: Message
    hint: Message
    fields: tuple[str, ...]
    address_label: Message | None
    stacks: tuple[tuple[str, str], ...]
    values: Fields
    serves_all: bool
    wrong: str = ""
    errors: tuple[Message, ...] = ()


ASKED_FOR: Mapping[str, tuple[Message, ...]] = {
    "api": (
        say("the name of the API"),
        say("its address, for example https://stock.example.com"),
        say("what apps may do with it: for each thing a name and words for people, for example stock.read = See the stock"),
    ),
    "device": (say("the name of the device, as people see it on their phone"),),
}
"""What operators must know to connect an app, for each kind that they alone connect."""


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/<store_url>/apps/connect", "connect", choose)
    blueprint.add_url_rule("/<store_url>/apps/connect/<kind>", "connect_kind", connect, methods=["GET", "POST"])


def choose(store_url: str) -> Response:
    """Show what an app may be."""
    admin = _connector(store_url)
    rows = {
        name: KindRow(kind.title, kind.hint, url_for("admin.connect_kind", store_url=store_url, kind=name))
        for name, kind in KINDS.items()
    }
    mine = tuple(row for name, row in rows.items() if admin.is_operator or name in KINDS_OF_ADMINISTRATORS)
    every = url_for("admin.add_app", store_url=store_url) if admin.is_operator else ""
    others = tuple(row for row in rows.values() if row not in mine)
    return pages.render("admin/client_kinds.html", KindsPage(admin.frame(HERE), mine, every, others))


def connect(store_url: str, kind: str) -> Response:
    """Show the three fields for a kind. A posted form connects the app; its secret is shown this once.

    Administrators are told to ask the operators for a kind that those alone connect, before a proof is asked.
    """
    admin = _connector(store_url)
    if kind not in KINDS:
        abort(404)
    if not admin.is_operator and kind not in KINDS_OF_ADMINISTRATORS:
        page = AskPage(admin.frame(HERE), KINDS[kind].title, KINDS[kind].hint, ASKED_FOR[kind])
        return pages.render("admin/client_ask.html", page, 403)
    admin = _connector(store_url, fresh=True)
    return unsaved.answer(lambda: _form(admin, kind, {}, None), partial(_form, admin, kind), partial(_connect, admin, kind))


def _connector(store_url: str, *, fresh: bool = False) -> Admin:
    """Return the acting person, who may connect apps here. AppAnswers 404 to others, before a proof is asked."""
    present = who()
    if present is not None and not may_connect(organisations.organisation_at(store_url), present.origin):
        abort(404)
    admin = guard.administrator(store_url, fresh=fresh, or_installation=True)
    return admin if may_connect(admin.organisation, admin.origin) else abort(404)


def _connect(admin: Admin, kind: str, form: Fields) -> Response:
    answers = AppAnswers(*(form.get(name, "") for name in ("name", ADDRESS, STACK, SCOPES)))
    metadata, ours = client_kinds.registration_of(kind, answers, _organisations(admin))
    ours = ours if admin.is_operator else replace(ours, managed_by=admin.organisation.id)
    row, secret = registration.register(request_context.settings(), None, metadata, ours, None, admin.origin)
    chosen = {CHOICE: answers.stack} if answers.stack else {}
    post_redirect_get.land_at(address_of(admin, row.client_id), **chosen)
    page = detail(admin, row, secret, stack=answers.stack, is_new=True)
    return pages.render("admin/client.html", page)


def _organisations(admin: Admin) -> tuple[str, ...]:
    """Return the organisation of this console; operators in their own console connect apps for all."""
    return () if _serves_all(admin) else (admin.organisation.id,)


def _serves_all(admin: Admin) -> bool:
    return admin.organisation.kind != "retailer"


def _form(admin: Admin, name: str, form: Fields, refusal: Refusal | None) -> Response:
    kind = KINDS[name]
    wrong = refusal.field if isinstance(refusal, Invalid) else ""
    page = ConnectForm(
        frame=admin.frame(HERE),
        title=kind.title,
        hint=kind.hint,
        fields=kind.fields,
        address_label=kind.address,
        stacks=client_kinds.stacks_of(name),
        values={one: form.get(one, "") for one in ("name", ADDRESS, STACK, SCOPES)},
        serves_all=_serves_all(admin),
        wrong=FIELDS.get(wrong, wrong),
        errors=(refusal.message,) if refusal else (),
    )
    return pages.render("admin/client_connect.html", page, 422 if refusal else 200)
