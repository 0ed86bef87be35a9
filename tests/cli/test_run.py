"""``idp run`` and ``idp worker`` as processes, called over HTTP and stopped by a signal."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from idp.cli import main
from tests.cli.conftest import ANNA, SHOP, Idp
from tests.drivers.idp_process import PATIENCE, Database, answers, ask, new_installation, started, wait_for_port
from tests.drivers.machine import free_port


def test_run_needs_only_a_configuration(tmp_path: Path) -> None:
    """Issue: `idp run` migrates first, makes its keys at the first start, and says where it listens; I9."""
    file, port = new_installation(tmp_path)
    with started(file, "run") as process:
        wait_for_port(process, port)
        assert ask(port, "/readyz")[0] == 200
        status, body, headers = ask(port, "/.well-known/openid-configuration")
        assert (status, json.loads(body)["issuer"]) == (200, f"http://localhost:{port}")
        assert not any(character.isdigit() for character in headers.get("server", "")), "no version is shown (ASVS 13.4)"
        keys = json.loads(ask(port, "/oauth/jwks")[1])["keys"]
        assert {key["alg"] for key in keys} == {"ES256", "RS256"}
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    assert f"listens on http://127.0.0.1:{port}" in output


def children(pid: int) -> set[int]:
    """Return the processes that a main process started."""
    listed = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=True)
    return {int(child) for child in listed.stdout.split()}


def test_a_killed_worker_is_replaced(tmp_path: Path, made_database: Database) -> None:
    """I10: after a worker is killed at any moment, users sign in within 10 seconds without manual repair."""
    file, port = new_installation(tmp_path, database=made_database)
    with started(file, "run") as process:
        wait_for_port(process, port)
        assert ask(port, "/readyz")[0] == 200
        before = children(process.pid)
        os.kill(max(before), signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE
        while len(children(process.pid) | before) == len(before) or not answers(port):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    (ended,) = [line for line in output.splitlines() if "process_ended" in line]
    assert json.loads(ended)["exit_code"] == -signal.SIGKILL, "the main process must log JSON as the others do"


def test_run_sends_mail(tmp_path: Path, idp: Idp) -> None:
    """Issue: a thread of `idp run` sends mail from the outbox, into a folder if no server is configured."""
    port = free_port()
    idp.config.write_text(idp.config.read_text() + f'[server]\nbind = "127.0.0.1:{port}"\nworkers = 1\n')
    idp.apply(SHOP + ANNA)
    idp("user", "reset-factor", "example-shoes", "anna")
    with started(idp.config, "run") as process:
        wait_for_mail(process, tmp_path / "mail")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def test_a_worker_sends_mail_and_stops_on_a_signal(tmp_path: Path, idp: Idp) -> None:
    """Issue: `idp worker` sends mail too."""
    idp.apply(SHOP + ANNA)
    idp("user", "reset-factor", "example-shoes", "anna")
    with started(idp.config, "worker") as process:
        wait_for_mail(process, tmp_path / "mail")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def wait_for_mail(process: subprocess.Popen[str], folder: Path) -> None:
    """Wait until a mail is in the folder."""
    deadline = time.monotonic() + PATIENCE
    while not list(folder.glob("*.eml")):
        assert process.poll() is None, process.communicate(timeout=PATIENCE)[0]
        assert time.monotonic() < deadline, "no mail was sent"
        time.sleep(0.05)


def test_a_port_in_use_gets_one_clear_line(idp: Idp) -> None:
    """An error of the user shows key, reason and remedy, and no traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        idp.config.write_text(idp.config.read_text() + f'[server]\nbind = "127.0.0.1:{port}"\n')
        output = idp("run", code=1).stderr
    assert f"[server] bind: 127.0.0.1:{port}: " in output


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("issuer = 3", "issuer: "),
        ("[server\n", "cannot be read as TOML"),
        ("", "issuer: is missing"),
        ('issuer = "https://id.example.com"\nsecrets = ["x"]\n', "secrets: each must be NAME:BASE64"),
        ('issuer = "https://id.example.com"\nsecret = "x"\n', "secret: is not a known key"),
    ],
)
def test_a_wrong_configuration_is_reported_with_file_and_key(tmp_path: Path, text: str, reason: str) -> None:
    """Issue: the message names file, place and remedy."""
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    result = CliRunner().invoke(main, ["run", "--config", str(file)])
    assert result.exit_code == 1
    assert f"{file}: " in result.output
    assert reason in result.output
