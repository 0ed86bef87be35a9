"""Choose the language in which a test shows something. Tests show each page in English and one other language."""

from zlib import crc32

from idp.languages import LANGUAGES, SOURCE, Language

OTHERS = tuple(language for language in LANGUAGES if language != SOURCE)


def another_language(name: str) -> Language:
    """Return one of the languages beside English, the same for the same name."""
    return OTHERS[crc32(name.encode()) % len(OTHERS)]
