"""Normalise entered text for storing and comparing: one rule at creation, at sign-in and in every interface. Pure.

Invisible characters make look-alikes. They are removed wherever text comes in, so a pasted name, address or code means what
it looks like. A letter that looks like one of another alphabet is refused in a word of both: a Cyrillic ``а`` in ``аnna``
reads as a Latin one. Passwords are never changed here: every character counts.
"""

import re
import unicodedata

from idp.errors import Invalid, Message, say

ALPHABETS = frozenset({"LATIN", "CYRILLIC", "GREEK", "COPTIC", "ARMENIAN", "CHEROKEE"})
"""Alphabets with letters that look like another's. Han, kana and Hangul are used beside Latin letters in ordinary names."""
LOOK_ALIKES = frozenset("авгеһікӏмнорԛѕтухѵԁԝүјАВЕНІКМОРЅТУХԜЈСсΑΒΕΖΗΙΚΜΝΟΡΤΥΧαβγικνορτυχϲϳօոսհցքԱՍՕ")
"""Letters of other alphabets that look Latin; for Cherokee and Coptic, all of them."""

_ALSO_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]")
"""Default_Ignorable_Code_Point beside category Cf: joiners, Hangul fillers, variation selectors, tags."""
_HYPHENS = re.compile("[\\s\\-\u2010-\u2015\u2212_.·]")
_WORD = re.compile(r"[^\W\d_]+")


def visible(text: str) -> str:
    """Return the text without invisible characters: zero-width, soft hyphens, direction marks, selectors."""
    kept = _ALSO_INVISIBLE.sub("", text)
    return "".join(letter for letter in kept if unicodedata.category(letter) != "Cf") if not kept.isascii() else kept


def one_line(text: str) -> str:
    """Return a name for storing: NFC, visible, single blanks; the check refuses line breaks and controls."""
    plain = unicodedata.normalize("NFC", visible(text))
    return re.sub(r"[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+", " ", plain).strip(" ")


def compared(text: str) -> str:
    """Return a username, address, shop code or group name for comparing: NFKC, case folded, visible."""
    folded = unicodedata.normalize("NFKC", visible(text)).casefold()
    return " ".join(visible(unicodedata.normalize("NFKC", folded)).split())


def compared_exactly(text: str) -> str:
    """Return the form in which earlier releases compared: with invisible characters."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()


def typed_code(text: str) -> str:
    """Return a code for comparing: ASCII digits for those of any script, lower case, no blanks, hyphens or invisible
    characters.
    """
    plain = _HYPHENS.sub("", unicodedata.normalize("NFKC", visible(text)).lower())
    return "".join(str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in plain)


def name(key: str, value: object, most: int, wrong: Message) -> str:
    """Return a name of 1 to ``most`` characters for storing. Raises ``Invalid`` with the words ``wrong``."""
    kept = one_line(value) if isinstance(value, str) and len(value) <= 4 * most else ""
    if not kept or len(kept) > most or not is_plain(kept):
        raise Invalid(key, wrong)
    for word in _WORD.findall(kept):
        require_one_alphabet(key, word, word)
    return kept


def require_one_alphabet(key: str, whole: str, letters: str) -> None:
    """Raise ``Invalid`` if ``letters`` of ``whole`` come from two alphabets that look alike."""
    if not letters.isascii() and len(found := _alphabets(letters)) > 1 and _misleads(letters, found):
        raise Invalid(
            key, say("“%(word)s” mixes letters of two alphabets that look alike. Use letters of one alphabet.", word=whole)
        )


def is_plain(text: str) -> bool:
    """Check if every character can be shown on one line: no control, line break, private, unassigned or half character."""
    return not any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for letter in text)


def _misleads(letters: str, alphabets: set[str]) -> bool:
    return bool(alphabets & {"CHEROKEE", "COPTIC"}) or not LOOK_ALIKES.isdisjoint(unicodedata.normalize("NFKC", letters))


def _alphabets(word: str) -> set[str]:
    first_words = {unicodedata.name(letter, "").partition(" ")[0] for letter in unicodedata.normalize("NFKC", word)}
    return first_words & ALPHABETS
