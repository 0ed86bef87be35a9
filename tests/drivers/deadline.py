"""Give every test a deadline: a test that waits for an event that never comes fails there, and does not block the run."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

SECONDS = 300.0
"""Seconds for each part of a test (fixtures, test, their end): many times the slowest one's on a busy machine."""
AGAIN_SECONDS = 30.0
"""Seconds for the clean-up after a missed deadline, which may hang too."""


@contextmanager
def deadline(what: str, seconds: float = SECONDS) -> Iterator[None]:
    """Fail with ``what`` unless the block ends in time. A signal, because a blocked read or ``wait`` checks no clock."""

    def _ring(_: int, __: FrameType | None) -> None:
        pytest.fail(f"{what}: not done after {seconds:g} seconds; it waits at the end of this trace")

    if threading.current_thread() is not threading.main_thread():  # signals are only handled in the main thread
        yield
        return
    former_handler = signal.signal(signal.SIGALRM, _ring)
    former_timer = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *former_timer)
        signal.signal(signal.SIGALRM, former_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Bound the fixtures."""
    with deadline(f"the fixtures of {item.name}"):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Bound the test."""
    with deadline(item.name):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Bound the end of fixtures."""
    with deadline(f"the end of {item.name}"):
        return (yield)
