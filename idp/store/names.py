"""Insert, name and rename organisations, shops and groups, each with the words by which lists find it.

Words are kept in the transaction that writes the name, as those of users are (``user_words``). A server of an earlier
release writes names without them: ``sweep_names`` adds those, and until then a search reads such rows themselves.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, TextClause, Update, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.normal_forms import compared
from idp.records import changed
from idp.rows import add
from idp.search_words import LONGEST, without_accents, words_of
from idp.statements import changes, every, write
from idp.store.organisations import STALE_GROUP, STALE_ORGANISATION, STALE_SHOP, Group, Organisation, Shop
from idp.store.user_words import Word


class OrganisationWord(Base):
    """A word of an organisation's store URL or name."""

    __tablename__ = "organisation_words"
    __table_args__: Any = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"], ondelete="CASCADE"),
        Index("ix_organisation_words_organisation", "organisation_id", "word"),
        {"sqlite_with_rowid": False},
    )

    word: Mapped[str] = mapped_column(Word, primary_key=True)
    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)


class ShopWord(Base):
    """A word of a shop's code or name."""

    __tablename__ = "shop_words"
    __table_args__: Any = (
        ForeignKeyConstraint(["organisation_id", "shop_id"], ["shops.organisation_id", "shops.id"], ondelete="CASCADE"),
        Index("ix_shop_words_shop", "organisation_id", "shop_id", "word"),
        {"sqlite_with_rowid": False},
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    word: Mapped[str] = mapped_column(Word, primary_key=True)
    shop_id: Mapped[str] = mapped_column(Id, primary_key=True)


class GroupWord(Base):
    """A word of a group's name."""

    __tablename__ = "group_words"
    __table_args__: Any = (
        ForeignKeyConstraint(["organisation_id", "group_id"], ["groups.organisation_id", "groups.id"], ondelete="CASCADE"),
        Index("ix_group_words_group", "organisation_id", "group_id", "word"),
        {"sqlite_with_rowid": False},
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    word: Mapped[str] = mapped_column(Word, primary_key=True)
    group_id: Mapped[str] = mapped_column(Id, primary_key=True)


@dataclass(frozen=True)
class Named:
    """Describe what has a name: its table and that of its words, and the condition of rows without their words.

    ``keys``: by column of the table of words, the column of the table.
    """

    table: Any
    words: Any
    keys: dict[str, str]
    text_of: Callable[[Any], str]
    stale: TextClause

    @property
    def named_id(self) -> Any:
        """Return the column of the table of words that names the row."""
        return getattr(self.words, [*self.keys][-1])


ORGANISATION = Named(
    Organisation,
    OrganisationWord,
    {"organisation_id": "id"},
    lambda row: f"{row.store_url} {row.name}",
    STALE_ORGANISATION,
)
SHOP = Named(
    Shop,
    ShopWord,
    {"organisation_id": "organisation_id", "shop_id": "id"},
    lambda row: f"{row.code} {row.name}",
    STALE_SHOP,
)
GROUP = Named(
    Group,
    GroupWord,
    {"organisation_id": "organisation_id", "group_id": "id"},
    lambda row: str(row.name),
    STALE_GROUP,
)


def add_organisation(row: Organisation) -> None:
    """Insert an organisation."""
    _add(ORGANISATION, row)


def change_organisation(organisation_id: str, **changes: Any) -> int:
    """Set columns."""
    touched = _change_organisation(organisation_id, **changes)
    if "name" in changes:
        _renew(ORGANISATION, id=organisation_id)
    return touched


@changes
def _change_organisation(organisation_id: str, **changes: Any) -> Update:
    return update(Organisation).where(Organisation.id == organisation_id).values(**changes)


def add_shop(row: Shop) -> None:
    """Insert a shop."""
    _add(SHOP, row)


def change_shop(organisation_id: str, shop_id: str, **changes: Any) -> int:
    """Set columns."""
    touched = _change_shop(organisation_id, shop_id, **changes)
    if "name" in changes:
        _renew(SHOP, organisation_id=organisation_id, id=shop_id)
    return touched


@changes
def _change_shop(organisation_id: str, shop_id: str, **changes: Any) -> Update:
    return update(Shop).where(Shop.organisation_id == organisation_id, Shop.id == shop_id).values(**changes)


def add_group(row: Group) -> None:
    """Insert a group."""
    _add(GROUP, row)


def change_group(organisation_id: str, group_id: str, **columns: Any) -> int:
    """Set columns; the compared form of a name with it."""
    if "name" not in columns:
        return _change_group(organisation_id, group_id, **columns)
    touched = _change_group(organisation_id, group_id, **columns, name_key=compared(columns["name"]))
    _renew(GROUP, organisation_id=organisation_id, id=group_id)
    return touched


@changes
def _change_group(organisation_id: str, group_id: str, **columns: Any) -> Update:
    return update(Group).where(Group.organisation_id == organisation_id, Group.id == group_id).values(**columns)


def sweep_names(most: int) -> int:
    """Keep the words of organisations, shops and groups whose words are missing or old."""
    done = 0
    for kind in (ORGANISATION, SHOP, GROUP):
        done += _sweep(kind, most - done) if done < most else 0
    return done


def _sweep(kind: Named, most: int) -> int:
    asked = select(kind.table).where(kind.stale).limit(most)
    found = every(asked.with_for_update(skip_locked=True, key_share=True))
    for row in found:
        _put_words(kind, row)
    return len(found)


def _add(kind: Named, row: Any) -> None:
    add(changed(row, **_made_of(kind, row)))
    add(*_words(kind, row))


def _renew(kind: Named, **key: str) -> None:
    """Replace the words of a row. The caller has changed the row, which is locked by that."""
    here = [getattr(kind.table, name) == value for name, value in key.items()]
    for row in every(select(kind.table).where(*here)):
        _put_words(kind, row)


def _put_words(kind: Named, row: Any) -> None:
    own = [getattr(kind.words, name) == getattr(row, column) for name, column in kind.keys.items()]
    write(delete(kind.words).where(*own))
    add(*_words(kind, row))
    here = [getattr(kind.table, column) == getattr(row, column) for column in kind.keys.values()]
    write(update(kind.table).where(*here).values(**_made_of(kind, row)))


def _words(kind: Named, row: Any) -> Iterator[Any]:
    own = {name: getattr(row, column) for name, column in kind.keys.items()}
    for word in sorted(words_of(kind.text_of(row))):
        yield kind.words(**own, word=word)


def _made_of(kind: Named, row: Any) -> dict[str, str]:
    """Return the columns that follow from a row's names."""
    made = {"search_text": kind.text_of(row)}
    return made if kind is GROUP else {**made, "sort_key": without_accents(row.name)[:LONGEST]}
