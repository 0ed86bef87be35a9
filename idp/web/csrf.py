"""Make and check CSRF tokens: an HMAC over the browser's cookie, without a time limit, so a page may stay open all day
(S60).

The cookie is replaced at each proof, so pages in other tabs hold the token of a former value. Such a token is taken if the
browser vouches that the form is ours (Sec-Fetch-Site, else Origin). Another site's page cannot claim that, even with a token
of ours for a cookie that it planted.
"""

from flask import abort, g, request

from idp import crypto
from idp.web import request_context


def token() -> str:
    """Return the token of one form: one part for the cookie value, one that shows that we made it, one for the form."""
    browser = request_context.cookies().browser
    held: tuple[str, str] = g.get("csrf") or ("", "")
    if held[0] != browser:  # a page has several forms
        held = g.csrf = (browser, _both_parts(browser))
    return f"{held[1]}.{crypto.new_id()}"


def _both_parts(browser: str) -> str:
    ring = request_context.settings().ring
    bound = ring.mac("csrf", browser)
    return f"{bound}.{ring.mac('csrf-made', bound)}"


def fits() -> bool:
    """Check that the posted form is this browser's own."""
    if request_context.browser().is_foreign:
        return False
    ring, cookies = request_context.settings().ring, request_context.cookies()
    bound, made, _ = _parts()
    if not cookies.browser_is_new and ring.is_mac(bound, "csrf", cookies.browser):
        return True
    return request_context.browser().is_own and ring.is_mac(made, "csrf-made", bound)


def form_id() -> str:
    """Return the id of the posted form; empty where its token names none."""
    return _parts()[2]


def require() -> None:
    """Refuse a form that another site, or another browser, made."""
    if not fits():
        abort(403)


def _parts() -> tuple[str, str, str]:
    bound, made, form, *_ = [*request.form.get("csrf_token", "").split("."), "", "", ""]
    return bound, made, form
