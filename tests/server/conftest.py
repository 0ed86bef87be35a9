"""A real ``idp run`` that the tests of a file share."""

import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.drivers.idp_process import PATIENCE, ask, new_installation, started, wait_for_port


@dataclass(frozen=True)
class Running:
    """A server process tree and where it listens."""

    process: subprocess.Popen[str]
    port: int


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server process, stopped in the end as an operator would."""
    file, port = new_installation(tmp_path_factory.mktemp("run"))
    with started(file, "run") as process:
        wait_for_port(process, port)
        assert ask(port, "/readyz")[0] == 200
        yield Running(process, port)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert "Traceback" not in said
