"""Sign in with a library that we did not write: ``openid-client``, the OpenID certified relying party for npm."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Live
from tests.drivers import node
from tests.drivers.browser import Browser
from tests.factories import CALLBACK, MadeClient, MadePerson

HERE = Path(__file__).parent
SIGNED_OUT = "https://shop.example.com/bye"
ASKED = {"scope": "openid profile email offline_access organisation", "acr_values": "mfa"}


@pytest.fixture(scope="session")
def packages() -> Path:
    """Give the folder that has the packages."""
    return node.installed(HERE)


class App:
    """Hold the relying app: a process that exchanges lines of JSON with the test."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def say(self, **what: Any) -> dict[str, Any]:
        """Send a line and return the answer."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, self._process.communicate()[1]
        return dict(json.loads(line))


@pytest.fixture
def start_app(packages: Path, request: pytest.FixtureRequest) -> Callable[[], App]:
    """Start the app. It ends with the test."""

    def start() -> App:
        process = node.start(packages, HERE / "sign_in.mjs")
        request.addfinalizer(process.communicate)
        request.addfinalizer(process.kill)
        return App(process)

    return start


def registration(live: Live, made: MadeClient, metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration that the app's developer enters."""
    return {
        "issuer": live.settings.issuer,
        "client_id": made.client_id,
        "secret": made.secret,
        "redirect_uri": made.redirect_uri,
        "signed_out_uri": SIGNED_OUT,
        "metadata": metadata,
        "asked": ASKED,
    }


def sign_in(browser: Browser, person: MadePerson, address: str) -> str:
    """Type the person's password and code. Returns the address that the browser comes back to."""
    browser.open(address).fill(username=person.username, password=person.password).submit()
    browser.fill(code=person.authenticator.code()).submit()
    assert browser.left_for is not None, browser.text
    return browser.left_for


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_openid_client_signs_a_person_in(live: Live, start_app: Callable[[], App], method: str, algorithm: str) -> None:
    """S1, S34, S61: an independent library accepts discovery, code with PKCE, state and nonce, userinfo, refresh and
    sign-out.
    """
    shoes = live.factory.make_organisation(settings={"offer_set_up": False})
    ann = live.factory.make_user(shoes, "ann", with_totp=True, email="ann@shoes.example", name="Ann de Vries")
    metadata = {"token_endpoint_auth_method": method, "id_token_signed_response_alg": algorithm}
    made = live.factory.make_client(
        "webshop",
        redirect_uri=CALLBACK,
        public=method == "none",
        grant_types=["authorization_code", "refresh_token"],
        post_logout_redirect_uris=[SIGNED_OUT],
        **metadata,
    )
    app, browser = start_app(), Browser(live.app, live.settings.issuer)
    address = app.say(**registration(live, made, metadata))["open"]
    got = app.say(url=sign_in(browser, ann, address))

    assert got["claims"]["sub"] == got["userinfo"]["sub"] == got["after"]["sub"] == ann.id
    assert got["claims"]["iss"] == live.settings.issuer
    assert (got["claims"]["acr"], got["claims"]["amr"]) == ("mfa", ["pwd", "otp", "mfa"])
    assert (got["userinfo"]["email"], got["userinfo"]["name"]) == ("ann@shoes.example", "Ann de Vries")
    assert got["userinfo"]["organisation"] == "example-shoes"
    assert got["rotated"] is (method == "none")
    assert got["refreshed"] is None or got["refreshed"]["auth_time"] == got["claims"]["auth_time"]

    browser.open(got["end_session"])
    if browser.left_for is None:
        browser.submit("choice=sign_out")
    assert browser.left_for == f"{SIGNED_OUT}?state=bye"
    assert app.say() == {"userinfo": "invalid_token", "refresh": "invalid_grant"}
