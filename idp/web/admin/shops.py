"""Shops of an organisation: add, edit, delete (S12)."""

from dataclasses import dataclass
from functools import partial

from flask import Blueprint, Response, abort, url_for

from idp.db import transaction
from idp.errors import Invalid, Message, Refusal, say, say_many
from idp.identity.organisations import shops
from idp.store import memberships, organisation_lists, organisations
from idp.store.organisations import Shop
from idp.web import forms, pages, unsaved
from idp.web.admin import guard
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin, Frame
from idp.web.pagination import List, Pages, page_of
from idp.web.unsaved import Fields

HERE = "shops"
OFFERED = 1_000
"""The most shops that are offered to move people to."""


@dataclass(frozen=True)
class ShopRow:
    """Hold a shop in the list."""

    id: str
    code: str
    name: str


@dataclass(frozen=True)
class ShopsPage:
    """Hold a page of shops, and the form for another: the entered values and their errors (in the field ``wrong``)."""

    frame: Frame
    rows: tuple[ShopRow, ...]
    pages: Pages
    code: str = ""
    name: str = ""
    wrong: str = ""
    errors: tuple[Message, ...] = ()


@dataclass(frozen=True)
class ShopPage:
    """Hold one shop to edit; ``name`` as it was entered. ``people``: how many have it by name, in words."""

    frame: Frame
    shop: ShopRow
    name: str
    people: Message
    errors: tuple[Message, ...] = ()


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    one = "/<store_url>/shops/<shop_id>"
    blueprint.add_url_rule("/<store_url>/shops", "shops", show, methods=["GET", "POST"])
    blueprint.add_url_rule(one, "shop", edit, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{one}/remove", "remove_shop", remove, methods=["GET", "POST"])


def show(store_url: str) -> Response:
    """List the shops. A posted form adds one."""
    admin = guard.administrator(store_url)
    return unsaved.answer(
        lambda: pages.render("admin/shops.html", ShopsPage(admin.frame(HERE), *_rows(admin))),
        partial(_add_again, admin),
        partial(_add, admin),
    )


def _typed(form: Fields) -> dict[str, str]:
    return {"code": form.get("code", "").strip(), "name": form.get("name", "")}


def _add(admin: Admin, form: Fields) -> Response:
    with transaction():
        shops.create(admin.organisation.id, _typed(form), admin.origin)
    return guard.told(admin, _all(admin), say("The shop “%(name)s” is added.", name=form.get("name", "")))


def _add_again(admin: Admin, form: Fields, refusal: Refusal | None) -> Response:
    wrong = refusal.field if isinstance(refusal, Invalid) else ""
    errors = (refusal.message,) if refusal else ()
    rows, beside = _rows(admin)
    page = ShopsPage(admin.frame(HERE), rows, beside, **_typed(form), wrong=wrong, errors=errors)
    return pages.render("admin/shops.html", page, 422 if refusal else 200)


def edit(store_url: str, shop_id: str) -> Response:
    """Show one shop. A posted form changes its name."""
    admin = guard.administrator(store_url)
    shop = _at(admin, shop_id)
    return unsaved.answer(
        lambda: pages.render("admin/shop.html", ShopPage(admin.frame(HERE), _row(shop), shop.name, _people(shop))),
        partial(_rename_again, admin, shop),
        partial(_rename, admin, shop),
    )


def _rename(admin: Admin, shop: Shop, form: Fields) -> Response:
    with transaction():
        shops.change(shop, {"name": form.get("name", "")}, admin.origin)
    return guard.told(admin, _all(admin), say("The shop “%(name)s” is saved.", name=form.get("name", "")))


def _rename_again(admin: Admin, shop: Shop, form: Fields, refusal: Refusal | None) -> Response:
    errors = (refusal.message,) if refusal else ()
    page = ShopPage(admin.frame(HERE), _row(shop), form.get("name", ""), _people(shop), errors)
    return pages.render("admin/shop.html", page, 422 if refusal else 200)


def remove(store_url: str, shop_id: str) -> Response:
    """Ask, then close the shop and move its people."""
    admin = guard.administrator(store_url, fresh=True)
    shop = _at(admin, shop_id)
    return confirm_then(admin, HERE, _question(admin, shop), partial(_remove, admin, shop))


def _remove(admin: Admin, shop: Shop) -> Response:
    other = organisations.shop(admin.organisation.id, move_to) if (move_to := forms.fields().get("choice", "")) else None
    if move_to and (other is None or other.id == shop.id):
        raise Invalid("choice", shops.NO_OTHER)
    with transaction():
        count = shops.remove(shop, admin.origin, move_to=move_to)
    return guard.told(admin, _all(admin), _closed(shop, other, count))


def _closed(shop: Shop, other: Shop | None, count: int) -> Message:
    if other is None or not count:
        return say("The shop “%(name)s” is closed.", name=shop.name)
    return say_many(
        "The shop “%(name)s” is closed. %(num)s person now works in “%(other)s” instead.",
        "The shop “%(name)s” is closed. %(num)s people now work in “%(other)s” instead.",
        count,
        name=shop.name,
        other=other.name,
    )


def _at(admin: Admin, shop_id: str) -> Shop:
    return organisations.shop(admin.organisation.id, shop_id) or abort(404)


def _all(admin: Admin) -> str:
    return url_for("admin.shops", store_url=admin.organisation.store_url)


def _rows(admin: Admin) -> tuple[tuple[ShopRow, ...], Pages]:
    at = admin.organisation
    shown, beside = page_of(
        List("admin.shops", {"store_url": at.store_url}),
        partial(organisation_lists.place_of_shop, at.id),
        partial(organisation_lists.shops, at.id),
        lambda shop: shop.id,
    )
    return tuple(map(_row, shown)), beside


def _people(shop: Shop) -> Message:
    count = memberships.count_people(shop.organisation_id, shop.id)
    return say_many("%(num)s person works here.", "%(num)s people work here.", count)


def _row(shop: Shop) -> ShopRow:
    return ShopRow(shop.id, shop.code, shop.name)


def _question(admin: Admin, shop: Shop) -> Question:
    at, count = admin.organisation.id, memberships.count_people(admin.organisation.id, shop.id)
    others = [one for one in organisation_lists.shops(at, None, OFFERED) if one.id != shop.id] if count else []
    return Question(
        say("Close the shop %(name)s?", name=shop.name),
        (
            say_many("%(num)s person works there.", "%(num)s people work there.", count),
            say("Apps no longer see the shop. People who worked only there keep their account, without a shop."),
        ),
        say("Close the shop"),
        url_for("admin.shop", store_url=admin.organisation.store_url, shop_id=shop.id),
        choose=say("Where do its people work now?") if others else None,
        choices=(("", say("In no other shop")), *((one.id, one.name) for one in others)) if others else (),
        is_final=True,
    )
