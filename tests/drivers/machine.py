"""Find what this machine has. A test without its needs is skipped and named, or fails under ``REQUIRE_ALL=1``."""

import os
import random
import shutil
import socket
from pathlib import Path
from typing import NoReturn

import pytest

REQUIRE_ALL = os.environ.get("REQUIRE_ALL") == "1"
SHARED_MEMORY = Path("/dev/shm")
ROOMY = 2 << 30
"""Bytes. A container may have only 64 MB of shared memory."""


def has_roomy_memory() -> bool:
    """Return whether this machine's shared memory has room for the files of all tests."""
    return os.access(SHARED_MEMORY, os.W_OK) and shutil.disk_usage(SHARED_MEMORY).free > ROOMY


def quick_folder() -> str | None:
    """Return a folder in memory, because databases are closed after every test. None if there is no better one."""
    return str(SHARED_MEMORY) if has_roomy_memory() else None


def leave_out(what: str, how: str) -> NoReturn:
    """Skip this test, which needs ``what``. ``how``: how to get it."""
    reason = f"{what} is not here: {how}"
    if REQUIRE_ALL:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def free_port(in_a_row: int = 1) -> int:
    """Return a loopback port on which no process listens, or the first of so many ``in_a_row``.

    It lies below those that the machine gives to outgoing connections: such a port may be taken before the server of a
    test listens. It is chosen by chance, because other processes choose too.
    """
    for _ in range(1000):
        first = random.randrange(10_000, 32_000)
        if all(_is_free(first + offset) for offset in range(in_a_row)):
            return first
    raise RuntimeError(f"no {in_a_row} free ports in a row were found")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
