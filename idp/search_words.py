"""Split names and searches into the words by which people are found. An index matches their beginnings. Pure.

A word begins after a blank or a punctuation mark, where digits follow letters, and at each letter of a script that needs no
blanks. It goes on to the next blank, so that ``anna.devries@shoes.example`` is found by ``anna``, ``devries@``, ``shoes.ex``
and by all of it. Both sides are compared alike: see ``normal_forms``.
"""

from collections.abc import Iterator
from itertools import zip_longest

from idp.normal_forms import compared

WITHOUT_BLANKS = "\u2e80"
"""The first code point of ideographs, kana and Hangul. Each of them may begin a given name."""


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text, except those that another word begins with, because that word finds the person too."""
    words = sorted({word for whole in compared(text).split() for word in _words_of(whole)})
    return frozenset(word for word, after in zip_longest(words, words[1:], fillvalue="") if not after.startswith(word))


def typed_words(text: str) -> tuple[str, ...]:
    """Return the words of a search. Each must begin a word of the person."""
    return tuple(dict.fromkeys(_without_marks(whole) for whole in compared(text).split()))


def _words_of(whole: str) -> Iterator[str]:
    yield _without_marks(whole)
    for at in range(1, len(whole)):
        if _begins_word(whole[at - 1], whole[at]):
            yield whole[at:]


def _without_marks(whole: str) -> str:
    """Return a word from its first letter or digit; all of it if it has none."""
    return next((whole[at:] for at, letter in enumerate(whole) if letter.isalnum()), whole)


def _begins_word(before: str, letter: str) -> bool:
    is_new_kind = before.isalpha() != letter.isalpha() or before.isdigit() != letter.isdigit()
    return letter.isalnum() and (is_new_kind or letter >= WITHOUT_BLANKS)
