"""Codes that people copy from paper or from a screen: their letters, their shape, and what is read from what was typed."""

import re
from dataclasses import dataclass

from idp import crypto, normal_forms

ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""32 characters, five bits each: no l, o, 0 or 1, of which each looks like another."""
LONGEST_TYPED = 100

_MISREAD = str.maketrans({"l": "i", "1": "i"})


@dataclass(frozen=True)
class Shape:
    """A kind of code: so many ``letters``, shown in groups of ``group``."""

    letters: int
    group: int
    alphabet: str = ALPHABET

    def draw(self) -> str:
        """Return a new random code, without hyphens."""
        return crypto.random_letters(self.letters, self.alphabet)

    def shown(self, code: str) -> str:
        """Return a code as it is shown: its groups with hyphens between them."""
        return "-".join(code[at : at + self.group] for at in range(0, self.letters, self.group))

    def read(self, typed: str) -> str:
        """Return the letters of a typed code, in whatever case and with hyphens or spaces; empty if it is none."""
        if len(typed) > LONGEST_TYPED:
            return ""
        plain = normal_forms.typed_code(typed)
        plain = plain.translate(_MISREAD) if self.alphabet == ALPHABET else plain
        return plain if re.fullmatch(f"[{self.alphabet}]{{{self.letters}}}", plain) else ""
