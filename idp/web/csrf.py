"""The CSRF token: an HMAC over the browser's cookie, without a time limit, so that a page may lie open all day (S60)."""

from flask import abort, request

from idp.web import browser


def token() -> str:
    """The token of this browser's forms."""
    return browser.settings().ring.mac("csrf", browser.cookies().browser)


def fits() -> bool:
    """Whether the posted form is this browser's own."""
    posted = request.form.get("csrf_token", "")
    return not browser.cookies().browser_is_new and browser.settings().ring.mac_fits(
        posted, "csrf", browser.cookies().browser
    )


def require() -> None:
    """Refuse a form that another site, or another browser, made."""
    if not fits():
        abort(403)
