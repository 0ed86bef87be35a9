"""Read what an HTTP request says about its browser, from the WSGI environment alone.

The protocol's hot path is answered before Flask builds a request (``web.lean_entry``), and pages come through Flask. Both
read cookies, address and browser here (``request_context``), so that they cannot differ.

``browser`` binds sign-ins in progress and forms, ``login`` is the live session, ``device`` carries trust (S36). All are
random, opaque, HttpOnly and SameSite=Lax; over https they are Secure with the ``__Host-`` prefix. Another site's page can
make a browser send requests without these cookies. So the answer to such a request, or to a refused one, sets and deletes
none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from werkzeug.http import dump_cookie
from werkzeug.sansio.http import parse_cookie

from idp import crypto
from idp.addresses import client_address
from idp.config import Settings
from idp.identity.sessions import browser_cookies
from idp.signin.state import BrowserContext
from idp.store import browsers

LONG = browsers.COOKIE_DAYS * 86_400
"""Seconds."""
LONGEST = 128
"""Characters of a bearer value in a cookie. Ours are shorter."""

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


@dataclass
class Cookies:
    """Hold the values of this request's cookies, and those to set with the answer (None: leave, empty: delete).

    ``session_seconds``: how long the browser keeps the session's; None: until it closes.
    """

    browser: str
    browser_is_new: bool
    browser_renewed: str = ""
    session: str | None = None
    session_seconds: int | None = None
    device: str | None = None


class BrowserRequest:
    """Read one request. Each part is read when it is first used."""

    def __init__(self, settings: Settings, environ: Mapping[str, Any]) -> None:
        self.settings = settings
        self._environ = environ
        self.id = crypto.new_id()
        """For log and audit."""

    def header(self, name: str) -> str | None:
        """Return a header by its name in the environment, as ``HTTP_ORIGIN``; None where it was not sent."""
        value: str | None = self._environ.get(name)
        return value

    @property
    def is_post(self) -> bool:
        """Check if it is a POST."""
        return bool(self._environ["REQUEST_METHOD"] == "POST")

    def cookie(self, name: str) -> str:
        """Return the value that was sent for one of our cookies; empty where none was."""
        return self._sent.get(cookie_name(self.settings, name), "")

    @cached_property
    def _sent(self) -> Mapping[str, str]:
        return parse_cookie(self.header("HTTP_COOKIE"))

    @cached_property
    def cookies(self) -> Cookies:
        """Return the cookies. A browser without one gets one with the answer."""
        value = self.cookie("browser")
        is_new = not browser_cookies.is_ours(self.settings, value)
        return Cookies(browser_cookies.new_value(self.settings) if is_new else value, is_new)

    @cached_property
    def visit(self) -> BrowserContext:
        """Return what the request says about itself, as plain values for the floors below."""
        digest = browser_cookies.digest_of(self.cookies.browser)
        row = browsers.browser_of(digest)
        return BrowserContext(
            browser_id=row.id if row else crypto.new_id(),
            browser_digest=digest,
            new_browser=b"" if row else digest,
            is_embedded=self.is_foreign,
            is_background=self.header("HTTP_SEC_FETCH_DEST") == "empty",
            organisation_id=(row.organisation_id or "") if row else "",
            session=self.cookie("login")[:LONGEST],
            device=self.cookie("device")[:LONGEST],
            address=self.address,
            label=label(self.header("HTTP_USER_AGENT") or ""),
            request_id=self.id,
        )

    def next_visit(self) -> BrowserContext:
        """Return the visit as this browser's next request would tell it: with the cookies that this answer sets."""
        new, visit = self.cookies, self.visit
        return replace(
            visit,
            browser_digest=browser_cookies.digest_of(new.browser_renewed or new.browser),
            session=visit.session if new.session is None else new.session,
            device=visit.device if new.device is None else new.device,
        )

    @property
    def address(self) -> str:
        """The client's address, as ``address_of`` tells it."""
        return address_of(self.settings, self._environ)

    @property
    def is_foreign(self) -> bool:
        """Check if another site's page made this request, except to send the person here (a top-level GET).

        Browsers say so in Sec-Fetch-Site (Fetch Metadata); older ones send Origin with each POST (RFC 6454 §7.3).
        """
        site = self.header("HTTP_SEC_FETCH_SITE")
        if site is None:
            origin = self.header("HTTP_ORIGIN") or ""
            # "null": a page without a referrer, which may be ours; the cookie tells them apart.
            return self.is_post and bool(origin) and (self.cookies.browser_is_new if origin == "null" else not self.is_own)
        mode, dest = self.header("HTTP_SEC_FETCH_MODE"), self.header("HTTP_SEC_FETCH_DEST")
        leads_here = mode == "navigate" and dest == "document"
        return site in ("cross-site", "same-site") if self.is_post else site == "cross-site" and not leads_here

    @property
    def is_own(self) -> bool:
        """Check if the browser vouches that a page of ours made this request."""
        site = self.header("HTTP_SEC_FETCH_SITE")
        return self.header("HTTP_ORIGIN") == self.settings.issuer if site is None else site == "same-origin"

    def forget_cookies(self) -> None:
        """Answer without a cookie, unless cookies are used again."""
        self.__dict__.pop("cookies", None)

    def set_cookies(self, status: int) -> Iterator[str]:
        """Yield the Set-Cookie values of an answer with this status, if the page used cookies."""
        if "cookies" not in self.__dict__:
            return
        found = self.cookies
        may_be_unknown = not self.is_post or self.is_own  # with other POSTs "no cookie came" does not mean "there is none"
        if found.browser_renewed or (found.browser_is_new and may_be_unknown):
            yield from self.set_cookie(status, "browser", found.browser_renewed or found.browser, LONG)
        if found.session is not None:
            yield from self.set_cookie(status, "login", found.session, found.session_seconds)
        if found.device is not None:
            yield from self.set_cookie(status, "device", found.device, LONG)

    def set_cookie(self, status: int, name: str, value: str, max_age: int | None) -> Iterator[str]:
        """Yield the Set-Cookie value for one cookie; an empty ``value`` deletes it.

        ``max_age`` in seconds; None: until the browser closes. Yields nothing for a refused or a foreign request.
        SameSite=Lax cookies are not sent with a cross-site POST, but Chromium stores what its answer sets: a page of another
        site would replace its visitors' cookies.
        """
        if status >= 400 or self.is_foreign:
            return
        yield dump_cookie(
            cookie_name(self.settings, name),
            value,
            max_age=max_age if value else 0,
            path="/",
            secure=self.settings.is_secure,
            httponly=True,
            samesite="Lax",
        )


def address_of(settings: Settings, environ: Mapping[str, Any]) -> str:
    """Return the client's address. X-Forwarded-For is believed from the configured proxies only."""
    peer, forwarded = environ.get("REMOTE_ADDR") or "", environ.get("HTTP_X_FORWARDED_FOR") or ""
    return client_address(peer, forwarded, settings.server.proxies)


def cookie_name(settings: Settings, name: str) -> str:
    """Return the cookie's name, with the prefix that keeps sub-domains and plain http from setting it."""
    return f"__Host-{name}" if settings.is_secure else name


def label(user_agent: str) -> str:
    """Return the browser in words, as "Firefox · Windows"; never the header's own text."""
    name = next((word for mark, word in BROWSERS if mark in user_agent), "")
    system = next((word for mark, word in SYSTEMS if mark in user_agent), "")
    return " · ".join(part for part in (name, system) if part) or "?"
