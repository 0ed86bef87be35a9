"""Libraries for APIs check access tokens by exactly what `idp client guide` prints, unchanged (RFC 9068)."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import requests

from tests.conftest import Live
from tests.drivers import maven, node, python_apps
from tests.drivers.dpop import ProofKey
from tests.factories import MadeClient
from tests.outside.printed import Guided, prepare, running

HERE = Path(__file__).parent
API, OTHER = "https://stock.example.com/api", "https://payroll.example.com"
SCOPES = {"stock.read": "See the stock", "stock.write": "Change the stock"}


def _prepared(live: Live, folder: Path, stack: str, alg: str = "RS256") -> Guided:
    """Register an API, another one, and an app that calls both on its own behalf."""
    guided = prepare(live, folder / "app", stack, resource={"identifier": API, "scopes": SCOPES, "alg": alg}, grant_types=[])
    other = {"identifier": OTHER, "scopes": {"payroll:read": "See the payroll"}}
    live.factory.make_client("payroll", grant_types=[], resource=other)
    return guided


def _tokens(live: Live) -> Mapping[str, str]:
    """Return access tokens by what is wrong with them."""
    scopes = [*SCOPES, "payroll:read"]
    made = live.factory.make_client("checker", grant_types=["client_credentials"], scope=" ".join(scopes))
    wanted = {
        "right": (API, "stock.read"), "bound": (API, "stock.read"), "scope": (API, "stock.write"),
        "audience": (OTHER, "payroll:read"),
    }  # fmt: skip
    key, found = ProofKey(), {}
    for wrong, (resource, scope) in wanted.items():
        given = {"grant_type": "client_credentials", "resource": resource, "scope": scope}
        found[wrong] = _answer(live, made, given, key if wrong == "bound" else None).json()["access_token"]
    return found


def _answer(live: Live, made: MadeClient, given: Mapping[str, str], key: ProofKey | None) -> requests.Response:
    address = f"{live.settings.issuer}/oauth/token"

    def ask() -> requests.Response:
        headers = {"DPoP": key.proof("POST", address)} if key else {}
        return requests.post(address, given, auth=(made.client_id, made.secret), headers=headers, timeout=10)

    answer = ask()
    if key and "DPoP-Nonce" in answer.headers and answer.status_code == 400:
        key.nonce = answer.headers["DPoP-Nonce"]
        answer = ask()
    return answer


def _assert_checks(guided: Guided, command: Sequence[str], environment: Mapping[str, str]) -> None:
    tokens = _tokens(guided.live)
    with running(guided, command, environment):

        def answer(token: str) -> requests.Response:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return requests.get(guided.origin + "/", headers=headers, timeout=10)

        right = answer(tokens["right"])
        assert right.status_code == 200, right.text
        assert right.json()["client_id"] == "checker"
        head, body, signature = tokens["right"].split(".")
        forged = f"{head}.{body}.{signature[:-6]}AAAAAA"
        refused = {"": 401, "x": 401, forged: 401, tokens["audience"]: 401, tokens["bound"]: 401, tokens["scope"]: 403}
        assert {token: answer(token).status_code for token in refused} == refused


@pytest.mark.node_apps
def test_express_checks_access_tokens(live: Live, tmp_path: Path) -> None:
    """Express-oauth2-jwt-bearer reads the keys from the metadata, and demands the type of access tokens."""
    packages = node.installed(HERE)
    guided = _prepared(live, tmp_path, "express-jwt")
    (guided.folder / "node_modules").symlink_to(packages / "node_modules")
    _assert_checks(guided, ["node", "app.mjs"], os.environ)


@pytest.mark.python_apps
def test_flask_checks_access_tokens_by_pyjwt(live: Live, tmp_path: Path) -> None:
    """PyJWT reads the keys, here of ES256, which the API asked for."""
    packages = python_apps.installed(HERE / "python_apps")
    guided = _prepared(live, tmp_path, "pyjwt", "ES256")
    command = [sys.executable, "-m", "flask", "--app", "app", "run", "--port", str(guided.port)]
    _assert_checks(guided, command, python_apps.environment(packages))


@pytest.mark.spring_app
def test_spring_boot_checks_access_tokens(live: Live, tmp_path: Path) -> None:
    """Spring Security refuses the type of access tokens unless it is told to expect it."""
    path = maven.classpath(HERE / "spring_app")
    guided = _prepared(live, tmp_path, "spring-api")
    shutil.copy(HERE / "spring_app" / "Api.java", guided.folder)
    maven.compile_java(guided.folder, path)
    _assert_checks(guided, ["java", *maven.QUICK, "-cp", f"{guided.folder}:{path}", "Api"], os.environ)
