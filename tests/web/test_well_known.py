"""Browsers and password managers ask for these addresses by themselves."""

from datetime import datetime, timedelta
from io import BytesIO

import pytest
import time_machine
from PIL import Image

from idp import clock


def get(app, settings, path):
    """Send a request without cookies."""
    return app.test_client(use_cookies=False).get(path, base_url=settings.issuer)


def test_password_managers_find_the_page_to_change_a_password(app, settings):
    """W3C, A Well-Known URL for Changing Passwords §3: the address redirects to that page."""
    answer = get(app, settings, "/.well-known/change-password")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account/security")
    assert (
        get(app, settings, "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200").status_code
        == 404
    )


@pytest.mark.parametrize("days", [0, 1, 400, 4000])
def test_security_txt_never_expires(app, settings, days):
    """RFC 9116 §2.5: it has a contact and one expiry, within a year of every request."""
    with time_machine.travel(clock.now() + timedelta(days=days), tick=False):
        answer = get(app, settings, "/.well-known/security.txt")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
        fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
        assert answer.text.count("Expires: ") == 1
        ahead = datetime.fromisoformat(fields["Expires"]) - clock.now()
        assert timedelta(0) < ahead < timedelta(days=365)
    assert fields["Contact"] == "mailto:security@id.example.com"
    assert fields["Canonical"] == "https://id.example.com/.well-known/security.txt"


@pytest.mark.parametrize(("path", "kind"), [
    ("/favicon.ico", "ICO"), ("/apple-touch-icon.png", "PNG"), ("/apple-touch-icon-precomposed.png", "PNG"),
    ("/apple-touch-icon-120x120.png", "PNG"), ("/apple-touch-icon-120x120-precomposed.png", "PNG"),
])  # fmt: skip
def test_icon_addresses_return_images(app, settings, path, kind):
    """Browsers and phones ask for these addresses whatever the pages contain."""
    answer = get(app, settings, path)
    assert answer.status_code == 200
    assert Image.open(BytesIO(answer.data)).format == kind
