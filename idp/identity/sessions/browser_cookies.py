"""The value of the ``browser`` cookie: always made here, and replaced at each proof.

A value that arrives in a cookie is used only if it was made here: its row says so, or the MAC in it. A value that someone
planted in a browser, or copied from it, is worthless after the next sign-in there (session fixation, ASVS 7.2.4).
"""

from idp import crypto
from idp.config import Settings
from idp.store import browsers

LONGEST = 128
PURPOSE = "browser"


def new_value(settings: Settings) -> str:
    """Make a cookie value: 256 random bits, and a MAC that identifies it as ours before it has a row."""
    secret = crypto.new_secret()
    return f"{secret}.{settings.ring.mac(PURPOSE, secret)}"


def digest_of(value: str) -> bytes:
    """Return what is stored of a value."""
    return crypto.digest(PURPOSE, value)


def is_ours(settings: Settings, value: str) -> bool:
    """Check that a value was made here."""
    if not value or len(value) > LONGEST:
        return False
    secret, _, mac = value.partition(".")
    return settings.ring.is_mac(mac, PURPOSE, secret) or browsers.browser_of(digest_of(value)) is not None


def renew(settings: Settings, browser_id: str, former: bytes) -> str:
    """Give a browser's row a new cookie value, within the transaction of a proof. Returns the value to set.

    Everything bound to the row stays: sign-ins in progress in other tabs, the chooser, the lane of known browsers. Returns
    an empty string if another request of this browser was first: that response carries the new value.
    """
    value = new_value(settings)
    return value if browsers.rekey_browser(browser_id, former, digest_of(value)) else ""
