"""Run Sleutel: a default installation with one organisation, some people and one relying app."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from idp.oauth.token_endpoint import GRANTS
from tests.benchmarks.target import CALLBACK, PASSWORD, PEOPLE, SECRET, Target, started
from tests.drivers.machine import free_port

IDP = [sys.executable, "-m", "idp.cli"]
GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")
BEHIND_PROXY = {"IDP_SERVER__TRUSTED_PROXIES": '["127.0.0.1"]'}


@contextmanager
def running(
    name: str,
    folder: Path,
    *,
    database: str = "",
    workers: int = 0,
    fill: Callable[[Path], None] | None = None,
    is_behind_proxy: bool = False,
) -> Iterator[Target]:
    """Run a freshly provisioned server on a free port.

    ``workers`` 0: the default number. ``fill`` takes the configuration file and adds to the database before the start.
    """
    folder.mkdir()
    config, port = folder / "sleutel.toml", free_port()
    given = ["--database", database] if database else []
    _idp("init", str(config), "--issuer", f"http://localhost:{port}", "--bind", f"127.0.0.1:{port}", *given)
    _idp("migrate", "--config", str(config))
    _idp("apply", "--config", str(config), str(provision(folder)))
    if fill is not None:
        fill(config)
    environment = {"IDP_SERVER__WORKERS": str(workers)} | (BEHIND_PROXY if is_behind_proxy else {})
    command = [*IDP, "run", "--config", str(config)]
    with started(f"{name} first", command, port, folder, environment):
        pass  # the first start of an installation makes its signing keys, which takes up to a second
    with started(name, command, port, folder, environment) as target:
        yield target


def provision(folder: Path) -> Path:
    """Write the file that ``idp apply`` takes. Returns its path."""
    people = "\n".join(
        f'[[users]]\norganisation = "bench"\nusername = "person{number}"\npassword = "{PASSWORD}"\n'
        for number in range(PEOPLE)
    )
    file = folder / "bench.toml"
    file.write_text(
        f"""
[[organisations]]
store_url = "bench"
name = "Bench"
[organisations.settings]
offer_set_up = false

[[clients]]
client_id = "bench"
client_secret = "{SECRET}"
client_name = "Bench"
redirect_uris = ["{CALLBACK}"]
grant_types = {json.dumps([name for name in GRANT_TYPES if name in GRANTS])}
scope = "openid profile offline_access"
id_token_signed_response_alg = "ES256"
first_party = true

{people}
"""
    )
    return file


def _idp(*arguments: str) -> None:
    done = subprocess.run([*IDP, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"idp {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
