"""Tables and every line of SQL, one file an aggregate: first the tables, then the named queries.

Not here: rules. A query is named for why it is asked; what follows from its answer is decided above. Tables of an
organisation carry ``organisation_id`` first in their keys, so that they can be distributed by it. The importing of this
package registers every table, which is what migrations compare themselves with.
"""

from idp.store import (
    dated_rules,
    password_resets,
    recovery_codes,
    totp,
)

__all__ = [
    "dated_rules",
    "password_resets",
    "recovery_codes",
    "totp",
]
