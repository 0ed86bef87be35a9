"""Import a library when it is first used.

Most processes never draw a logo, ask a range service or migrate a database. Imported at the start, the libraries for it
would cost each process memory, and each command time.
"""

from importlib import import_module
from typing import Any


class OnUse:
    """Stands for a module until an attribute of it is read: ``httpx = OnUse("httpx")``.

    Where types matter, the real import is beside it under ``TYPE_CHECKING``.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        """Import the module, once in a process, and return its attribute."""
        return getattr(import_module(self._name), attribute)
