"""A real Chromium against the application, served by threads of this process on a loopback port.

``LOOK=1`` keeps pictures of every page shown to ``look``: three widths, light and dark, in ``screenshots/``.
"""

import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect
from werkzeug.serving import WSGIRequestHandler, make_server

PLACES = (
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
HOW = "apt install chromium, or install Chrome"
WIDTHS = {"phone": 360, "tablet": 820, "desktop": 1280}
LOOK = os.environ.get("LOOK") == "1"
PICTURES = Path(__file__).parents[2] / "screenshots"
PATIENCE = 10_000
"""Milliseconds that a page may take on a busy machine."""


def find_chromium() -> str | None:
    """The machine's Chromium or Chrome."""
    names = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return next((found for found in (*names, *PLACES) if found and Path(found).exists()), None)


def launch(playwright: Playwright, executable: str) -> Browser:
    """Chromium without a window. Its sandbox cannot be made by root."""
    playwright.selectors.set_test_id_attribute("id")
    sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
    return playwright.chromium.launch(executable_path=executable, args=[*sandbox, "--disable-dev-shm-usage"])


def new_context(browser: Browser, *, locale: str = "en-GB", **options: Any) -> BrowserContext:
    """A fresh profile that speaks ``locale``; ``options`` as of Playwright, such as ``java_script_enabled``."""
    context = browser.new_context(locale=locale, viewport={"width": WIDTHS["desktop"], "height": 900}, **options)
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    return context


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Requests are not told to the terminal."""


@contextmanager
def serving(app: Flask, port: int) -> Iterator[str]:
    """The application on ``http://localhost:port``, for as long as the context lasts."""
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Quiet)
    server.daemon_threads = True  # type: ignore[attr-defined] # socketserver's; keep-alive threads end with the tests
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def look(page: Page, name: str) -> None:
    """Take pictures of the page at each width, light and dark, when they are wanted; the page is left as it was."""
    if not LOOK:
        return
    PICTURES.mkdir(exist_ok=True)
    before = page.viewport_size
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    for device, width in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
            page.screenshot(path=PICTURES / f"{plain}--{device}-{scheme}.png", full_page=True)
    page.emulate_media(color_scheme=None)
    if before:
        page.set_viewport_size(before)


ONLY_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
"""In dark mode nothing else can differ."""


def check_accessible(page: Page) -> None:
    """Fail with what axe finds wrong, in light and in dark (WCAG 2.2 A and AA and best practices)."""
    for scheme, options in (("light", None), ("dark", ONLY_COLOURS)):
        page.emulate_media(color_scheme="light" if scheme == "light" else "dark", reduced_motion="reduce")
        found = Axe().run(page, options=options)
        assert found.violations_count == 0, f"{page.url} ({scheme}):\n{found.generate_report()}"
    page.emulate_media(color_scheme=None, reduced_motion=None)


def check_fits(page: Page) -> None:
    """Nothing sticks out sideways on a phone (WCAG 1.4.10)."""
    before = page.viewport_size
    page.set_viewport_size({"width": 320, "height": 640})
    wide, seen = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= seen, f"{page.url}: {wide} pixels wide on a screen of {seen}"
    if before:
        page.set_viewport_size(before)
