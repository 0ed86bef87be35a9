"""Run apps from exactly what ``idp client guide`` prints, and sign a person in to them over HTTP."""

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from click.testing import CliRunner

from idp.cli import main
from tests.conftest import SECRET, Live
from tests.drivers import idp_process
from tests.drivers.browser import Browser
from tests.drivers.machine import free_port
from tests.factories import MadeClient, MadePerson

FILE = re.compile(r"^`([^`\n]+)`\n\n```\w*\n(.*?)\n```$", re.DOTALL | re.MULTILINE)
MOST_HOPS = 12
EMAIL, NAME = "ann@shoes.example", "Ann de Vries"
LOG = "app.log"
SIGNED_OUT = "/signed-out"
REFUSED = {"error": "access_denied", "error_description": "The person refused."}
"""The answer to an app whose person refuses consent (RFC 6749 §4.1.2.1), without the app's state."""


@dataclass
class Guided:
    """Hold an app that is about to run: its folder with the printed files, its address, its client and its visitor."""

    live: Live
    folder: Path
    port: int
    made: MadeClient
    browser: Browser
    person: MadePerson

    @property
    def origin(self) -> str:
        """Return the app's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Return what the text tells people to put into the environment."""
        return {"OIDC_CLIENT_SECRET": self.made.secret}


def prepare(live: Live, folder: Path, stack: str, callback: str = "/callback", **client: Any) -> Guided:
    """Register an app on loopback, and write the files that the command prints for it."""
    shop = live.factory.make_organisation(settings={"offer_set_up": False})
    person = live.factory.make_user(shop, "ann", email=EMAIL, name=NAME)
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    made = live.factory.make_client(
        "stock",
        redirect_uri=origin + callback,
        post_logout_redirect_uris=[origin + SIGNED_OUT],
        **{"grant_types": ["authorization_code", "refresh_token"], **client},
    )
    folder.mkdir()
    for name, text in FILE.findall(_printed(live, folder, stack)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text + "\n")
    return Guided(live, folder, port, made, Browser(live.app, live.settings.issuer), person)


def _printed(live: Live, folder: Path, stack: str) -> str:
    file = folder.parent / "sleutel.toml"
    url = live.settings.database_url
    file.write_text(f'issuer = "{live.settings.issuer}"\nsecrets = ["{SECRET}"]\n[database]\nurl = "{url}"\n')
    file.chmod(0o600)
    ran = CliRunner().invoke(main, ["client", "guide", "stock", "--for", stack, "--config", str(file)])
    assert ran.exit_code == 0, ran.output
    assert "\n* " not in ran.stdout, "the client is registered as the text says"
    return ran.stdout


@contextmanager
def running(guided: Guided, command: Sequence[str], environment: Mapping[str, str]) -> Iterator["Visitor"]:
    """Start the app in its folder and wait until it listens. It ends in any case."""
    with (guided.folder / LOG).open("w") as log:
        process = subprocess.Popen(
            list(command),
            cwd=guided.folder,
            env={**environment, **guided.environment},
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        idp_process.wait_for_port(process, guided.port)
        yield Visitor(guided)
    except Exception as error:
        error.add_note(f"The app said:\n{(guided.folder / LOG).read_text()[-3000:]}")
        raise
    finally:
        process.kill()
        process.wait()


class Visitor:
    """Visit an app with one browser: our pages in ``guided.browser``, the app's own over HTTP."""

    def __init__(self, guided: Guided) -> None:
        self._guided = guided
        self.person = guided.person
        self.session = requests.Session()
        self.sign_ins = 0

    def open(self, path: str, **form: str) -> requests.Response:
        """Open a page of the app, or send a form to it. Goes through our pages, signing in, and back."""
        return self._follow(self._ask(self._guided.origin + path, form or None))

    def _ask(self, address: str, form: dict[str, str] | None = None) -> requests.Response:
        headers = {"Referer": self._guided.origin + "/"}
        return self.session.request("POST" if form else "GET", address, data=form, headers=headers, allow_redirects=False)

    def _follow(self, answer: requests.Response) -> requests.Response:
        for _ in range(MOST_HOPS):
            if not answer.is_redirect:
                return answer
            address = urljoin(answer.url, answer.headers["Location"])
            answer = self._ask(self.through(address) if address.startswith(self._guided.live.settings.issuer) else address)
        raise AssertionError(f"the app redirects without end, at last to {answer.url}")

    def through(self, address: str) -> str:
        """Go through our pages from this address. Returns where the browser goes from there."""
        browser, person = self._guided.browser.open(address), self._guided.person
        if browser.left_for is None and "/oauth/logout" in browser.url:
            browser.submit("choice=sign_out")
        elif browser.left_for is None:
            browser.fill(username=person.username, password=person.password).submit()
            self.sign_ins += 1
        assert browser.left_for is not None, f"{browser.url}: {browser.text}"
        return browser.left_for


def assert_signs_in_and_out(visitor: Visitor, home: str = "/", leave: str = "/logout", **form: str) -> None:
    """Check that the app shows the person, keeps them signed in, and that leaving it ends the session at the provider."""
    shown = visitor.open(home).json()
    assert visitor.person.id in (shown.get("sub"), shown.get("id"))
    assert (shown["name"], shown["email"]) == (NAME, EMAIL)
    assert visitor.open(home).json() == shown
    assert visitor.sign_ins == 1
    assert urlsplit(visitor.open(leave, **form).url).path == SIGNED_OUT
    visitor.session.cookies.clear()
    assert visitor.open(home).json()["email"] == EMAIL
    assert visitor.sign_ins == 2
