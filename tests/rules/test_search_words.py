"""Users are found by the words of their names and addresses."""

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
        ("Jos\u00e9  Stra\u00dfe", {"jose", "strasse"}),
    ],
)
def test_a_word_begins_after_every_mark_and_is_stored_once(text: str, words: set[str]) -> None:
    """A word that is the beginning of another one is not stored, because a search for it finds the longer one."""
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("anna.devries@shoes.example", "devries@sh"),
        ("k10234", "102"),
        ("kim@web.example", "@web"),
        ("Jan-Willem", "wil"),
        ("Kim Lee", "LE ki"),
        ("Zo\u00eb Dani\u00eblle", "zoe dani"),
        ("Zoe Muller", "Zo\u00eb M\u00fc"),
        ("Sinead O'Brien", "o\u2019brien"),
        ("Sinead O\u2019Brien", "O'Bri"),
        ("D'Hondt", "d'"),
        ("Piet van 't Hof", "'t ho"),
    ],
)
def test_search_finds_the_beginnings_of_words(name: str, typed: str) -> None:
    """Typed text is normalised like stored text. Each typed word must be the beginning of a stored one."""
    assert all(any(word.startswith(begin) for word in words_of(name)) for begin in typed_words(typed))


def test_a_search_of_many_words_costs_no_more_than_one_of_ten() -> None:
    """87 words took nearly a second with 100,000 people. The first ten count, each once."""
    assert typed_words("a a " + " ".join(f"k{number}" for number in range(87))) == (
        "a",
        *(f"k{number}" for number in range(9)),
    )
