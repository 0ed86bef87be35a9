"""Tables and every line of SQL, one file for each aggregate: first the tables, then the named queries.

Not here: rules. A query is named by the reason for which it is asked; what follows from its answer is decided above. Keys of
an organisation's tables begin with ``organisation_id``, so that they can be distributed by it. Importing this package
registers every table, for migrations to compare with.
"""

from idp.store import dated_rules, password_resets, recovery_codes, totp

__all__ = [
    "dated_rules",
    "password_resets",
    "recovery_codes",
    "totp",
]
