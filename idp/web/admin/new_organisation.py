"""Add an organisation with its first shop and its owner: for operators."""

from dataclasses import dataclass
from functools import partial

from flask import Blueprint, Response, url_for

from idp.errors import Conflict, Invalid, Message, Refusal, say
from idp.identity.accounts import new_organisation
from idp.identity.accounts.new_organisation import NewOrganisation
from idp.languages import LANGUAGES, named
from idp.web import pages, reauthentication, request_context, unsaved
from idp.web.admin import guard
from idp.web.admin.guard import Admin, Frame
from idp.web.unsaved import Fields

HERE = "people"
TEXTS = ("name", "store_url", "country", "language", "shop_code", "shop_name", "username", "email")


@dataclass(frozen=True)
class OrganisationForm:
    """Hold an organisation to add: ``values`` as entered. ``me``: the operator, for password managers."""

    frame: Frame
    me: str
    values: dict[str, str]
    languages: tuple[tuple[str, str], ...]
    asks_password: bool
    wrong: str = ""
    errors: tuple[Message, ...] = ()


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes. The store URL is that of the operators' own organisation."""
    blueprint.add_url_rule("/<store_url>/organisations/add", "add_organisation", add, methods=["GET", "POST"])


def add(store_url: str) -> Response:
    """Add an organisation."""
    admin = guard.operator(store_url, fresh=True, or_installation=True)
    first: Fields = {"language": LANGUAGES[0]}
    return unsaved.answer(partial(_page, admin, first), partial(_page, admin), partial(_add, admin))


def _add(admin: Admin, form: Fields) -> Response:
    wrong = reauthentication.check_password(admin.me.user)
    if wrong is not None:
        raise Invalid("password", wrong)
    wanted = NewOrganisation(**{name: form.get(name, "") for name in TEXTS})
    made, owner = new_organisation.create(request_context.settings(), wanted, admin.origin)
    told = say("%(organisation)s is added, and %(username)s is invited.", organisation=made.name, username=owner.username)
    return guard.told(admin, url_for("admin.person", store_url=made.store_url, user_id=owner.id), told)


def _page(admin: Admin, form: Fields, refusal: Refusal | None = None) -> Response:
    wrong = refusal.field if isinstance(refusal, Invalid) else "store_url" if isinstance(refusal, Conflict) else ""
    page = OrganisationForm(
        frame=admin.frame(HERE),
        me=admin.me.user.username,
        values={name: form.get(name, "") for name in TEXTS},
        languages=named(),
        asks_password=reauthentication.must_ask_password(),
        wrong={"code": "shop_code"}.get(wrong, wrong),
        errors=(refusal.message,) if refusal else (),
    )
    return pages.render("admin/organisation_form.html", page, unsaved.status_of(refusal))
