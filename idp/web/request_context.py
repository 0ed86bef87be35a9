"""Hold the browser of Flask's request: see ``browser_request``. Machine endpoints never use it."""

from dataclasses import replace

from flask import Response, current_app, g, request

from idp.config import Settings
from idp.signin.state import BrowserContext
from idp.web.browser_request import BrowserRequest, Cookies

BEGUN = "sleutel.browser"
"""In the environment: the ``BrowserRequest`` of a request that began before Flask (``lean_entry``)."""


def settings() -> Settings:
    """Return the configuration of this application."""
    found: Settings = current_app.extensions["sleutel"].settings
    return found


def browser() -> BrowserRequest:
    """Return what this request says about its browser."""
    found: BrowserRequest | None = g.get("browser")
    if found is None:
        found = g.browser = request.environ.get(BEGUN) or BrowserRequest(settings(), request.environ)
    return found


def cookies() -> Cookies:
    """Return this request's cookies; a browser without one gets one with the answer."""
    return browser().cookies


def visit() -> BrowserContext:
    """Return what this request says about itself, as plain values."""
    return browser().visit


def browser_noted(browser_id: str) -> None:
    """Note that this request's browser has a row from now on."""
    browser().visit = replace(visit(), browser_id=browser_id, new_browser=b"")


def keep_no_cookies() -> None:
    """Answer this request without a cookie."""
    browser().forget_cookies()


def keep(response: Response) -> Response:
    """Set and delete cookies with the answer, if a page used them."""
    for value in browser().set_cookies(response.status_code):
        response.headers.add("Set-Cookie", value)
    return response


def put_cookie(response: Response, name: str, value: str, max_age: int | None) -> None:
    """Set a cookie, or delete it where ``value`` is empty. See ``BrowserRequest.set_cookie``."""
    for text in browser().set_cookie(response.status_code, name, value, max_age):
        response.headers.add("Set-Cookie", text)
