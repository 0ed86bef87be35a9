"""List the shops of an organisation, and add one (S12). ``shop`` is about one of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from flask import Blueprint, Response, url_for

from idp.db import transaction
from idp.errors import Invalid, Message, Refusal, say, say_many
from idp.identity.organisations import shops
from idp.normal_forms import compared
from idp.store import organisation_lists, organisations
from idp.store.organisation_lists import NameSought
from idp.store.organisations import Shop
from idp.web import pages, unsaved
from idp.web.admin import guard, name_lists, picker
from idp.web.admin.guard import Admin, Frame
from idp.web.admin.name_lists import Kind, Search
from idp.web.admin.user_pages import Choices
from idp.web.pagination import Pages, page_of
from idp.web.unsaved import Fields

HERE = "shops"
LIST = Kind(
    "admin.shops",
    (
        ("", say("Code, A to Z")),
        ("-code", say("Code, Z to A")),
        ("name", say("Name, A to Z")),
        ("-name", say("Name, Z to A")),
    ),
    say("More than 10,000 shops"),
)
OFFERED = 1_000
"""The most shops that are offered to move people to; of more, one is typed."""
NO_SUCH = say("No shop has this code or name. Type the beginning of a word of its name to see the shops that match.")
BY_TYPING = say("Type the code or the name of the shop.")


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
    search: Search
    rows: tuple[ShopRow, ...]
    pages: Pages
    code: str = ""
    name: str = ""
    wrong: str = ""
    errors: tuple[Message, ...] = ()


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/<store_url>/shops", "shops", show, methods=["GET", "POST"])


def others(admin: Admin, shop: Shop) -> Choices:
    """Return the other shops, to which people of this one can move; none if there are too many to choose from."""
    found = organisation_lists.shops(admin.organisation.id, None, OFFERED + 1)
    return tuple((one.id, one.name) for one in found if one.id != shop.id) if len(found) <= OFFERED else ()


def are_many(admin: Admin) -> bool:
    """Check if there are too many shops to choose from: one types the code or name of the other one."""
    return len(organisation_lists.shops(admin.organisation.id, None, OFFERED + 1)) > OFFERED


def chosen_other(admin: Admin, shop: Shop | None, entered: str) -> Shop:
    """Return the other shop that a form names by its id, or by its code or whole name. Raises ``Invalid``.

    A part of a name chooses nothing: the error says which shops it may mean, because closing a shop is final.
    """
    at = admin.organisation.id
    other = organisations.shop(at, entered) or (_named(at, entered) if are_many(admin) else None)
    if other is None or (shop is not None and other.id == shop.id):
        raise Invalid("choice", shops.NO_OTHER)
    return other


def _named(organisation_id: str, typed: str) -> Shop:
    exact: Shop | None = picker.SHOP.exact(organisation_id, typed)
    found: Sequence[Shop] = () if exact else picker.SHOP.like(organisation_id, typed, picker.FOUND)
    named = [exact] if exact else [one for one in found if compared(one.name) == compared(typed)]
    if len(named) == 1:
        return named[0]
    if found:
        meant = ", ".join(map(_label, found))
        raise Invalid("choice", say("Type the code of the shop that you mean: %(shops)s", shops=meant))
    raise Invalid("choice", NO_SUCH)


def _label(shop: Shop) -> str:
    return f"{shop.code} ({shop.name})"


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
    return guard.told(admin, address(admin), say("The shop “%(name)s” is added.", name=form.get("name", "")))


def _add_again(admin: Admin, form: Fields, refusal: Refusal | None) -> Response:
    wrong = refusal.field if isinstance(refusal, Invalid) else ""
    errors = (refusal.message,) if refusal else ()
    typed = _typed(form)
    page = ShopsPage(admin.frame(HERE), *_rows(admin), typed["code"], typed["name"], wrong, errors)
    return pages.render("admin/shops.html", page, 422 if refusal else 200)


def address(admin: Admin) -> str:
    """Return the address of the list."""
    return url_for("admin.shops", store_url=admin.organisation.store_url)


def _rows(admin: Admin) -> tuple[Search, tuple[ShopRow, ...], Pages]:
    at = admin.organisation
    kind = replace(LIST, values={"store_url": at.store_url})
    asked = name_lists.asked_of(kind)
    found = organisation_lists.find_shops(at.id, NameSought(asked.q, asked.sort))
    shown, beside = page_of(
        kind.list_of(asked),
        partial(organisation_lists.place_of_shop, at.id, asked.sort),
        found.page,
        lambda shop: shop.id,
    )
    count = found.count()
    search = name_lists.search(kind, asked, count, say_many("%(num)s shop", "%(num)s shops", count))
    return search, tuple(map(row_of, shown)), beside


def row_of(shop: Shop) -> ShopRow:
    """Return a shop as pages show it."""
    return ShopRow(shop.id, shop.code, shop.name)
