"""Lists of shops, groups and organisations: what a search finds, sorted, page by page; or those that an address names.

A search asks the index of words (``names``). Rows whose words are not yet kept are read themselves: there are some for a
short time after a release.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sqlalchemy import Select, select

from idp.keyset import MANY, Found, Order, Place, keys_of
from idp.search_words import fits, typed_words
from idp.statements import every, values
from idp.store import organisations as store
from idp.store.names import GROUP, ORGANISATION, SHOP, Named
from idp.store.organisations import MOST_NAMED, Group, Organisation, Shop
from idp.store.user_words import LAST

Orders = Mapping[str, Order]
SHOP_ORDERS: Orders = {
    "": Order((Shop.code_key,)),
    "-code": Order((Shop.code_key,), descending=True),
    "name": Order((Shop.sort_key, Shop.code_key)),
    "-name": Order((Shop.sort_key, Shop.code_key), descending=True),
}
GROUP_ORDERS: Orders = {"": Order((Group.name_key,)), "-name": Order((Group.name_key,), descending=True)}
ORGANISATION_ORDERS: Orders = {
    "": Order((Organisation.store_url,)),
    "-store_url": Order((Organisation.store_url,), descending=True),
    "name": Order((Organisation.sort_key, Organisation.store_url)),
    "-name": Order((Organisation.sort_key, Organisation.store_url), descending=True),
    "-added": Order((Organisation.created_at, Organisation.store_url), descending=True),
    "added": Order((Organisation.created_at, Organisation.store_url)),
}


@dataclass(frozen=True)
class NameSought:
    """Hold a search by words, and a name of the list's orders. ``requires_mfa``: of groups; None for all.

    ``is_disabled``: only disabled organisations.
    """

    typed: str = ""
    order: str = ""
    requires_mfa: bool | None = None
    is_disabled: bool = False


ALL = NameSought()


def _find(
    kind: Named, organisation_id: str, here: Sequence[Any], sought: NameSought, order: Order, among: set[str] | None = None
) -> Found[Any]:
    """Find the rows of a search. ``among``: the ids of the few rows that ``here`` leaves; None where they are not few."""
    few, wide = _few(kind, organisation_id, here, sought.typed)
    ids = among if few is None else few if among is None else few & among
    conditions, id_ = [*here, *wide], kind.table.id
    keys = keys_of(order, id_, [*conditions, id_.in_(ids)]) if ids else []
    return Found(kind.table, order, here, conditions, None if ids is None else keys)


def find_shops(organisation_id: str, sought: NameSought) -> Found[Shop]:
    """Return the shops that a search finds."""
    return _find(SHOP, organisation_id, [Shop.organisation_id == organisation_id], sought, SHOP_ORDERS[sought.order])


def find_groups(organisation_id: str, sought: NameSought) -> Found[Group]:
    """Return the groups that a search finds."""
    here: list[Any] = [Group.organisation_id == organisation_id]
    here += [Group.requires_mfa == sought.requires_mfa] if sought.requires_mfa is not None else []
    return _find(GROUP, organisation_id, here, sought, GROUP_ORDERS[sought.order])


def find_organisations(sought: NameSought) -> Found[Organisation]:
    """Return the organisations that a search finds, the operators' own left out."""
    here: list[Any] = [Organisation.kind == "retailer", *([store.IS_DISABLED] if sought.is_disabled else [])]
    among = _disabled() if sought.is_disabled else None
    return _find(ORGANISATION, "", here, sought, ORGANISATION_ORDERS[sought.order], among)


def _disabled() -> set[str] | None:
    """Return the ids of the disabled organisations, by their index; None for many, which any order soon meets."""
    found = values(select(Organisation.id).where(store.IS_DISABLED).limit(MANY))
    return {row[0] for row in found} if len(found) < MANY else None


def shops(organisation_id: str, place: Place | None, most: int) -> Sequence[Shop]:
    """Return a page of the shops, by code."""
    return find_shops(organisation_id, ALL).page(place, most)


def groups(organisation_id: str, place: Place | None, most: int) -> Sequence[Group]:
    """Return a page of the groups, by name."""
    return find_groups(organisation_id, ALL).page(place, most)


def place_of_shop(organisation_id: str, order: str, name: str, *, is_before: bool) -> Place | None:
    """Return the place of the shop with this id; None if there is none."""
    found = store.shop(organisation_id, name)
    return Place(SHOP_ORDERS[order].key_of(found), is_before) if found else None


def place_of_group(organisation_id: str, order: str, name: str, *, is_before: bool) -> Place | None:
    """Return the place of the group with this id; None if there is none."""
    found = store.group(organisation_id, name)
    return Place(GROUP_ORDERS[order].key_of(found), is_before) if found else None


def place_of_organisation(order: str, name: str, *, is_before: bool) -> Place | None:
    """Return the place of the organisation with this store URL; None if there is none."""
    found = store.organisation_at(name)
    return Place(ORGANISATION_ORDERS[order].key_of(found), is_before) if found else None


def shops_with(organisation_id: str, ids: Collection[str]) -> Sequence[Shop]:
    """Return the shops with these ids, by code. Unknown ids are left out.

    Asked without an order: SQLite would go through all shops in that order.
    """
    here = select(Shop).where(Shop.organisation_id == organisation_id)
    found = (row for some in _some(ids) for row in every(here.where(Shop.id.in_(some))))
    return sorted(found, key=attrgetter("code_key"))


def groups_with(organisation_id: str, ids: Collection[str]) -> Sequence[Group]:
    """Return the groups with these ids, by name."""
    here = select(Group).where(Group.organisation_id == organisation_id)
    found = (row for some in _some(ids) for row in every(here.where(Group.id.in_(some))))
    return sorted(found, key=attrgetter("name_key"))


def _some(ids: Collection[str]) -> Iterator[list[str]]:
    """Yield ids, as many at once as a statement takes."""
    kept = [*dict.fromkeys(ids)]
    yield from (kept[first : first + MOST_NAMED] for first in range(0, len(kept), MOST_NAMED))


def shops_like(organisation_id: str, typed: str, most: int) -> Sequence[Shop]:
    """Return shops in whose code or name each typed word begins a word, by code."""
    return find_shops(organisation_id, NameSought(typed)).page(None, most)


def groups_like(organisation_id: str, typed: str, most: int) -> Sequence[Group]:
    """Return groups in whose name each typed word begins a word, by name."""
    return find_groups(organisation_id, NameSought(typed)).page(None, most)


def _few(kind: Named, organisation_id: str, here: Sequence[Any], typed: str) -> tuple[set[str] | None, list[Any]]:
    """Return the ids that a search finds, if one of its words begins words of few rows, else None; and the conditions of
    its other words.
    """
    asked = [_with(kind, organisation_id, word) for word in typed_words(typed)]
    sets = [{row[0] for row in values(one.limit(MANY))} for one in asked]
    wide = [
        one.where(kind.named_id == kind.table.id).exists() for one, ids in zip(asked, sets, strict=True) if len(ids) == MANY
    ]
    if len(wide) == len(sets):
        return None, wide
    found = set.intersection(*(ids for ids in sets if len(ids) < MANY))
    stale = every(select(kind.table).where(*here, kind.stale))
    return found - {row.id for row in stale} | {row.id for row in stale if fits(kind.text_of(row), typed)}, wide


def _with(kind: Named, organisation_id: str, word: str) -> Select[str]:
    """Ask for the ids of what has a word with this beginning."""
    words = kind.words
    here = [words.organisation_id == organisation_id] if organisation_id else []
    return select(kind.named_id).where(*here, words.word >= word, words.word < word + LAST)
