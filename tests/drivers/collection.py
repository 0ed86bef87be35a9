"""Hooks around the collection of tests: which come first, and when garbage is looked for."""

import gc

import pytest


def pytest_sessionstart() -> None:
    """Collect no garbage while modules are imported: what they make stays until the end, and looking took half the time."""
    gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long tests. A long test that begins last keeps one worker busy while the others are idle."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """Exempt imported objects from garbage collection, because they stay until the end."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(50_000, 20, 50)
