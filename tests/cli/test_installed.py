"""The wheel works in an empty environment and an empty folder."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.drivers.browser import Browser
from tests.drivers.idp_process import ask, started, stop, wait_for_port
from tests.drivers.machine import free_port
from tests.drivers.remote import Remote


def run(*command: str | Path, folder: Path) -> str:
    """Run a command to its end. Returns its output."""
    ran = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Return the interpreter of an environment with the wheel. It uses the other packages of the present environment."""
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, folder=ROOT)
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", folder=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    (wheel,) = tmp_path.glob("*.whl")
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel, folder=tmp_path)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=tmp_path).strip()
    (Path(site) / "packages_of_the_tests.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    return python


def test_an_installed_wheel_serves(installed: Path, tmp_path: Path) -> None:
    """`pip install sleutel`, `idp init` and `idp run` give tables, pages in both languages, static files and mails."""
    folder, port = tmp_path / "empty", free_port()
    folder.mkdir()
    idp = installed.with_name("idp")
    issuer = f"http://localhost:{port}"
    run(idp, "init", "sleutel.toml", "--issuer", issuer, "--bind", f"127.0.0.1:{port}", folder=folder)
    where = run(installed, "-c", "import idp; print(idp.__path__[0])", folder=folder).strip()
    assert Path(where).is_relative_to(tmp_path), "the package must be the installed one"
    file = folder / "sleutel.toml"
    with started(file, "run", folder=folder, python=installed) as process:
        wait_for_port(process, port)
        assert ask(port, "/readyz")[0] == 200
        assert b"authorization_endpoint" in ask(port, "/.well-known/openid-configuration")[1]
        browser = Browser(Remote(issuer), issuer, languages="nl").open("/")
        assert "Inloggen" in browser.html, "the wheel must contain the compiled catalogue"
        static = [part.split("?")[0] for part in browser.html.split('"') if part.startswith("/static/")]
        assert static
        assert {ask(port, path)[0] for path in static} == {200}
        assert "listens on" in stop(process)
    assert process.returncode == 0
    kinds = run(idp, "deploy", "nginx", "--config", file, folder=folder)
    assert "upstream sleutel" in kinds, "the wheel must contain the printed files"
