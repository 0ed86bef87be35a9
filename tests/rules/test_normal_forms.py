"""Normal forms of what is typed: names, usernames and codes, whatever is invisible in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp import normal_forms
from idp.errors import Invalid, say

INVISIBLE = "\u200b\u200c\u200d\ufeff\u00ad\u200e\u200f\u202e\u2066\u2069\u2060\ufe0f\U000e0101\u034f\u3164\u180e\u061c"


@pytest.mark.parametrize("letter", INVISIBLE)
def test_an_invisible_character_counts_for_nothing(letter: str) -> None:
    """In names as kept, in names as compared, in codes."""
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
def test_a_code_is_what_its_letters_and_digits_say(typed: str, code: str) -> None:
    """Grouped by blanks or hyphens, in full width, in another script's digits."""
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
    """Nothing that a header, a list or a claim's reader would stumble over."""
    with pytest.raises(Invalid):
        normal_forms.name("name", wrong, 50, say("no"))


@pytest.mark.parametrize("mixed", ["\u0430nna", "an\u03bfn", "pay\u0440al shop", "Café \u0415xample"])
def test_a_word_of_two_alphabets_is_refused(mixed: str) -> None:
    """A Cyrillic or Greek letter that looks like a Latin one."""
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
def test_ordinary_names_are_taken_as_they_are(fine: str) -> None:
    """Words in different alphabets beside each other, accents, Han and kana next to Latin letters."""
    assert normal_forms.name("name", fine, 50, say("no")) == fine


@given(st.text(max_size=60))
def test_normal_forms_are_stable(text: str) -> None:
    """What is normal stays so: a stored key is found by itself."""
    assert normal_forms.compared(normal_forms.compared(text)) == normal_forms.compared(text)
    assert normal_forms.one_line(normal_forms.one_line(text)) == normal_forms.one_line(text)
    assert normal_forms.compared(normal_forms.one_line(text)) == normal_forms.compared(text)
