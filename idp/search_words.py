"""Split names and searches into the words by which people, shops, groups and organisations are found. Pure.

An index matches the beginnings of words.

A word begins after a blank or a punctuation mark, where digits follow letters, and at each letter of a script that needs no
blanks. It goes on to the next blank, so that ``anna.devries@shoes.example`` is found by ``anna``, ``devries@``, ``shoes.ex``
and by all of it. Both sides are compared alike, and without accents: few people type those of "Zoë" or "Renée".
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import zip_longest

from idp.normal_forms import compared

LONGEST = 254
"""Characters of a word that count. Some letters become several when they are compared."""
MOST_TYPED = 10
"""Words of a search that count. Each more is another look into the index, and leaves hardly anybody out."""
APOSTROPHE = re.compile("['\u2018\u2019\u02bc]")
ACCENTS = range(0x300, 0x370)
"""Combining marks of the scripts that have small and capital letters."""
WITHOUT_BLANKS = "\u2e80"
"""The first code point of ideographs, kana and Hangul. Each of them may begin a given name."""


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text, except those that another word begins with, because that word finds the person too."""
    words = sorted({word for whole in without_accents(text).split() for word in _words_of(whole)})
    return frozenset(word for word, after in zip_longest(words, words[1:], fillvalue="") if not after.startswith(word))


def typed_words(text: str) -> tuple[str, ...]:
    """Return the words of a search, the first ``MOST_TYPED``. Each must begin a word of the person."""
    typed = (_without_marks(word) for whole in without_accents(text).split() for word in _around_apostrophes(whole))
    return tuple(dict.fromkeys(typed))[:MOST_TYPED]


def without_accents(text: str) -> str:
    """Return the form of a text that is compared (see ``normal_forms``), without accents."""
    folded = compared(text)
    if folded.isascii():
        return folded
    plain = (letter for letter in unicodedata.normalize("NFKD", folded) if ord(letter) not in ACCENTS)
    return unicodedata.normalize("NFKC", "".join(plain))


def fits(text: str, typed: str) -> bool:
    """Return whether each typed word begins a word of the text."""
    words = words_of(text)
    return all(any(word.startswith(one) for word in words) for one in typed_words(typed))


def _words_of(whole: str) -> Iterator[str]:
    yield _without_marks(whole)
    for at in range(1, len(whole)):
        if _begins_word(whole[at - 1], whole[at]):
            yield whole[at : at + LONGEST]


def _around_apostrophes(whole: str) -> list[str]:
    """Return "brien" of "o'brien": a phone types another apostrophe than a keyboard, in the name or in the search."""
    return [part for part in APOSTROPHE.split(whole) if len(part) > 1] or [whole]


def _without_marks(whole: str) -> str:
    """Return a word from its first letter or digit; all of it if it has none."""
    return next((whole[at:] for at, letter in enumerate(whole) if letter.isalnum()), whole)[:LONGEST]


def _begins_word(before: str, letter: str) -> bool:
    is_new_kind = before.isalpha() != letter.isalpha() or before.isdigit() != letter.isdigit()
    return letter.isalnum() and (is_new_kind or letter >= WITHOUT_BLANKS)
