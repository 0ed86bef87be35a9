"""oidc-client-ts signs people in within a real browser, from exactly what `idp client guide` prints, unchanged."""

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page

from tests.conftest import Live
from tests.drivers import node
from tests.outside.printed import EMAIL, NAME, REFUSED, SIGNED_OUT, Guided, prepare

HERE = Path(__file__).parent
pytestmark = pytest.mark.node_apps


class Site(http.server.SimpleHTTPRequestHandler):
    """Serve the files of a single-page app. Every other path is its page, as such apps are served."""

    def send_head(self):  # type: ignore[no-untyped-def] # the library's type is private
        """Answer an unknown path by the page."""
        if not Path(self.translate_path(self.path)).is_file():
            self.path = "/index.html"
        return super().send_head()

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@contextmanager
def _served(guided: Guided) -> Iterator[None]:
    handler = functools.partial(Site, directory=str(guided.folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", guided.port), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


def _profile(page: Page) -> dict[str, str]:
    page.wait_for_selector("body[data-user]:not([data-user=''])")
    return dict(json.loads(page.evaluate("document.body.dataset.user")))


@pytest.mark.parametrize("is_dpop", [False, True], ids=["bearer", "dpop"])
def test_oidc_client_ts_signs_in_refreshes_and_signs_out(live: Live, page: Page, tmp_path: Path, is_dpop: bool) -> None:
    """The library reads discovery, tokens, key set and userinfo across origins, and rotates refresh tokens.

    With DPoP (RFC 9449) the code, both tokens and userinfo are bound to a key that never leaves the browser.
    """
    packages = node.installed(HERE)
    guided = prepare(live, tmp_path / "app", "oidc-client-ts", public=True, dpop_bound_access_tokens=is_dpop)
    (guided.folder / "node_modules").symlink_to(packages / "node_modules")
    with _served(guided):
        page.goto(guided.origin)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Username").fill(guided.person.username)
        page.locator("#password").fill(guided.person.password)
        page.locator("#password").press("Enter")
        profile = _profile(page)
        assert (profile["sub"], profile["name"], profile["email"]) == (guided.person.id, NAME, EMAIL)
        with page.expect_response(lambda answer: answer.url.endswith("/oauth/token") and answer.ok) as refreshed:
            page.get_by_role("button", name="Refresh").click()
        assert refreshed.value.json()["token_type"] == ("DPoP" if is_dpop else "Bearer")
        assert _profile(page)["sub"] == guided.person.id
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(guided.origin + SIGNED_OUT)
        page.goto(guided.origin)
        page.get_by_text("Nobody is signed in.").wait_for()
        page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Username").wait_for()


def test_oidc_client_ts_shows_that_the_person_refused(live: Live, page: Page, tmp_path: Path) -> None:
    """RFC 6749 §4.1.2.1: the app says why nobody is signed in, and can begin again."""
    packages = node.installed(HERE)
    guided = prepare(live, tmp_path / "app", "oidc-client-ts", public=True)
    (guided.folder / "node_modules").symlink_to(packages / "node_modules")
    with _served(guided):
        page.goto(guided.origin)
        with page.expect_request(lambda request: "/oauth/authorize?" in request.url) as asked:
            page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Username").wait_for()
        state = parse_qs(urlsplit(asked.value.url).query)["state"][0]
        page.goto(f"{guided.origin}/callback?{urlencode({**REFUSED, 'state': state})}")
        page.get_by_text("The person refused. Nobody is signed in.").wait_for()
        page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Username").wait_for()
