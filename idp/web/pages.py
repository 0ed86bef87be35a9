"""Render pages: a template with its one dataclass, errors as pages, languages, and the headers of all answers."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import structlog
from flask import Blueprint, Flask, Response, abort, g, make_response, redirect, render_template, request
from flask_babel import Babel
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from idp import logs, outage, zones
from idp.branding import Brand
from idp.config import Settings
from idp.errors import Message, Refusal, say
from idp.identity import sensitive_changes
from idp.languages import LANGUAGES, SOURCE, named
from idp.resources import PACKAGE
from idp.signin import authenticate
from idp.web import assets, browser_request, csrf, language, line_ends, request_context, times, unsaved, ways_back
from idp.web.response import REFUSED, REQUEST_ID

log = structlog.get_logger("web")
blueprint = Blueprint("pages", __name__)
NOT_PLAIN = re.compile(r"[^!-~]+")
"""Characters that an address in a header must not have."""
Speak = Callable[[str, Mapping[str, Any], str], str]
"""``language.in_words`` or ``language.on_page``."""
KEEPS_OPENER = {"Cross-Origin-Opener-Policy": "unsafe-none"}

CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)
# No form-action: Chromium applies it along the whole chain of redirects, so it would block the way back to the app.
OPENED_BY_APPS = ("oauth", "signin", "pages")
"""Apps open these in a popup and wait for the answer at their own callback. Any value but ``unsafe-none``, on any page or
redirect on the way, makes the browser cut ``window.opener`` for good; ``same-origin-allow-popups`` spares only popups that a
page itself opens (HTML §7.1.3). Profile and console keep ``same-origin``."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Content-Security-Policy": CSP,
}


@dataclass(frozen=True)
class ErrorPage:
    """Hold a refusal as a page. ``rows``: for developers. ``retry_after``: seconds, 0: none. ``request_id``: as logged."""

    status: int
    title: Message
    text: Message
    rows: tuple[tuple[str, str], ...] = ()
    retry_after: int = 0
    request_id: str = ""


TITLES = {
    400: say("That did not work"),
    403: say("That is not allowed"),
    404: say("This page does not exist"),
    405: say("That did not work"),
    408: say("That did not work"),
    409: say("That did not work"),
    413: say("That is too large"),
    429: say("Too many attempts"),
    500: say("Something went wrong"),
    503: say("Not available at the moment"),
}
TEXTS = {
    403: say("This form was not made in this browser, or it is too old. Go back, reload the page and try again."),
    404: say("The address is wrong, or what was here is gone."),
    408: say("Your request did not arrive in full. Check your connection, then try again."),
    409: say("Somebody else changed the same thing at this moment. Go back, reload the page and look at it again."),
    413: say("What you sent is too large. Go back and choose something smaller."),
    500: say("Something went wrong on our side, and we've logged it. Please try again."),
}
UNAVAILABLE = say("Our database is not available now. Nothing was changed. Please try again soon.")
NOT_TAKEN = say("Our database is not available now. Nothing was changed. Reload this page soon to send the form again.")
"""Statuses of a posted form's page that a reload sends again: nobody enters it twice."""


def setup_pages(app: Flask) -> None:
    """Set up languages, globals of templates, error pages and headers."""
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(PACKAGE / "translations")
    Babel(app, locale_selector=language.chosen, default_locale=SOURCE)
    app.jinja_env.globals.update(say=shown, csrf_token=csrf.token, locale=language.chosen, worn=worn, unsaved=unsaved.notice)
    app.jinja_env.globals["brand"] = app.extensions["sleutel"].settings.name
    app.jinja_env.globals.update(languages=named(), this_page=ways_back.this_page, seen_before=ways_back.seen_before)
    assets.setup_assets(app)
    times.setup_times(app)
    line_ends.setup_line_ends(app)
    app.register_blueprint(blueprint)
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(SQLAlchemyError, _database_failed)
    app.register_error_handler(Exception, _unexpected)
    app.before_request(sensitive_changes.begin)
    app.teardown_request(lambda _: sensitive_changes.end())
    app.before_request(_name_in_log)
    app.before_request(_refuse_at_entry)
    app.before_request(_take_no_nul)
    app.after_request(_finish)


def _name_in_log() -> None:
    """Bind the request's id, so that every line logged for it carries the id."""
    logs.request_id.set(request_context.browser().id)


def _refuse_at_entry() -> None:
    """Word the refusal of a request that did not come in full: the server's entry sets its status."""
    if status := request.environ.get(REFUSED):
        abort(status)


def _take_no_nul() -> None:
    """Refuse a NUL in the path: no id has one, and PostgreSQL stores none in a text."""
    if "\0" in request.path:
        abort(404)


def words(message: Message) -> str:
    """Return a message in the reader's language, for a file."""
    return _said(message, language.in_words)


def shown(message: Message) -> str:
    """Return a message in the reader's language, for a page."""
    return _said(message, language.on_page)


def _said(message: Message, speak: Speak) -> str:
    values = {name: _worded(value, speak) for name, value in message.values.items()}
    return speak(message.key, values, message.plural)


def _worded(value: Any, speak: Speak) -> Any:
    if isinstance(value, Message):
        return _said(value, speak)
    if isinstance(value, zones.Named):
        return times.zone_in_words(value)
    return times.day_in_words(value) if isinstance(value, date) else value


def render(template: str, page: Any, status: int = 200) -> Response:
    """Render a page that is never cached. With 429 nothing entered is wrong, so no field is marked."""
    g.rendered = {"template_name_or_list": template, "page": page, "must_wait": status == 429}
    response = make_response(render_template(**g.rendered), status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Language"] = language.chosen()
    return response


def in_other_languages() -> dict[str, str]:
    """Return the page of this request in each other language; empty if it has none."""
    found: dict[str, str] = {}
    for tag in LANGUAGES if "rendered" in g else ():
        if tag != language.chosen():
            with language.speaking(tag):
                found[tag] = render_template(**g.rendered)
    return found


def see_other(address: str) -> Response:
    """Redirect with a GET (303: a password in the body must not travel on, RFC 9700 §4.12).

    An address of printable ASCII, as every registered one is, goes into the header byte for byte.
    """
    response = make_response(redirect(plain_address(address), 303))
    response.headers["Cache-Control"] = "no-store"
    return response


def plain_address(address: str) -> str:
    """Return an address in printable ASCII, as a header takes it; a registered one is such already."""
    return NOT_PLAIN.sub(lambda found: quote(found[0], errors="replace"), address)


def headers_for(settings: Settings) -> dict[str, str]:
    """Return the headers of every answer of this installation."""
    secure = {"Strict-Transport-Security": "max-age=63072000; includeSubDomains"} if settings.is_secure else {}
    return HEADERS | secure


def error_page(
    status: int, title: Message, text: Message, rows: dict[str, str] | None = None, retry_after: int = 0
) -> Response:
    """Render a refusal as a page."""
    page = ErrorPage(status, title, text, tuple((rows or {}).items()), retry_after, request_context.browser().id)
    response = render("web/error.html", page, status)
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


def wear(brand: Brand) -> None:
    """Show this request's pages in the look of an organisation that may be named here (S29); note its languages."""
    g.brand = brand
    language.speak_as(brand.languages)


def worn() -> Brand:
    """Return the brand that pages wear; an empty one until ``wear`` was called."""
    found: Brand = g.get("brand") or Brand()
    return found


@blueprint.post("/language", endpoint="language")
def pick_language() -> Response:
    """Pick a language on any page, and come back to it."""
    csrf.require()
    picked, back = request.form.get(language.PICKED, ""), ways_back.way_back("/")
    if picked not in LANGUAGES:
        return see_other(back)
    attempt_id = back.partition("?")[0].removeprefix("/sign-in/")
    if not back.startswith("/sign-in/"):  # a page beside a sign-in, which may know its reader's own choice
        attempt_id = parse_qs(urlsplit(back).query).get("attempt", [""])[0]
        back = language.at(back, picked)
    if attempt_id:
        authenticate.choose_locale(request_context.settings(), request_context.visit(), attempt_id, picked)
    response = see_other(back)
    request_context.put_cookie(response, language.PICKED, picked, browser_request.LONG)
    return response


def _refused(refusal: Refusal) -> Response:
    log.info("refused", status=refusal.status, detail=refusal.detail, route=request.endpoint)
    title = TITLES.get(refusal.status, TITLES[400])
    return error_page(refusal.status, title, refusal.message, retry_after=getattr(refusal, "retry_after", 0))


def _http_error(error: HTTPException) -> Response:
    if error.response is not None or (error.code or 500) < 400:
        return make_response(error.get_response())
    status = error.code or 500
    title = TITLES.get(status, TITLES[400])
    response = error_page(status, title, TEXTS.get(status, say("The request could not be understood.")))
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _database_failed(error: SQLAlchemyError) -> Response:
    """Ask to come back if the database cannot serve now. Nothing changes at the browser, and nothing more is read."""
    if outage.is_overtaken(error):
        log.warning("overtaken", route=request.endpoint, reason=outage.reason_of(error))
        return error_page(409, TITLES[409], TEXTS[409])
    if not outage.is_outage(error):
        return _unexpected(error)
    log.error("database_unavailable", route=request.endpoint, reason=outage.reason_of(error))
    request_context.keep_no_cookies()
    g.pop("brand", None)
    text = NOT_TAKEN if request.method == "POST" else UNAVAILABLE
    try:
        return error_page(503, TITLES[503], text, retry_after=outage.RETRY_SECONDS)
    except SQLAlchemyError:  # the page itself needed the database
        return make_response(text.key, 503, {"Retry-After": str(outage.RETRY_SECONDS), "Cache-Control": "no-store"})


def _unexpected(error: Exception) -> Response:
    log.error("unexpected", route=request.endpoint, exc_info=error)
    return error_page(500, TITLES[500], TEXTS[500])


def _finish(response: Response) -> Response:
    if request.blueprint in OPENED_BY_APPS:
        response.headers.update(KEEPS_OPENER)
    present = {name.lower() for name in response.headers.keys()}  # noqa: SIM118 — iterating Headers gives pairs
    common = headers_for(request_context.settings())
    response.headers.extend([(name, value) for name, value in common.items() if name.lower() not in present])
    response.headers[REQUEST_ID] = request_context.browser().id
    for value in response.headers.values():
        value.encode("latin-1")  # an answer that WSGI cannot send must fail here, where it is logged and answered
    return request_context.keep(response)
