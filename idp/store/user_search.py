"""Lists of an organisation's users: whole, or those that a search and filters find, sorted, page by page.

A search costs the same however many users there are. If one condition matches few users, those are read and sorted. If
each matches many, the users are read in order, and matches are frequent. Two common words match few together, or people who
are last in the order. All users of the rarer one are then read, if they are not too many.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select

from idp.db import unit
from idp.keyset import MANY, Found, Keys, Order, Place, count, keys_of
from idp.normal_forms import compared, one_line
from idp.search_words import typed_words
from idp.statements import asks_every, asks_one, every, values
from idp.store import users
from idp.store.user_states import ACTIVE, BY_USERNAME, CONDITIONS, LOCKED_OUT, ORDERS, locked_ids
from idp.store.user_words import LAST, UserWord
from idp.store.users import STALE, GroupMember, User, UserShop

WIDE = 20_000
"""If the rarest of several conditions matches fewer rows than this, all are read and sorted, too."""
CHUNK = 1_000


@dataclass(frozen=True)
class PeopleSought:
    """Hold a search: words, a role, ids of a group and of a shop, states. Empty ones match everything.

    ``order``: a name of ``ORDERS``.
    """

    typed: str = ""
    role: str = ""
    group_id: str = ""
    shop_id: str = ""
    states: tuple[str, ...] = ()
    order: str = ""


EVERYBODY = PeopleSought()


@dataclass(frozen=True)
class _Condition:
    """Hold a condition on users: the statement for their ids, and what it means for a user's row.

    ``is_ordered``: an index has the users in the order of their usernames.
    """

    ids: Select[str]
    holds: tuple[Any, ...]
    is_ordered: bool = False


def find(organisation_id: str, sought: PeopleSought) -> Found[User]:
    """Find the users of a search. Its conditions are read once, for the page and for the count."""
    order = ORDERS[sought.order]
    keys, here = _conditions(organisation_id, sought, order)
    return Found(User, order, [User.organisation_id == organisation_id], here, keys)


def search(organisation_id: str, sought: PeopleSought, place: Place | None, most: int) -> list[User]:
    """Return a page of a search's users."""
    return find(organisation_id, sought).page(place, most)


def each(organisation_id: str, sought: PeopleSought = EVERYBODY) -> Iterator[list[User]]:
    """Yield the users of a search, in batches. A reader may release the connection between two of them."""
    place = None
    while rows := search(organisation_id, sought, place, CHUNK):
        yield rows
        place = Place(ORDERS[sought.order].key_of(rows[-1]))


def count_found(organisation_id: str, sought: PeopleSought) -> int:
    """Return how many users a search finds; ``FEW`` and one where there are more."""
    return find(organisation_id, sought).count()


def chosen(organisation_id: str, ids: Collection[str]) -> list[User]:
    """Return the users with these ids, by username."""
    here = (User.organisation_id == organisation_id, User.id.in_(ids))
    return sorted(every(select(User).where(*here)), key=attrgetter("username_key")) if ids else []


def named(organisation_id: str, username_keys: Sequence[str]) -> dict[str, User]:
    """Return users by username in compared form."""
    found: dict[str, User] = {}
    for first in range(0, len(username_keys), CHUNK):
        here = (User.organisation_id == organisation_id, User.username_key.in_(username_keys[first : first + CHUNK]))
        found |= {row.username_key: row for row in every(select(User).where(*here))}
    return found


@asks_one
def count_users(organisation_id: str) -> Select[int]:
    """Return how many users an organisation has."""
    return select(func.count(User.id)).where(User.organisation_id == organisation_id)


def place_of(organisation_id: str, order: str, name: str, *, is_before: bool) -> Place | None:
    """Return the place of a user, named by id, in a list; None where there is no such user."""
    found = users.user(organisation_id, name)
    return None if found is None else Place(ORDERS[order].key_of(found), is_before)


def _conditions(organisation_id: str, sought: PeopleSought, order: Order) -> tuple[Keys | None, list[Any]]:
    """Return the keys of all users found where a condition matches few, else None; and the conditions."""
    here: list[Any] = [User.organisation_id == organisation_id]
    words = typed_words(sought.typed)
    if words and _stale(organisation_id):
        here += [_contains(sought.typed)]
        words = ()
    asked = [_with_word(organisation_id, word) for word in words] + _filters(organisation_id, sought)
    if len(here) + len(asked) <= 2 and order.columns == BY_USERNAME.columns and all(one.is_ordered for one in asked):
        return None, [*here, *(held for one in asked for held in one.holds)]
    here += [ACTIVE] if LOCKED_OUT in sought.states else []
    counts = [count(one.ids, WIDE) for one in asked]
    few = [one for one, number in zip(asked, counts, strict=True) if number < MANY]
    many = [one for one, number in zip(asked, counts, strict=True) if number >= MANY]
    is_rare = not few and len(asked) > 1 and min(counts) < WIDE
    rarest = many.pop(counts.index(min(counts))) if is_rare else None
    here += [_read_in(order, *one.holds) for one in many]
    if rarest is not None:
        return keys_of(order, User.id, [*here, User.id.in_(rarest.ids)]), here
    whole = [{row[0] for row in values(one.ids.limit(MANY))} for one in few]
    ids = set.intersection(*whole) if whole else set()
    found = keys_of(order, User.id, [*here, User.id.in_(ids)]) if ids else []
    return (found if whole else None), here


def _read_in(order: Order, *holds: Any) -> ColumnElement[bool]:
    """Return conditions that keep the plan from sorting. SQLite prefers an index of theirs to one that has the order."""
    if order.columns == BY_USERNAME.columns or unit().dialect.name != "sqlite":
        return and_(*holds)
    return case((and_(*holds), 1), else_=0) == 1


def _filters(organisation_id: str, sought: PeopleSought) -> list[_Condition]:
    of_user: list[tuple[Any, ...]] = [(User.role == sought.role,)] if sought.role else []
    of_user += [CONDITIONS[state] for state in sought.states if state in CONDITIONS]
    here = User.organisation_id == organisation_id
    found = [_Condition(select(User.id).where(here, *holds), holds, is_ordered=True) for holds in of_user]
    if sought.group_id:
        group = (GroupMember.organisation_id == organisation_id, GroupMember.group_id == sought.group_id)
        found.append(_elsewhere(select(GroupMember.user_id).where(*group)))
    if sought.shop_id:
        shop = (UserShop.organisation_id == organisation_id, UserShop.shop_id == sought.shop_id)
        found.append(_elsewhere(select(UserShop.user_id).where(*shop)))
    return found + ([_elsewhere(locked_ids(organisation_id))] if LOCKED_OUT in sought.states else [])


def _with_word(organisation_id: str, word: str) -> _Condition:
    here = (UserWord.organisation_id == organisation_id, UserWord.word >= word, UserWord.word < word + LAST)
    return _elsewhere(select(UserWord.user_id).where(*here))


def _elsewhere(ids: Select[str]) -> _Condition:
    """Return a condition that another table's rows about a user fulfil."""
    return _Condition(ids, (ids.where(next(iter(ids.selected_columns)) == User.id).exists(),))


@asks_every
def _stale(organisation_id: str) -> Select[str]:
    """Ask for a user whose words are not yet kept: a server of the previous release wrote the row (see ``sweep_words``)."""
    return select(User.id).where(User.organisation_id == organisation_id, STALE).limit(1)


def _contains(typed: str) -> ColumnElement[bool]:
    """Match the typed text within username, name or address, without the words. Used while some users have no words yet."""
    typed = one_line(typed)
    folded = compared(typed)
    return (
        User.username_key.contains(folded, autoescape=True)
        | User.email_key.contains(folded, autoescape=True)
        | User.name.contains(typed, autoescape=True)
        | func.lower(User.name).contains(typed.lower(), autoescape=True)
        | User.name.contains(typed.title(), autoescape=True)  # a PostgreSQL with the locale C folds ASCII alone
    )
