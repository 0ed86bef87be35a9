"""Post/Redirect/Get: no page is the direct answer to a posted form.

A page that answers a POST cannot be shown again: Chromium ends in ERR_CACHE_MISS at Back and Forward, since our pages are
never stored, and Reload sends the form once more. So the page is kept for this browser, sealed and for a short time
(``stash``). The answer is a redirect (303) to the same path with a reference. The GET shows the page with its own status, in
the language that is picked there. When it is gone (time, sign-out, another browser) the path's ordinary page is shown. A
form that is sent twice gets one answer (``sent_forms``).

Of sign-in pages only the errors and the entered values are kept (``web/signin``): the step that is due is always shown live.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import structlog
from flask import Flask, Response, current_app, g, make_response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from idp import clock
from idp.identity.sessions import sessions
from idp.web import csrf, language, pages, request_context, sent_forms, stash

log = structlog.get_logger("web")
REFERENCE = "answer"
PURPOSE = "page"
SECONDS = 3600
SECRET_SECONDS = 600
"""A page with a new secret or a printed code can be shown again for this long."""
SHORTEST = 60
"""A page that asks to wait is kept for that wait, and at least for this long."""
MADE_BY_REPLAY = frozenset(("set-cookie", "content-length", "content-type", "content-language", "location"))


def setup_post_redirect_get(app: Flask) -> None:
    """Keep pages that answer a POST, and show them before a view runs. Call it after ``setup_pages``."""
    app.before_request(_show_kept)
    app.before_request(_answered_before)
    app.after_request(_keep)


def land_at(path: str, **query: str) -> None:
    """Keep the page of this request and show it at ``path``, whose ordinary page makes sense once this one is gone.

    It is for pages with something made once: a secret, a printed code, the outcome of a single-use code (also of a GET).
    """
    g.landing, g.landing_query = path, tuple(query.items())


def redirect_to_answer(path: str, reference: str, query: tuple[tuple[str, str], ...] = ()) -> Response:
    """Redirect to the GET that shows what was kept as ``reference``."""
    return pages.see_other(f"{quote(path)}?{urlencode([*query, (REFERENCE, reference)])}")


def _answered_before() -> Response | None:
    """Return the address of the answer to this form, if the form was sent before."""
    return sent_forms.earlier_answer(_login_id()) if sent_forms.posted() else None


def _keep(response: Response) -> Response:
    """Replace a page that answers a form of ours by a redirect to it.

    A form that is not ours is refused directly: it must change nothing. So is what fails at the server: the database may be
    what failed.
    """
    try:
        answer = _kept(response) if _is_page_of_a_form(response) else response
        sent_forms.note_answer(answer, is_refused=response.status_code >= 400)
        return answer
    except Exception as error:
        log.error("page_not_kept", route=request.endpoint, exc_info=error)
        return response


def _is_page_of_a_form(response: Response) -> bool:
    is_page = response.mimetype == "text/html" and (response.status_code < 300 or 400 <= response.status_code < 500)
    if not is_page or (request.method != "POST" and "landing" not in g):
        return False
    try:
        return _is_route() and ("landing" in g or csrf.fits())
    except HTTPException:  # the body could not be read
        return False


def _kept(response: Response) -> Response:
    landing = g.get("landing", "")
    path, seconds = landing or request.path, SECRET_SECONDS if landing else SECONDS
    if "Retry-After" in response.headers:
        seconds = min(seconds, max(SHORTEST, int(response.headers["Retry-After"])))
    reference = stash.put(PURPOSE, _as_json(response, path), seconds, _login_id())
    sent: Iterable[tuple[str, str]] = parse_qsl(request.query_string.decode("latin-1")) if not landing else g.landing_query
    answer = redirect_to_answer(path, reference, tuple(pair for pair in sent if pair[0] != REFERENCE))
    for cookie in response.headers.getlist("Set-Cookie"):
        answer.headers.add("Set-Cookie", cookie)
    return answer


MEMBERS = {"path", "status", "headers", "language", "html"}
"""Of a page that is kept. One that another version kept without some of them is as good as gone."""


def _as_json(response: Response, path: str) -> dict[str, Any]:
    headers = [(name, value) for name, value in response.headers.items() if name.lower() not in MADE_BY_REPLAY]
    html = {language.chosen(): response.get_data(as_text=True), **pages.in_other_languages()}
    return {"path": path, "status": response.status_code, "headers": headers, "language": language.chosen(), "html": html}


def _show_kept() -> Response | None:
    """Return the page that the reference names, for the browser and session it was made for; None if it is gone."""
    reference = request.args.get(REFERENCE, "")
    if request.method not in ("GET", "HEAD") or not reference:
        return None
    kept = stash.get(PURPOSE, reference, _login_id())
    if kept is not None and kept.keys() >= MEMBERS and kept["path"] == request.path:
        picked = request.args.get(language.PICKED, "")
        spoken = picked if picked in kept["html"] else kept["language"]
        response = make_response(kept["html"][spoken], kept["status"])
        response.headers.extend(kept["headers"])
        response.headers["Content-Language"] = spoken
        return response
    return pages.see_other(_page_above()) if isinstance(request.routing_exception, MethodNotAllowed) else None


def _login_id() -> str:
    """Return the id of the session that is live after this request; empty if nobody is signed in."""
    changed = request_context.cookies().session
    bearer = request_context.visit().session if changed is None else changed
    session = sessions.current(bearer, clock.now()) if bearer else None
    return session.id if session else ""


def _is_route() -> bool:
    """Check that the path exists, so that no redirect leads to a path that a stranger made up."""
    return request.url_rule is not None or isinstance(request.routing_exception, MethodNotAllowed)


def _page_above() -> str:
    """Return the nearest page up the path, for forms sent to a path without a page of its own."""
    routes = current_app.create_url_adapter(request)
    path = request.path
    while path != "/" and routes is not None:
        path = path.rpartition("/")[0] or "/"
        if routes.test(path, "GET"):
            return quote(path)
    return "/"
