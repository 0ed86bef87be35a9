"""What this machine has, and what a test does without it: it is left out and named, or fails under ``REQUIRE_ALL=1``."""

import os
import socket
from typing import NoReturn

import pytest

REQUIRE_ALL = os.environ.get("REQUIRE_ALL") == "1"


def leave_out(what: str, how: str) -> NoReturn:
    """This test needs ``what``, which is not here; ``how`` to get it."""
    said = f"{what} is not here: {how}"
    if REQUIRE_ALL:
        pytest.fail(said, pytrace=False)
    pytest.skip(said)


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
