"""Run a real ``idp run`` that the tests of a file share."""

import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.drivers.idp_process import PATIENCE, Database, ask, new_installation, started, wait_for_port


@dataclass(frozen=True)
class Running:
    """Hold a server's process tree and its port."""

    process: subprocess.Popen[str]
    port: int


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, made_database: Database) -> Iterator[Running]:
    """Run one server process, and stop it at the end as an operator would."""
    file, port = new_installation(tmp_path_factory.mktemp("run"), database=made_database)
    with started(file, "run") as process:
        wait_for_port(process, port)
        assert ask(port, "/readyz")[0] == 200
        yield Running(process, port)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    assert "Traceback" not in output
