"""Take a picture of every page: ``make pictures``. Three widths, in light and dark, in ``screenshots/``.

``make pictures ARGS="console-people password"`` takes the pages whose names begin so; ``ARGS="--language nl"`` is Dutch.
"""

import argparse
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from flask import Response
from playwright.sync_api import Browser, Page, sync_playwright

from idp import config
from idp.languages import LANGUAGES
from idp.web import language as languages
from idp.web import pages
from tests.browser.samples import SAMPLES
from tests.conftest import SECRET, prepare
from tests.drivers.applications import whole_app
from tests.drivers.chromium import HOW, find_chromium, launch, new_context, serving
from tests.drivers.machine import free_port

FOLDER = Path(__file__).parents[2] / "screenshots"
WIDTHS = (360, 768, 1280)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LEAVES = "form-post"
"""The page that submits itself as soon as it is shown."""


def show(name: str, language: str) -> Response:
    """Render a sample in a language. It is the view of a route that tests and pictures add."""
    template, page = SAMPLES[name]
    languages.prefer(language)
    return pages.render(template, page)


def take(page: Page, address: str, name: str) -> None:
    """Take the pictures of one page."""
    page.goto(address)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=FOLDER / f"{name}--{width}-{scheme}.png", full_page=True)


@contextmanager
def samples_served() -> Iterator[str]:
    """Serve the samples within the context. Gives the address under which ``NAME/LANGUAGE`` shows one."""
    port = free_port()
    with TemporaryDirectory() as folder:
        settings = config.make({"issuer": f"http://localhost:{port}", "secrets": [SECRET], "folder": folder})
        prepare(settings)
        with whole_app(settings) as app:
            app.add_url_rule("/sample/<name>/<language>", "sample", show)
            with serving(app, port) as address:
                yield f"{address}/sample"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the machine's Chromium within the context."""
    executable = find_chromium()
    if executable is None:
        raise SystemExit(f"Chromium is missing: {HOW}")
    with sync_playwright() as driver:
        browser = launch(driver, executable)
        yield browser
        browser.close()


def main() -> None:
    """Read the command line, and take the pictures."""
    parser = argparse.ArgumentParser(prog="make pictures", description=__doc__)
    parser.add_argument("beginnings", nargs="*", help="take only pages whose names begin so")
    parser.add_argument("--language", default="en", choices=LANGUAGES)
    asked = parser.parse_args()
    names = [name for name in SAMPLES if name != LEAVES and name.startswith(tuple(asked.beginnings) or "")]
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    with samples_served() as address, chromium() as browser:
        page = new_context(browser).new_page()
        for name in names:
            take(page, f"{address}/{name}/{asked.language}", name)
    print(f"{len(names)} pages in {FOLDER}")


if __name__ == "__main__":
    main()
