"""Choose the language of a page. It is decided here and nowhere else (S62).

The order: the language picked for this page; ``ui_locales`` of the app's request; the reader's own choice; the language last
picked in this browser; the browser's Accept-Language; the first language of the organisation, if that may be named (S29);
the installation's own.

Views note what they know (``asked_in``, ``prefer``, and ``pages.wear`` for the organisation). What no view has noted, as on
an error page, is looked up when a page is rendered: the request's own address, and the signed-in person.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import g, request
from flask_babel import get_translations, refresh

from idp import clock, languages
from idp.branding import languages_of
from idp.identity.sessions import sessions
from idp.languages import Language, spoken
from idp.store import organisations, users
from idp.web import browser_request, line_ends, request_context

MOST_TAGS = 10
MOST_ACCEPTED = 30
"""Languages of a browser that are looked at. Results are kept in memory by all of them, and a header may name thousands."""
PICKED = "language"
"""The parameter of a page's own address, and the cookie."""


def asked_in(*ui_locales: str) -> None:
    """Note the languages of the app's request. A language picked on a page of the sign-in goes before them."""
    g.ui_locales = ui_locales
    _forget()


def prefer(own: str) -> None:
    """Note the reader's own choice. Empty: they have made none, and it is not looked up."""
    g.own_language = own
    _forget()


def speak_as(languages: tuple[str, ...]) -> None:
    """Note the languages of the page's organisation, if it may be named (S29)."""
    g.organisation_languages = languages


def in_address(language: str) -> dict[str, str]:
    """Return the parameter that carries a language to a page that knows nothing else of the page before."""
    return {PICKED: language}


def at(address: str, picked: str) -> str:
    """Return the address of the same page in another language."""
    path, _, query = address.partition("?")
    kept = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != PICKED]
    return f"{path}?{urlencode([*kept, (PICKED, picked)])}"


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Render a page in this language, whatever the request asks."""
    g.spoken = language
    _forget()
    try:
        yield
    finally:
        del g.spoken
        _forget()


def _forget() -> None:
    """Have the language worked out again where it is next needed."""
    refresh()
    g.pop("catalogue", None)


def in_words(text: str, values: Mapping[str, Any], many: str = "") -> str:
    """Return a text of the catalogue in the language of this page, filled with its values.

    ``many``: the same for a number ``num`` of things that is not one.
    """
    return _filled(_translated(text, values, many), values)


def on_page(text: str, values: Mapping[str, Any], many: str = "") -> str:
    """Return the same for the eye: no line ends within "e-mail" or "xero-au"; a search in the page still finds them."""
    names = {name: line_ends.joined_name(value) for name, value in values.items()}
    return _filled(line_ends.joined(_translated(text, values, many)), names)


def _translated(text: str, values: Mapping[str, Any], many: str) -> str:
    """Look a text up. The catalogue is found once for each page, not for each text."""
    found = g.get("catalogue")
    if found is None:
        found = g.catalogue = get_translations()
    return str(found.ungettext(text, many, values["num"]) if many else found.ugettext(text))


def _filled(translated: str, values: Mapping[str, Any]) -> str:
    return translated % {name: number(one) for name, one in values.items()} if values else translated


def number(value: Any) -> Any:
    """Return a whole number as the reader writes it, 12,345 or 12.345; anything else as it is. It is a filter too."""
    is_long = isinstance(value, int) and abs(value) >= 1000
    return languages.number(value, chosen()) if is_long else value


def chosen() -> Language:
    """Return the language of this request's page."""
    return next(iter(spoken(_wishes())), request_context.settings().default_language)


def _wishes() -> Iterator[str]:
    """Yield every wish, the strongest first. They are read only as far as one is needed."""
    yield g.get("spoken", "")
    yield request.args.get(PICKED, "")
    yield from g.get("ui_locales") or request.args.get("ui_locales", "").split()[:MOST_TAGS]
    yield _own()
    yield request_context.browser().cookie(PICKED)
    yield from islice((tag for tag, quality in request.accept_languages if quality > 0), MOST_ACCEPTED)
    yield from g.get("organisation_languages", ())


def _own() -> str:
    """Return the reader's choice. If no view has told it, it is that of the signed-in user."""
    if "own_language" not in g:
        g.own_language = ""
        # This may be the page of a failing database: finding its language must not fail too.
        with suppress(Exception):
            _look_up_session()
    return str(g.own_language)


def _look_up_session() -> None:
    value = request_context.browser().cookie("login")[: browser_request.LONGEST]
    session = sessions.current(value, clock.now()) if value else None
    user = users.user(session.organisation_id, session.user_id) if session else None
    if user is None:
        return
    g.own_language = user.locale
    organisation = organisations.organisation(user.organisation_id) if not user.locale else None
    if organisation is not None:
        speak_as(languages_of(organisation))
