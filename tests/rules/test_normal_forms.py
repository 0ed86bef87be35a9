"""Normal forms of names, usernames and codes that people type, without invisible characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp import normal_forms
from idp.errors import Invalid, say

INVISIBLE = "\u200b\u200c\u200d\ufeff\u00ad\u200e\u200f\u202e\u2066\u2069\u2060\ufe0f\U000e0101\u034f\u3164\u180e\u061c"


@pytest.mark.parametrize("letter", INVISIBLE)
def test_invisible_characters_are_ignored(letter: str) -> None:
    """They are removed from stored names, compared names and codes."""
    assert normal_forms.one_line(f"an{letter}na ") == "anna"
    assert normal_forms.compared(f"{letter}An{letter}na") == "anna"
    assert normal_forms.typed_code(f"{letter}123{letter}456") == "123456"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("123-456", "123456"),
        ("123 456", "123456"),
        ("123\u00a0456\t", "123456"),
        ("１２３４５６", "123456"),
        ("１２３－４５６", "123456"),
        ("١٢٣٤٥٦", "123456"),
        ("123\u2011456", "123456"),
        ("ABCDEFG-HIJKMNP", "abcdefghijkmnp"),
        ("ａｂｃ–ｄｅｆ", "abcdef"),
    ],
)
def test_a_code_is_compared_by_its_letters_and_digits(typed: str, code: str) -> None:
    """A code may be grouped by spaces or hyphens, in full width, or in the digits of another script."""
    assert normal_forms.typed_code(typed) == code


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        " ",
        "\u200b",
        "a\nb",
        "a\tb",
        "a\x00b",
        "a\x85b",
        "a\u2028b",
        "a\ud800b",
        "a\ue000b",
        "a\u0378b",
        "x" * 51,
        7,
        None,
    ],
)
def test_a_name_is_one_line_of_visible_characters(wrong: object) -> None:
    """A name contains nothing that could break a mail header, a list or the parser of a claim."""
    with pytest.raises(Invalid):
        normal_forms.name("name", wrong, 50, say("no"))


@pytest.mark.parametrize("mixed", ["\u0430nna", "an\u03bfn", "pay\u0440al shop", "Café \u0415xample"])
def test_a_word_that_mixes_look_alike_alphabets_is_refused(mixed: str) -> None:
    """Some Cyrillic and Greek letters look like Latin letters."""
    with pytest.raises(Invalid, match="alphabets"):
        normal_forms.name("name", mixed, 50, say("no"))


@pytest.mark.parametrize(
    "fine",
    [
        "Anna",
        "Café Москва",
        "Søren Łukasz",
        "山田太郎 Shop",
        "カフェABC",
        "O'Neill-Smith",
        "Bücher & Co. 24/7",
        "Ελλάδα",
        "ωmega",
    ],
)
def test_ordinary_names_are_accepted_unchanged(fine: str) -> None:
    """Names may have words in different alphabets, accents, and Han or kana beside Latin letters."""
    assert normal_forms.name("name", fine, 50, say("no")) == fine


@given(st.text(max_size=60))
def test_normal_forms_are_stable(text: str) -> None:
    """The normal form of a normal form is itself, so a stored key is found by its own text."""
    assert normal_forms.compared(normal_forms.compared(text)) == normal_forms.compared(text)
    assert normal_forms.one_line(normal_forms.one_line(text)) == normal_forms.one_line(text)
    assert normal_forms.compared(normal_forms.one_line(text)) == normal_forms.compared(text)
