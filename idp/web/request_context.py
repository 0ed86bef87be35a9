"""The browser at the other end: its three cookies, its address, its name in words.

``browser`` binds sign-ins in progress and forms, ``login`` is the live login, ``device`` carries trust (S36). All are
random, opaque, HttpOnly and SameSite=Lax; over https they are Secure with the ``__Host-`` prefix. Machine endpoints never
come here. Another site's page can make a browser send requests without these cookies: such a request, and any refused one,
sets and deletes none (``put_cookie``).
"""

from dataclasses import dataclass

from flask import Response, current_app, g, request

from idp import crypto
from idp.addresses import client_address
from idp.config import Settings
from idp.identity.sessions import browser_cookies
from idp.signin.state import BrowserContext
from idp.store import browsers

LONG = browsers.COOKIE_DAYS * 86_400
"""Seconds."""


@dataclass
class Cookies:
    """The values of this request's cookies, and those to set with the answer (None: leave, empty: delete)."""

    browser: str
    browser_is_new: bool
    browser_renewed: str = ""
    login: str | None = None
    device: str | None = None


def settings() -> Settings:
    """The configuration of this application."""
    found: Settings = current_app.extensions["sleutel"].settings
    return found


def cookie_name(name: str) -> str:
    """The cookie's name, with the prefix that keeps sub-domains and plain http from setting it."""
    return f"__Host-{name}" if settings().is_secure else name


def cookies() -> Cookies:
    """This request's cookies; a browser without one gets one with the answer."""
    if "cookies" not in g:
        value = request.cookies.get(cookie_name("browser"), "")
        is_new = not browser_cookies.is_ours(settings(), value)
        g.cookies = Cookies(browser_cookies.new_value(settings()) if is_new else value, is_new)
    found: Cookies = g.cookies
    return found


def visit() -> BrowserContext:
    """What this request says about itself, as plain values."""
    if "visit" not in g:
        digest = browser_cookies.digest_of(cookies().browser)
        row = browsers.browser_of(digest)
        g.visit = BrowserContext(
            browser_id=row.id if row else crypto.new_id(),
            browser_digest=digest,
            new_browser=b"" if row else digest,
            is_embedded=is_foreign(),
            organisation_id=(row.organisation_id or "") if row else "",
            login=request.cookies.get(cookie_name("login"), "")[:128],
            device=request.cookies.get(cookie_name("device"), "")[:128],
            address=address(),
            label=label(request.headers.get("User-Agent", "")),
            locale=g.get("locale", "en"),
            request_id=request_id(),
        )
    found: BrowserContext = g.visit
    return found


def request_id() -> str:
    """This request's own id, for log and audit."""
    if "request_id" not in g:
        g.request_id = crypto.new_id()
    return str(g.request_id)


def keep(response: Response) -> Response:
    """Set and delete cookies with the answer, where a page used them."""
    if "cookies" not in g:
        return response
    found = cookies()
    may_be_unknown = request.method != "POST" or is_own()  # with other POSTs "no cookie came" does not mean "there is none"
    if found.browser_renewed or (found.browser_is_new and may_be_unknown):
        put_cookie(response, "browser", found.browser_renewed or found.browser, LONG)
    if found.login is not None:
        put_cookie(response, "login", found.login, None)
    if found.device is not None:
        put_cookie(response, "device", found.device, LONG)
    return response


def put_cookie(response: Response, name: str, value: str, max_age: int | None) -> None:
    """Set a cookie, or delete it where ``value`` is empty; ``max_age`` None: until the browser closes.

    Does nothing for a refused or a foreign request. SameSite=Lax cookies are not sent with a cross-site POST, but Chromium
    stores what the answer to it sets: a page of another site would replace its visitors' cookies.
    """
    if response.status_code >= 400 or is_foreign():
        return
    age = max_age if value else 0
    secure = settings().is_secure
    response.set_cookie(cookie_name(name), value, max_age=age, path="/", secure=secure, httponly=True, samesite="Lax")


def is_foreign() -> bool:
    """Check if another site's page made this request, other than by sending the person here (a top-level GET).

    Browsers say so in Sec-Fetch-Site (Fetch Metadata); older ones send Origin with each POST (RFC 6454 §7.3).
    """
    site, is_post = request.headers.get("Sec-Fetch-Site"), request.method == "POST"
    if site is None:
        origin = request.headers.get("Origin", "")
        # "null": a page that tells no referrer, which may be ours; the cookie tells it from others.
        return is_post and bool(origin) and (cookies().browser_is_new if origin == "null" else not is_own())
    leads_here = request.headers.get("Sec-Fetch-Mode") == "navigate" and request.headers.get("Sec-Fetch-Dest") == "document"
    return site in ("cross-site", "same-site") if is_post else site == "cross-site" and not leads_here


def is_own() -> bool:
    """Check if the browser vouches that a page of ours made this request."""
    site = request.headers.get("Sec-Fetch-Site")
    return request.headers.get("Origin") == settings().issuer if site is None else site == "same-origin"


def address() -> str:
    """The client's address. X-Forwarded-For is believed from the configured proxies only."""
    forwarded = request.headers.get("X-Forwarded-For", "")
    return client_address(request.remote_addr or "", forwarded, settings().server.proxies)


BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (
    ("iPad", "iPad"),
    ("iPhone", "iPhone"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def label(user_agent: str) -> str:
    """The browser in words, as "Firefox · Windows"; never the header's own text."""
    name = next((word for mark, word in BROWSERS if mark in user_agent), "")
    system = next((word for mark, word in SYSTEMS if mark in user_agent), "")
    return " · ".join(part for part in (name, system) if part) or "?"
