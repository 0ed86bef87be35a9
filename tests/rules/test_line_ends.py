"""Where a line of a page may end within words."""

import pytest
from markupsafe import Markup

from idp.web import line_ends

WORDS = {
    "e-mail": "e-\u2060mail",
    "6-digit code": "6-\u2060digit code",
    "ID-token, QR-Code": "ID-\u2060token, QR-\u2060Code",
    "sign-in": "sign-in",
    "NIST-SP": "NIST-SP",
    "- a list": "- a list",
}
NAMES = {
    "xero-au": "xero-\u2060au",
    "R-17": "R-\u206017",
    "example-shoes": "example-shoes",
    "https://a-b.example": "https://a-b.example",
    "a-name-of-more-than-twenty": "a-name-of-more-than-twenty",
}
LONG = {
    "jan@shoes.example": "jan<wbr>@shoes.<wbr>example",
    "jan@shoes.nl": "jan@shoes.nl",
    "Refused: SMTPRecipientsRefused 5.1.1": "Refused: SMTPRecipients<wbr>Refused 5.1.1",
    "snake_case_of_a_length": "snake_<wbr>case_<wbr>of_<wbr>a_<wbr>length",
    "<script>alert.of.length": "&lt;script&gt;alert.<wbr>of.<wbr>length",
    "Jan & Kim of a.long.name@x.example": "Jan &amp; Kim of a.<wbr>long.<wbr>name<wbr>@x.<wbr>example",
}


@pytest.mark.parametrize("text", WORDS)
def test_no_line_ends_after_a_letter_a_digit_or_an_abbreviation(text: str) -> None:
    """The word joiner stands after the hyphen, so that the word is still found."""
    assert line_ends.joined(text) == WORDS[text]


@pytest.mark.parametrize("name", NAMES)
def test_a_short_name_stays_on_one_line(name: str) -> None:
    """Addresses stay as they are: people copy them."""
    assert line_ends.joined_name(name) == NAMES[name]
    assert line_ends.joined_name(17) == 17


@pytest.mark.parametrize("text", LONG)
def test_a_long_name_may_end_a_line_at_its_places(text: str) -> None:
    """The parts are escaped, and the places are marked."""
    assert Markup.escape(line_ends.parted(text)) == LONG[text]
