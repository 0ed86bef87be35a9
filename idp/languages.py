"""Know the languages of pages and mails, and map tags and countries to them. Pure."""

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Literal, get_args

from babel.languages import get_official_languages

Language = Literal["nl", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


LONGEST_TAG = 35
"""Characters of a tag that are kept (RFC 5646 §4.4.1). Its first part alone counts here."""


def spoken(tags: Iterable[object]) -> tuple[Language, ...]:
    """Return our languages that ``tags`` (BCP 47, or with an underscore) name, in their order, each once."""
    return _spoken(tuple([str(tag)[:LONGEST_TAG] for tag in tags]))


@lru_cache(maxsize=1024)
def _spoken(tags: tuple[str, ...]) -> tuple[Language, ...]:
    primary = [tag.replace("_", "-").partition("-")[0].lower() for tag in tags]
    found = [language for tag in primary for language in LANGUAGES if language == tag]
    return tuple(dict.fromkeys(found))


def of_organisation(chosen: Iterable[object], country: str) -> tuple[Language, ...]:
    """Return an organisation's languages, the first one first: as chosen, else those of its country. May be empty."""
    return spoken(chosen) or of_country(country)


@cache
def of_country(country: str) -> tuple[Language, ...]:
    """Return our languages that are official in a country (ISO 3166-1), most used first: NL and BE give ``nl``."""
    return spoken(get_official_languages(country, de_facto=True)) if country else ()
