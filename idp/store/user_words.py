"""The words by which users are found, kept with each user in the same transaction: see ``search_words``."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Delete, ForeignKeyConstraint, Index, Insert, Select, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.rows import inserting
from idp.search_words import LONGEST
from idp.statements import asks_every, changes

Word = String(LONGEST).with_variant(String(LONGEST, collation="C"), "postgresql")
"""Both engines compare words by code points, so that all words with one beginning are one range of the index."""
LAST = "\U0010ffff"
"""A character that no word contains. All words that begin with a text come before the text with this at its end."""


class UserWord(Base):
    """A word of a user."""

    __tablename__ = "user_words"
    __table_args__: Any = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"], ondelete="CASCADE"),
        Index("ix_user_words_user", "organisation_id", "user_id", "word"),
        {"sqlite_with_rowid": False},
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    word: Mapped[str] = mapped_column(Word, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, primary_key=True)


def put_words(organisation_id: str, user_id: str, wanted: Collection[str]) -> None:
    """Replace the user's words by these."""
    present = {*_words(organisation_id, user_id)}
    for word in present - {*wanted}:
        _drop(organisation_id, user_id, word)
    add_words(organisation_id, user_id, {*wanted} - present)


def add_words(organisation_id: str, user_id: str, words: Collection[str]) -> None:
    """Add words of a user."""
    for word in sorted(words):
        _add(organisation_id, user_id, word)


@asks_every
def _words(organisation_id: str, user_id: str) -> Select[str]:
    return select(UserWord.word).where(UserWord.organisation_id == organisation_id, UserWord.user_id == user_id)


@changes
def _drop(organisation_id: str, user_id: str, word: str) -> Delete:
    here = (UserWord.organisation_id == organisation_id, UserWord.word == word, UserWord.user_id == user_id)
    return delete(UserWord).where(*here)


@changes
def _add(organisation_id: str, user_id: str, word: str) -> Insert:
    return inserting(UserWord, organisation_id=organisation_id, word=word, user_id=user_id)
