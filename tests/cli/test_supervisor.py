"""The processes of ``idp run`` are replaced when killed, end with their parent, and stop beside a hanging mail server."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.server import supervisor
from tests.cli.conftest import ANNA, SHOP, Idp
from tests.drivers.idp_process import (
    Database,
    answers,
    ask,
    children,
    new_installation,
    send,
    started,
    stop,
    until,
    wait_for_port,
)
from tests.drivers.machine import free_port


def test_repeated_crashes_do_not_end_the_server(tmp_path: Path, made_database: Database) -> None:
    """I10: the test kills all processes three times. Each time the server answers again."""
    file, port = new_installation(tmp_path, workers=2, database=made_database)
    with started(file, "run") as process:
        wait_for_port(process, port)
        for _ in range(3):
            until(lambda: len(children(process)) == 3, "there must be two processes for requests and one for mail")
            former = set(children(process))
            for pid in former:
                os.kill(pid, signal.SIGKILL)
            until(lambda former=former: not former & set(children(process)) and answers(port), "no process answers")
        until(lambda: len(children(process)) == 3, "there must be two processes for requests and one for mail")
        output = stop(process)
    assert process.returncode == 0, output
    assert output.count('"event": "process_ended"') >= 9, "each crash must be logged as JSON with the process name"
    assert "Traceback" not in output
    spoken = [line for line in output.splitlines() if not line.startswith("{")]
    assert [line.split()[0] for line in spoken] == ["Sleutel"], "only one line is for people, before the server runs"


def test_pauses_between_restarts_grow_and_are_reset() -> None:
    """A process that crashes is always started again, but more slowly."""
    member = supervisor.Member("server-1", lambda: None)
    assert [member.note_death(1.0) for _ in range(9)] == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    member.started = 100.0
    assert member.note_death(100.0 + supervisor.STEADY_SECONDS) == 0.0


def test_processes_end_with_a_killed_main_process(tmp_path: Path, made_database: Database) -> None:
    """Within seconds the port is free for a new start, and no process runs without mail."""
    file, port = new_installation(tmp_path, database=made_database)
    with started(file, "run") as process:
        wait_for_port(process, port)
        left = children(process)
        assert len(left) == 2
        process.kill()
        process.wait(30)
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left), "processes outlive their parent", within=15)
        with started(file, "run") as second:
            wait_for_port(second, port)
            assert ask(port, "/readyz")[0] == 200
            stop(second)
    assert second.returncode == 0


@pytest.fixture
def silent_mail_server(idp: Idp) -> Iterator[socket.socket]:
    """Start a mail server that accepts connections and never replies. A mail is due to it."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(40)
        mail = f'[mail]\nhost = "127.0.0.1"\nport = {server.getsockname()[1]}\nsecurity = "none"\n'
        idp.config.write_text(idp.config.read_text() + mail)
        idp.apply(SHOP + ANNA)
        idp("user", "reset-factor", "example-shoes", "anna")
        yield server


def test_a_hanging_mail_server_does_not_block_the_supervisor(idp: Idp, silent_mail_server: socket.socket) -> None:
    """I10: it replaces killed processes during the SMTP session, and obeys SIGTERM."""
    port = free_port()
    idp.config.write_text(f'{idp.config.read_text()}[server]\nbind = "127.0.0.1:{port}"\nworkers = 1\n')
    with started(idp.config, "run") as process:
        conversation, _ = silent_mail_server.accept()
        wait_for_port(process, port)
        with conversation:
            former = set(children(process))
            os.kill(
                min(former), signal.SIGKILL
            )  # the process that answers requests has the lowest id, as it was started first
            until(lambda: set(children(process)) != former and answers(port), "no process answers")
            stop(process, within=supervisor.STOP_SECONDS + 10)
    assert process.returncode == 0


def test_a_worker_obeys_sigterm_beside_a_hanging_mail_server(idp: Idp, silent_mail_server: socket.socket) -> None:
    """`idp worker` stops during the SMTP session."""
    with started(idp.config, "worker") as process, silent_mail_server.accept()[0]:
        stop(process, within=20)
    assert process.returncode == 0


@pytest.mark.parametrize("is_whole", [True, False], ids=["body", "header"])
def test_an_incomplete_request_does_not_delay_a_stop(tmp_path: Path, is_whole: bool, made_database: Database) -> None:
    """The server does not wait for the rest of a request, so no process must be killed."""
    file, port = new_installation(tmp_path, database=made_database)
    with started(file, "run") as process:
        wait_for_port(process, port)
        half = b"POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
        half += b"\r\nabc" if is_whole else b""
        with send(port, half), send(port, half.replace(b"100", b"50")):
            assert ask(port, "/livez")[0] == 200
            output = stop(process, within=supervisor.STOP_SECONDS - 2)
    assert process.returncode == 0, output
