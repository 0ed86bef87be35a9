"""What this machine has, and what a test does without it: it is left out and named, or fails under ``REQUIRE_ALL=1``."""

import os
from typing import NoReturn

import pytest

REQUIRE_ALL = os.environ.get("REQUIRE_ALL") == "1"


def leave_out(what: str, how: str) -> NoReturn:
    """This test needs ``what``, which is not here; ``how`` to get it."""
    said = f"{what} is not here: {how}"
    if REQUIRE_ALL:
        pytest.fail(said, pytrace=False)
    pytest.skip(said)
