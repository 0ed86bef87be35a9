"""Hash passwords and codes where nothing waits for it: argon2id takes a tenth of a second and much memory on purpose."""

from collections.abc import Iterator
from contextlib import contextmanager

from idp.config import Settings
from idp.db import release


@contextmanager
def hashing_outside_transaction(settings: Settings) -> Iterator[None]:
    """Hold a slot of the hasher, and end the read under way before: nothing is open while it is waited for.

    Raises ``Busy`` when no slot comes free in time, ``RuntimeError`` within a transaction.
    """
    release()
    with settings.hasher.slot():
        yield
