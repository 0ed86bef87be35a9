"""Tables and every line of SQL, one file for each aggregate: first the tables, then the named queries.

Not here: rules. A query is named by the reason for which it is asked; what follows from its answer is decided above. Keys of
an organisation's tables begin with ``organisation_id``, so that they can be distributed by it.
"""

from importlib import import_module
from pkgutil import iter_modules


def register_tables() -> None:
    """Declare every table: migrations and backups do not know tables of modules that were not imported."""
    for found in iter_modules(__path__):
        import_module(f"{__name__}.{found.name}")
