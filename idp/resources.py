"""Find the folders that come with the code: templates and migrations.

A wheel has them inside the package, a checkout at the top of the project.
"""

from importlib.resources import files
from pathlib import Path

PACKAGE = Path(str(files("idp")))


def folder(name: str) -> Path:
    """Return the folder ``name`` (``templates`` or ``migrations``): the package's own, else the checkout's."""
    packaged = PACKAGE / name
    return packaged if packaged.is_dir() else PACKAGE.parent / name
