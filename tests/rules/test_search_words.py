"""The words by which people are found."""

import pytest

from idp.search_words import typed_words, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", set()),
        ("Anna de Vries", {"anna", "de", "vries"}),
        ("ANNA.devries", {"anna.devries", "devries"}),
        ("anna anna@shoes.example Anna", {"anna@shoes.example", "shoes.example", "example"}),
        ("till07", {"till07", "07"}),
        ("O'Brien-Smith", {"o'brien-smith", "brien-smith", "smith"}),
        ("\u738b\u5c0f\u660e", {"\u738b\u5c0f\u660e", "\u5c0f\u660e", "\u660e"}),
        ("Jos\u00e9  Stra\u00dfe", {"jos\u00e9", "strasse"}),
    ],
)
def test_a_word_begins_after_every_mark_and_none_is_kept_twice(text: str, words: set[str]) -> None:
    """A word with which another one begins is found by that one."""
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("anna.devries@shoes.example", "devries@sh"),
        ("k10234", "102"),
        ("kim@web.example", "@web"),
        ("Jan-Willem", "wil"),
        ("Kim Lee", "LE ki"),
    ],
)
def test_beginnings_are_found(name: str, typed: str) -> None:
    """What is typed is compared as what is kept; each typed word begins one."""
    assert all(any(word.startswith(begin) for word in words_of(name)) for begin in typed_words(typed))
