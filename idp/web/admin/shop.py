"""One shop: who works there, moving people to another shop, its name, and closing it (S12, S65, S67)."""

from dataclasses import dataclass, replace
from functools import partial

from flask import Blueprint, Response, abort, request, url_for

from idp.db import transaction
from idp.errors import Message, Refusal, say, say_many
from idp.identity.organisations import shops as shop_changes
from idp.store import memberships, organisations
from idp.store.organisations import Shop
from idp.web import forms, pages, unsaved
from idp.web.admin import bulk, guard, people_list, shops
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin, Frame
from idp.web.admin.people_list import PeopleList
from idp.web.admin.people_search import Listed
from idp.web.admin.shops import HERE, ShopRow
from idp.web.unsaved import Fields


@dataclass(frozen=True)
class ShopPage:
    """Hold one shop with its people; ``name`` as it was entered, with the errors about it."""

    frame: Frame
    shop: ShopRow
    people: PeopleList
    name: str
    errors: tuple[Message, ...] = ()


@dataclass(frozen=True)
class AddPage:
    """Hold the list of everybody, to add some of them to a shop."""

    frame: Frame
    shop: ShopRow
    people: PeopleList


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    one = "/<store_url>/shops/<shop_id>"
    blueprint.add_url_rule(one, "shop", show, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{one}/people", "select_in_shop", select, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{one}/add", "add_to_shop", add, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{one}/remove", "remove_shop", remove, methods=["GET", "POST"])


def show(store_url: str, shop_id: str) -> Response:
    """Show one shop with the people who work there. A posted form changes its name."""
    admin = guard.administrator(store_url)
    shop = _at(admin, shop_id)
    return unsaved.answer(
        lambda: pages.render("admin/shop.html", _page(admin, shop, people_list.of(admin, _staff(shop)))),
        partial(_rename_again, admin, shop),
        partial(_rename, admin, shop),
    )


def _staff(shop: Shop) -> Listed:
    return Listed("admin.shop", "admin.select_in_shop", shop, is_whole=False)


def _page(admin: Admin, shop: Shop, people: PeopleList) -> ShopPage:
    return ShopPage(admin.frame(HERE), shops.row_of(shop), people, shop.name)


def select(store_url: str, shop_id: str) -> Response:
    """Take the selected people of a shop on to the question."""
    admin = guard.administrator(store_url)
    shop = _at(admin, shop_id)
    return bulk.take(admin, _staff(shop), lambda people: pages.render("admin/shop.html", _page(admin, shop, people), 422))


def add(store_url: str, shop_id: str) -> Response:
    """List everybody, and take those who are selected on to the question whether to add them to this shop."""
    admin = guard.administrator(store_url)
    shop = _at(admin, shop_id)
    everybody = Listed("admin.add_to_shop", "admin.add_to_shop", shop)

    def page(people: PeopleList, status: int = 422) -> Response:
        return pages.render("admin/shop_add.html", AddPage(admin.frame(HERE), shops.row_of(shop), people), status)

    if request.method != "POST":
        return page(people_list.of(admin, everybody), 200)
    return bulk.take(admin, everybody, page)


def _rename(admin: Admin, shop: Shop, form: Fields) -> Response:
    with transaction():
        shop_changes.change(shop, {"name": form.get("name", "")}, admin.origin)
    here = url_for("admin.shop", store_url=admin.organisation.store_url, shop_id=shop.id)
    return guard.told(admin, here, say("The shop “%(name)s” is saved.", name=form.get("name", "")))


def _rename_again(admin: Admin, shop: Shop, form: Fields, refusal: Refusal | None) -> Response:
    page = _page(admin, shop, people_list.of(admin, _staff(shop)))
    errors = (refusal.message,) if refusal else ()
    return pages.render("admin/shop.html", replace(page, name=form.get("name", ""), errors=errors), 422 if refusal else 200)


def remove(store_url: str, shop_id: str) -> Response:
    """Ask, then close the shop and move its people."""
    admin = guard.administrator(store_url, fresh=True)
    shop = _at(admin, shop_id)
    return confirm_then(admin, HERE, _question(admin, shop), partial(_remove, admin, shop))


def _remove(admin: Admin, shop: Shop) -> Response:
    other = shops.chosen_other(admin, shop, entered) if (entered := forms.fields().get("choice", "").strip()) else None
    with transaction():
        count = shop_changes.remove(shop, admin.origin, move_to=other.id if other else "")
    return guard.told(admin, shops.address(admin), _closed(shop, other, count))


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


def _question(admin: Admin, shop: Shop) -> Question:
    count = memberships.count_people(admin.organisation.id, shop.id)
    others = shops.others(admin, shop) if count else ()
    by_typing = bool(count) and shops.are_many(admin)
    return Question(
        say("Close the shop %(name)s?", name=shop.name),
        (
            say_many("%(num)s person works there.", "%(num)s people work there.", count),
            say("Apps no longer see the shop. People who worked only there keep their account, without a shop."),
        ),
        say("Close the shop"),
        url_for("admin.shop", store_url=admin.organisation.store_url, shop_id=shop.id),
        choose=say("Where do its people work now?") if others or by_typing else None,
        choices=(("", say("In no other shop")), *others) if others else (),
        type_hint=say("Type the code or the name of the shop. Leave empty for no other shop.") if by_typing else None,
        is_final=True,
    )
