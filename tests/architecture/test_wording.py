"""Messages have plurals for counts, and no sentence ends in a name that may end in a dot."""

import re
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from idp.resources import PACKAGE

COUNTED = re.compile(
    r"%\((?:num|count|seconds|minutes|hours|days|rows)\)s (?!of |van |von |sur )[a-zë]{2,}|%\((?:most|last)\)s [a-z]{3,}"
)
"""A number followed by a noun."""
ENDS = re.compile(r"%\((\w+)\)s\.(?=\s|$)")
NEVER_DOTTED = frozenset(
    {
        "when", "until", "since", "date", "num", "most", "least", "zone", "alg", "host", "email", "address",
        "allowed", "roles", "known", "near", "code", "store_url", "client_id", "role", "by", "browser", "parts", "all",
        "total",
    }
)  # fmt: skip
"""Placeholders that may end a sentence: their values end in a time zone, a digit or a word of ours, never in a dot."""


def _messages(language: str = "*") -> Iterator[Message]:
    for path in sorted((PACKAGE / "translations").glob(f"{language}/**/*.po")):
        with path.open("rb") as file:
            yield from (message for message in read_po(file) if message.id)


def _said(message: Message) -> tuple[str, ...]:
    whole = [message.id, message.string]
    return tuple(text for part in whole for text in ((part,) if isinstance(part, str) else part))


def _forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


def test_what_is_counted_has_a_plural() -> None:
    """Pages must not say "in 1 seconds": a number before a noun goes through ngettext, in every language."""
    wrong = [
        message.id for message in _messages() if isinstance(message.id, str) and any(map(COUNTED.search, _said(message)))
    ]
    assert wrong == []


def test_apostrophes_are_straight() -> None:
    """One kind in every text, as most keyboards write it. Quotes are “double”."""
    assert {text for message in _messages() for text in _said(message) if "’" in text} == set()


def test_no_sentence_ends_in_a_name_that_may_end_in_a_dot() -> None:
    """A name may be "Example Shoes B.V.", so it is used within a sentence, in quotes, or on a line of its own."""
    wrong = {text for message in _messages() for text in _said(message) if set(ENDS.findall(text)) - NEVER_DOTTED}
    assert wrong == set()


STIFF = re.compile(
    r"""\b(heirs?|whom|whoever|anew|meanwhile|thereby|of\ now|who\ runs|closes\ to\ you|do(es)?\ not\ fit\ together)\b
    |Leave\ it\ as\ it\ is|It\ is\ our\ fault|unwanted\ mail|made\ by\ a\ machine|stands?\ beside\ them|Your\ own\ password
    |[Nn]oted?\ (your|the)\ (recovery\ )?codes|Know\ that\ it\ is\ you|(Account|App|codes)\ made$|one\ (address\ )?a\ line
    |Empty:|Put\ somebody\ in|Nothing\ is\ closed|Give\ your\ password|public\ halves|Too\ late\?|asks?\ to\ be\ let
    |go\ together|has\ run\ out|\bruns\ out\ on|(was|were)\ taken\ back|^Take\ the\ .*\ back|what\ fits\ is|cannot\ stand
    |,\ as\ (NL|AU|2021|\#)|niet\ bij\ elkaar|Zo\ laten|met\ pensioen|aftroggel|openbare\ helften
    |niemand\ anders\ hier|erin\ zetten|ongewenste\ mail|Alles\ vraagt\ eerst
    |[Kk]eten\ gecontroleerd|goedgevonden|vraagt\ niets|alleen\ nu\.""",
    re.VERBOSE,
)
"""Stiff words, and words that only experts know, in English and in Dutch."""


def test_no_stiff_word_is_read_by_people() -> None:
    """S62: pages and mails use the words of the field and of its users."""
    assert {text for message in _messages() for text in _said(message) if STIFF.search(text)} == set()


FRENCH_BLANKS = re.compile(r"[^\u202f][;!?]|[^\u00a0]:(?!/)|«[^\u00a0]|[^\u00a0]»|[“”]|\.\.\.")
"""A sign of two parts without the blank before it that keeps it on the line; quotes and dots of other languages."""
CODE = re.compile(r"https?://\S*|com\.example\.app:\S*|\{.*\}")
OTHERWISE = {
    "fr": re.compile(r"sessions?\b.{0,25}\btermin|pris fin entre|adresses?( e-mail)?( n'est pas| non| est)? vérifiée"
                     r"|tentatives? (erronée|échouée|incorrecte)|enregistré.{0,12} de notre côté|traits d'union"),
    "de": re.compile(r"\bjetzig|Zwei-Faktor|\bKonsole\b|[Ww]artend nach|\bEmail|festgehalten|\bSecret\b.{0,20}\bbeende"),
}  # fmt: skip
"""Words for which a language has another one everywhere."""


def test_french_signs_stay_on_the_line() -> None:
    """A colon has a no-break space before it, a semicolon and question mark a narrow one, and quotes are « these »."""
    said = (text for message in _messages("fr") for text in _forms(message))
    assert {text for text in said if FRENCH_BLANKS.search(CODE.sub("x\u00a0", text))} == set()


@pytest.mark.parametrize("language", OTHERWISE)
def test_one_word_for_one_thing_in_each_language(language: str) -> None:
    """In French a session is closed and an address confirmed; the console is the Verwaltung in German."""
    assert {text for message in _messages(language) for text in _forms(message) if OTHERWISE[language].search(text)} == set()
