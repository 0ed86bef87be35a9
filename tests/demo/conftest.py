"""Start a demo as a newcomer does, and use it."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import playwright.sync_api
import pytest

from tests.drivers import chromium as chromium_driver
from tests.drivers.machine import free_port

PATIENCE = 90


@dataclass(frozen=True)
class Demo:
    """Hold a running demo: its folder, the provider's port, and its output."""

    folder: Path
    port: int
    output: str

    def at(self, offset: int, path: str = "/") -> str:
        """Return an address: 0 provider, 1 till, 2 back office, 3 webshop, 4 phone, 5 terminal."""
        return f"http://localhost:{self.port + offset}{path}"


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """Start ``idp demo`` as a newcomer does."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name) / "demo", free_port(6)
        log = Path(name) / "out"
        with log.open("w") as out:
            command = [sys.executable, "-m", "idp.cli", "demo", "--folder", str(folder), "--port", str(port)]
            environment = {**os.environ, "IDP_SERVER__WORKERS": "1", "PYTHONUNBUFFERED": "1"}
            process = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
        try:
            deadline = time.monotonic() + PATIENCE
            while "In five minutes" not in log.read_text("utf-8"):
                assert process.poll() is None, log.read_text("utf-8")
                assert time.monotonic() < deadline, log.read_text("utf-8")
                time.sleep(0.1)
            yield Demo(folder, port, log.read_text("utf-8"))
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 0, log.read_text("utf-8")
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(PATIENCE)


@pytest.fixture
def shopper(chromium: playwright.sync_api.Browser) -> Iterator[playwright.sync_api.Page]:
    """Open a fresh browser profile."""
    context = chromium_driver.new_context(chromium)
    yield context.new_page()
    context.close()


def sign_in(page: playwright.sync_api.Page, username: str, password: str) -> None:
    """Enter username and password, as the demo prints them."""
    page.locator("input[name=username]").fill(username)
    page.locator("input[name=password]").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def code_from_the_phone(demo: Demo, page: playwright.sync_api.Page, username: str) -> str:
    """Return the code that the phone page shows for a person."""
    phone = page.context.new_page()
    phone.goto(demo.at(4))
    shown = phone.locator("li", has_text=username).locator(".code").inner_text()
    phone.close()
    return re.sub(r"\s", "", shown)
