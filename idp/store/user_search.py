"""Lists of an organisation's users: whole, or those that a search finds, page by page.

A search costs the same however many users there are. If one condition matches few users, those are read and sorted. If
each matches many, the users are read in order, and matches are frequent. If only the conditions together match few (two
common words), matches are rare, and the page reads until it is full.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from idp.keyset import Place, page_of
from idp.normal_forms import compared, one_line
from idp.search_words import typed_words
from idp.statements import asks_every, asks_one, every, values
from idp.store.user_words import LAST, UserWord
from idp.store.users import STALE, GroupMember, User

MANY = 5_000
"""Of fewer than so many rows, all are read and sorted."""
FEW = 1_000
"""The number at which counting stops."""
CHUNK = 1_000
ORDER = (User.username_key,)


@dataclass(frozen=True)
class PeopleSought:
    """Hold a search: words, a role, the id of a group. Empty ones match everything."""

    typed: str = ""
    role: str = ""
    group_id: str = ""


EVERYBODY = PeopleSought()


def search(organisation_id: str, sought: PeopleSought, place: Place | None, most: int) -> list[User]:
    """Return a page of a search's users, by username."""
    few, here = _conditions(organisation_id, sought)
    if few is None:
        return page_of(select(User).where(*here), ORDER, place, most)
    ids = _beside(few, place, most)
    found = {row.id: row for row in every(select(User).where(User.organisation_id == organisation_id, User.id.in_(ids)))}
    return [found[one] for one in ids if one in found]


def each(organisation_id: str, sought: PeopleSought = EVERYBODY) -> Iterator[list[User]]:
    """Yield the users of a search by username, in batches. A reader may release the connection between two of them."""
    place = None
    while rows := search(organisation_id, sought, place, CHUNK):
        yield rows
        place = Place((rows[-1].username_key,))


def count_found(organisation_id: str, sought: PeopleSought) -> int:
    """Return how many users a search finds; ``FEW`` and one where there are more."""
    few, here = _conditions(organisation_id, sought)
    if few is not None:
        return len(few)
    some = select(User.id).where(*here).limit(FEW + 1).subquery()
    return int(values(select(func.count()).select_from(some))[0][0])


@asks_one
def count_users(organisation_id: str) -> Select[int]:
    """Return how many users an organisation has."""
    return select(func.count(User.id)).where(User.organisation_id == organisation_id)


def place_of(organisation_id: str, name: str, *, is_before: bool) -> Place | None:
    """Return the place of a user, named by id, in a list; None where there is no such user."""
    key = _key_of(organisation_id, name)
    return None if key is None else Place((key,), is_before)


@asks_one
def _key_of(organisation_id: str, user_id: str) -> Select[str]:
    return select(User.username_key).where(User.organisation_id == organisation_id, User.id == user_id)


def _beside(keys: list[tuple[str, str]], place: Place | None, most: int) -> list[str]:
    ordered = sorted(keys)
    if place is None:
        return [user_id for _, user_id in ordered[:most]]
    if place.is_before:
        return [user_id for key, user_id in ordered if key < place.key[0]][-most:]
    return [user_id for key, user_id in ordered if key > place.key[0]][:most]


def _conditions(
    organisation_id: str, sought: PeopleSought
) -> tuple[list[tuple[str, str]] | None, list[ColumnElement[bool]]]:
    """Return compared username and id of all users found where a condition matches few, else None; and the conditions."""
    here: list[ColumnElement[bool]] = [User.organisation_id == organisation_id]
    here += [User.role == sought.role] if sought.role else []
    words = typed_words(sought.typed)
    if words and _stale(organisation_id):
        here += [_contains(sought.typed)]
        words = ()
    asked = [_with_word(organisation_id, word) for word in words]
    asked += [_in_group(organisation_id, sought.group_id)] if sought.group_id else []
    sets = [(one, {row[0] for row in values(one.limit(MANY))}) for one in asked]
    here += [one.where(_is_user(one)).exists() for one, ids in sets if len(ids) == MANY]
    whole = [ids for _, ids in sets if len(ids) < MANY]
    if not whole:
        return None, here
    of_all = User.id.in_(whole[0].intersection(*whole[1:]))
    return [tuple(row) for row in values(select(User.username_key, User.id).where(of_all, *here))], here


def _with_word(organisation_id: str, word: str) -> Select[str]:
    here = (UserWord.organisation_id == organisation_id, UserWord.word >= word, UserWord.word < word + LAST)
    return select(UserWord.user_id).where(*here)


def _in_group(organisation_id: str, group_id: str) -> Select[str]:
    here = (GroupMember.organisation_id == organisation_id, GroupMember.group_id == group_id)
    return select(GroupMember.user_id).where(*here)


def _is_user(asked: Select[Any]) -> ColumnElement[bool]:
    """Match the row of ``asked`` of the user in the outer statement."""
    return next(iter(asked.selected_columns)) == User.id


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
