"""``idp demo``: run the provider with demo users, relying apps, a terminal, a phone and a mailbox on this machine."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from types import FrameType

import click

from idp import config, crypto
from idp.cli import init, migrate
from idp.cli.apply import provision
from idp.cli.command import Command
from idp.cli.opening import opened
from idp.cli.provision import document
from idp.cli.provision.document import Document, Refused
from idp.config import Settings

APPS = {"pos": 1, "admin": 2, "webshop": 3}
"""The port of each app, as an offset from the provider's."""
PHONE, TERMINAL = 4, 5
STOP_SECONDS = 10
START_SECONDS = 30


@dataclass(frozen=True)
class Place:
    """The folder of a demo and the provider's port. The other ports are offsets from it."""

    folder: Path
    port: int

    @property
    def config(self) -> Path:
        """Return the file of the provider's configuration."""
        return self.folder / "sleutel.toml"

    @property
    def issuer(self) -> str:
        """Return the provider's address."""
        return self.address(0)

    def address(self, offset: int) -> str:
        """Return the address of an app."""
        return f"http://localhost:{self.port + offset}"


@click.command(cls=Command)
@click.option("--folder", default=".demo", show_default=True, type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(1024, 65000), help="The next five are used too."
)
def demo(folder: Path, port: int) -> None:
    """Set up a demo in a folder and run it: provider, till, back office, webshop, a terminal, a phone and a mailbox.

    Everything listens on this machine only. Ctrl-C stops all of it; the folder keeps its state; delete it to start
    again.

    For example:
      idp demo
      idp demo --folder /tmp/try --port 9000
    """
    place = Place(folder.resolve(), port)
    _check_ports(place)
    secrets = set_up(place)
    processes = _start(place, secrets)
    try:
        _wait_until_ready(place, processes)
        click.echo(_welcome(place))
        _wait(place, processes)
    finally:
        _stop(processes)


def _check_ports(place: Place) -> None:
    for offset in range(TERMINAL + 1):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", place.port + offset))
            except OSError as error:
                taken = f"port {place.port + offset}: {error.strerror}; stop what listens there, or choose --port"
                raise click.ClickException(taken) from error


def set_up(place: Place) -> Mapping[str, str]:
    """Prepare the folder, at every start. Returns the apps' secrets by the names of their environment variables."""
    place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not place.config.exists():
        bind = f"127.0.0.1:{place.port}"
        init.write(place.config, issuer=place.issuer, database="sqlite:///sleutel.sqlite3", bind=bind)
    settings = config.read(place.config)
    if settings.issuer != place.issuer:
        raise click.ClickException(f"{place.folder} is a demo of {settings.issuer}; choose that --port, or another --folder")
    secrets = _secrets(place)
    os.environ.update(secrets)  # provisioning finds them there: client_secret_env
    migrate.upgrade(settings)
    _provision(place, settings)
    return secrets


def _secrets(place: Place) -> Mapping[str, str]:
    """Return the apps' client secrets, which are made once and kept in the folder."""
    file = place.folder / "secrets.json"
    if not file.exists():
        made = {f"{name.upper()}_CLIENT_SECRET": crypto.new_secret() for name in APPS}
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            json.dump(made, stream)
    return {str(name): str(value) for name, value in json.loads(file.read_text()).items()}


def _provision(place: Place, settings: Settings) -> None:
    try:
        with opened(settings):
            provision(settings, _document(place))
    except Refused as refused:
        raise click.ClickException(str(refused)) from refused


def _document(place: Place) -> Document:
    """Return the provisioning document of the demo, with this demo's ports."""
    with as_file(files("idp.demo") / "demo.toml") as file:
        read = document.read(file)
    for table in read.of("clients"):
        if table.name not in APPS:
            continue
        here = place.address(APPS[table.name])
        table.values["client_uri"] = f"{here}/"
        table.values["redirect_uris"] = [f"{here}/callback"]
        table.values["post_logout_redirect_uris"] = [f"{here}/"]
        table.values["backchannel_logout_uri"] = f"{here}/backchannel-logout"
    return read


def _start(place: Place, secrets: Mapping[str, str]) -> list[subprocess.Popen[bytes]]:
    """Start the provider by its command, and each app by its own file."""
    shared = {**os.environ, "IDP_CONFIG": str(place.config), "ISSUER": place.issuer}
    shared["IDP_OUTGOING__ALLOW"] = "127.0.0.0/8,::1"  # the apps, which are told when a session ends
    processes = [
        _process(place, "provider", [sys.executable, "-m", "idp.cli", "run"], shared),
        _process(place, "phone", [sys.executable, "-m", "idp.demo.phone"], {**shared, "PORT": str(place.port + PHONE)}),
    ]
    with as_file(files("idp.demo")) as folder:
        # Each app knows only its own secret, if it has one, and runs as a single file.
        known = {key: value for key, value in shared.items() if key not in secrets and not key.startswith("IDP_")}
        for name, offset in {**APPS, "terminal": TERMINAL}.items():
            own = {key: value for key, value in secrets.items() if key == f"{name.upper()}_CLIENT_SECRET"}
            environment = {**known, "PORT": str(place.port + offset), **own}
            processes.append(_process(place, name, [sys.executable, "-P", str(folder / f"{name}.py")], environment))
    return processes


def _process(place: Place, name: str, command: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a part of the demo, with its output in ``<folder>/<name>.log``."""
    with (place.folder / f"{name}.log").open("wb") as log:
        # A session of its own: Ctrl-C reaches us alone, and we stop the others in order.
        return subprocess.Popen(command, env=dict(environment), stdout=log, stderr=log, start_new_session=True)  # noqa: S603


def _wait_until_ready(place: Place, processes: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + START_SECONDS
    for offset in range(TERMINAL + 1):
        while not _listens(place.port + offset):
            ended = any(process.poll() is not None for process in processes)
            if ended or time.monotonic() > deadline:
                raise click.ClickException(f"the demo did not start; see {place.folder}/*.log for the reason")
            time.sleep(0.1)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait(place: Place, processes: list[subprocess.Popen[bytes]]) -> None:
    """Wait until Ctrl-C or SIGTERM, or until a part of the demo ends."""

    def _end(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)  # a script that starts us in the background has interrupts ignored
    with contextlib.suppress(KeyboardInterrupt):
        while all(process.poll() is None for process in processes):
            time.sleep(0.5)
        raise click.ClickException(f"a part of the demo ended by itself; see {place.folder}/*.log for the reason")
    click.echo("Stopping.")


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def _welcome(place: Place) -> str:
    with as_file(files("idp.demo") / "welcome.txt") as file:
        text = file.read_text("utf-8")
    people = "\n".join(
        f"  {table.get('username'):20} {table.get('password'):24} {table.get('role')}{_factor(table.has('totp_secret'))}"
        for table in _document(place).of("users")
    )
    addresses = {name: place.address(offset) for name, offset in {**APPS, "phone": PHONE, "terminal": TERMINAL}.items()}
    return text.format(issuer=place.issuer, people=people, folder=place.folder, **addresses)


def _factor(has_one: bool) -> str:
    return ", codes on the phone page" if has_one else ""
