"""Where the folders are that travel with the code: templates and migrations.

In a wheel they lie inside the package, in a checkout on top of the project.
"""

from importlib.resources import files
from pathlib import Path

PACKAGE = Path(str(files("idp")))


def folder(name: str) -> Path:
    """The folder ``name`` (``templates`` or ``migrations``): the package's own first, the checkout's second."""
    packaged = PACKAGE / name
    return packaged if packaged.is_dir() else PACKAGE.parent / name
