"""A real Chromium against the application, served by threads of this process on a loopback port."""

import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, Playwright, ViewportSize, expect
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.drivers.machine import has_roomy_memory

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The one without windows comes first: it has the same engine, and makes a fresh profile in a quarter of the time."""
PLACES = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
HOW = "apt install chromium-headless-shell (or chromium), or install Chrome"
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
NARROWEST: ViewportSize = {"width": 320, "height": 640}
UNUSED_FEATURES = (
    "RenderDocument",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
)
"""What Chromium leaves out. Without the first, a page in the same tab costs a third less. The rest stands in Playwright's
own list, which Chromium forgets when it is given another one."""
PATIENCE = 10_000
"""Milliseconds that a page may take on a busy machine."""


def find_chromium() -> str | None:
    """Return the machine's Chromium or Chrome."""
    return next((found for found in (*map(shutil.which, NAMES), *PLACES) if found and Path(found).exists()), None)


def launch(playwright: Playwright, executable: str) -> Browser:
    """Start Chromium without a window. Root cannot use its sandbox. It uses files where shared memory is small."""
    playwright.selectors.set_test_id_attribute("id")
    options = [f"--disable-features={','.join(UNUSED_FEATURES)}"]
    options += ["--no-sandbox"] if os.getuid() == 0 else []
    options += [] if has_roomy_memory() else ["--disable-dev-shm-usage"]
    return playwright.chromium.launch(executable_path=executable, args=options, env=_real_clock())


def _real_clock() -> dict[str, str | float | bool]:
    """Return the environment without faketime, which Chromium's threads cannot use. Its pages show the server's times."""
    return {name: value for name, value in os.environ.items() if name != "LD_PRELOAD" and not name.startswith("FAKETIME")}


def new_context(browser: Browser, *, locale: str = "en-GB", **options: Any) -> BrowserContext:
    """Open a fresh profile that speaks ``locale``. ``options`` are those of Playwright, such as ``java_script_enabled``."""
    context = browser.new_context(**{"locale": locale, "viewport": DESKTOP, "reduced_motion": "reduce", **options})
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    return context


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Requests are not told to the terminal."""


def _whole(app: Flask) -> Any:
    """Complete bodies before they are sent: werkzeug leaves a file open if the browser hangs up half-way."""

    def answer(environ: Any, start_response: Any) -> list[bytes]:
        parts = app(environ, start_response)
        try:
            return [b"".join(parts)]
        finally:
            getattr(parts, "close", lambda: None)()

    return answer


@contextmanager
def serving(app: Flask, port: int) -> Iterator[str]:
    """Serve the application on ``http://localhost:port`` within the context."""
    server = make_server("127.0.0.1", port, _whole(app), threaded=True, request_handler=_Quiet)
    server.daemon_threads = True  # type: ignore[attr-defined] # socketserver's; keep-alive threads end with the tests
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


ONLY_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
"""The only checks whose result can differ in dark mode."""
AXE = """options => axe.run({...options, preload: false, resultTypes: ['violations']}).then(found => found.violations)"""
"""Preloading fetches every style again, for a rule that axe leaves out by default. It takes half of the time."""
MEASURED = """() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
    [...document.querySelectorAll("button, .btn, .form-control, .nav-link")]
        .filter(one => one.offsetHeight && Math.min(one.offsetHeight, one.offsetWidth) < 44).map(one => one.outerHTML),
]"""


def check_accessible(page: Page, *, dark: bool = True) -> None:
    """Fail with what axe finds wrong, in light and in dark (WCAG 2.2 A and AA and best practices).

    Axe is half a megabyte: it is loaded here, as most pages that journeys pass are never handed to it.
    """
    _load_axe(page)
    _check_with_axe(page, "light", {})
    _check_controls(page)
    if dark:
        _check_dark_colours(page)


def check_colours(page: Page) -> None:
    """Fail with what axe finds wrong with the colours alone, in light and in dark (WCAG 2.2, 1.4.3)."""
    _load_axe(page)
    _check_with_axe(page, "light", ONLY_COLOURS)
    _check_dark_colours(page)


FAINT = """() => {
    const channels = colour => {
        const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
        return {rgb: [r, g, b], a};
    };
    const light = rgb => rgb.map(one => one / 255).map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
        .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
    const contrast = (one, other) => {
        const [a, b] = [light(one), light(other)];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    };
    const ground = one => { for (; one; one = one.parentElement) {
        const found = channels(getComputedStyle(one).backgroundColor);
        if (found.a === 1) return found.rgb;
    } return [255, 255, 255]; };
    const faint = [];
    for (const one of document.querySelectorAll("input, select, textarea, .btn:not(.btn-link)")) {
        if (!one.offsetParent || one.disabled || one.readOnly || one.closest(".visually-hidden")) continue;
        const style = getComputedStyle(one), around = ground(one.parentElement);
        const shapes = [style.borderTopColor, style.backgroundColor].map(channels).filter(colour => colour.a === 1);
        const best = Math.max(...shapes.map(colour => contrast(colour.rgb, around)));
        const ink = one.matches("select") && style.backgroundImage.match(/rgb\\([^)]*\\)/g).at(-1);
        const arrow = ink ? contrast(channels(ink).rgb, ground(one)) : 21;
        if (best < 3 || arrow < 3) faint.push([one.outerHTML.slice(0, 120), best, arrow]);
    }
    return faint;
}"""
"""Controls whose edge or fill, or whose arrow, has less than 3:1 with what is around it (WCAG 1.4.11). Axe has no rule."""


def _check_controls(page: Page) -> None:
    faint = page.evaluate(FAINT)
    assert faint == [], f"{page.url}: controls that can hardly be seen"


def _load_axe(page: Page) -> None:
    page.wait_for_load_state()
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)


def _check_dark_colours(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    _check_with_axe(page, "dark", ONLY_COLOURS)
    _check_controls(page)
    page.emulate_media(color_scheme="light")


def _check_with_axe(page: Page, scheme: str, options: dict[str, Any]) -> None:
    violations = page.evaluate(AXE, options)
    report = AxeResults({"violations": violations}).generate_report() if violations else ""
    assert not violations, f"{page.url} ({scheme}):\n{report}"


def swap(page: Page, html: str) -> Page:
    """Show other HTML at the same address, under the same policy. It costs a third of a navigation, and axe stays loaded."""
    page.evaluate("document.adoptedStyleSheets = []")  # that of `check_fits_with_wide_names`
    page.set_content(html)
    return page


@contextmanager
def _narrowest(page: Page) -> Iterator[None]:
    """Show the page on the narrowest screen within the context. A page that has its size already is checked much faster."""
    before = page.viewport_size
    if before != NARROWEST:
        page.set_viewport_size(NARROWEST)
    yield
    if before and before != NARROWEST:
        page.set_viewport_size(before)


def check_fits(page: Page) -> None:
    """Fail if anything overflows sideways on a phone (WCAG 1.4.10), or a control is too small for a thumb (2.5.5)."""
    page.wait_for_load_state()  # the text may be there before its style
    with _narrowest(page):
        wide, seen, small = page.evaluate(MEASURED)
    assert wide <= seen, f"{page.url}: {wide} pixels wide on a screen of {seen}"
    assert small == [], f"{page.url}: less than 44 pixels high or wide"


BROKEN_WORDS = """longest => {
    // Words that are longer than any column may break; they are names that somebody chose.
    const found = [], range = document.createRange();
    const walk = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const node = walk.currentNode;
        if (!node.parentElement.closest(".list")) continue;
        for (const word of node.data.matchAll(/[^\\s-]+/g)) {
            if (word[0].length > longest) continue;
            range.setStart(node, word.index);
            range.setEnd(node, word.index + word[0].length);
            if (new Set([...range.getClientRects()].map(one => one.top)).size > 1) found.push(word[0]);
        }
    }
    return found;
}"""
LONGEST_WORD = 20
"""Characters of a word that a column of a list must hold."""


def check_lists_fit(page: Page, where: str) -> None:
    """Fail if a column of a list breaks a word, or a list sticks out of its page."""
    broken = page.evaluate(BROKEN_WORDS, LONGEST_WORD)
    assert broken == [], where
    wider = page.locator(".list").evaluate_all(
        "all => all.filter(one => one.offsetWidth > one.parentElement.clientWidth).length"
    )
    assert wider == 0, where


def plug_in(
    page: Page, *, synced: bool = False, transport: str = "internal", verifies: bool = True
) -> tuple[CDPSession, str]:
    """Plug a virtual authenticator into the page's browser. Returns the session that speaks to it, and its id."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options: dict[str, Any] = {
        "protocol": "ctap2",
        "ctap2Version": "ctap2_1",
        "transport": transport,
        "hasResidentKey": verifies,
        "hasUserVerification": verifies,
        "isUserVerified": verifies,
        "automaticPresenceSimulation": True,
        "defaultBackupEligibility": synced,
        "defaultBackupState": synced,
    }
    if not verifies:
        options |= {"protocol": "u2f"}
        del options["ctap2Version"]
    return session, session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]


WIDEST = """names => {
    // Whatever fonts a machine has: every letter takes a fixed width by a family that all have, and a space of its own.
    const style = new CSSStyleSheet();
    style.replaceSync("* { font-family: monospace !important; letter-spacing: 0.12em !important; }");
    document.adoptedStyleSheets = [style];
    const long = text => names.reduce((all, name) => all.replaceAll(name, "W".repeat(60)), text);
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) walk.currentNode.data = long(walk.currentNode.data);
    document.querySelectorAll("details").forEach(one => { one.open = true; });
    const all = [...document.querySelectorAll("body *")];
    const outside = all.filter(one => one.getBoundingClientRect().right > innerWidth + 1);
    return [document.documentElement.scrollWidth, outside.slice(-3).map(one => one.outerHTML.slice(0, 300))];
}"""


def check_fits_with_wide_names(page: Page, names: Sequence[str]) -> None:
    """Fail if anything overflows on a phone with names of sixty wide letters, in any font (WCAG 1.4.10)."""
    page.wait_for_load_state()
    with _narrowest(page):
        wide, outside = page.evaluate(WIDEST, list(names))
    assert wide <= NARROWEST["width"], f"{page.url}: {wide} pixels wide: {outside}"
