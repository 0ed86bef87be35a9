"""Know the languages of pages and mails: their names, their local forms, and tags and countries that mean them. Pure.

A language is added by its folder in ``idp/translations`` and its tag in ``Language``. Nothing else lists languages.
"""

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Literal, get_args

from babel import Locale
from babel.languages import get_official_languages
from babel.numbers import format_decimal

Language = Literal["nl", "en", "de", "fr"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

SOURCE = "en"
"""The language of the templates. It has no catalogue."""
IN_REGION: Mapping[str, str] = MappingProxyType({"en": "en_GB"})
"""Where dates and names of countries are not those of the language in general."""


LONGEST_TAG = 35
"""Characters of a tag that are kept (RFC 5646 §4.4.1). Its first part alone counts here."""


@cache
def locale_of(language: str) -> Locale:
    """Return Babel's locale for dates, numbers, countries and zones in a language."""
    return Locale.parse(IN_REGION.get(language, language))


@cache
def named() -> tuple[tuple[Language, str], ...]:
    """Return every language with its name in itself, as lists of choices show them: ``("nl", "Nederlands")``."""
    return tuple((tag, _capitalised(str(Locale.parse(tag).get_language_name(tag) or tag))) for tag in LANGUAGES)


@cache
def tags_by_name() -> Mapping[str, Language]:
    """Return every language by its tag and by its names in all of them, in lower case, as people write them in files."""
    names = {(Locale.parse(tag).get_language_name(other) or tag).casefold(): tag for tag in LANGUAGES for other in LANGUAGES}
    return MappingProxyType({**names, **{tag: tag for tag in LANGUAGES}})


def _capitalised(name: str) -> str:
    return name[:1].upper() + name[1:]


def country_name(code: str, language: str) -> str:
    """Return the name of a country (ISO 3166-1) in a language; the code itself where it is unknown."""
    return str(locale_of(language).territories.get(code, code))


def has_decimal_comma(language: str) -> bool:
    """Return whether numbers in a language have a comma before their decimals."""
    return bool(locale_of(language).number_symbols["latn"]["decimal"] == ",")


def number(value: int, language: str) -> str:
    """Return a whole number with the separators of a language: 12,345 or 12.345."""
    return format_decimal(value, locale=locale_of(language))


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
