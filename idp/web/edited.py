"""Tell an administrator that another one changed the thing first. A form carries the digest of what it was filled in from.

Without it two administrators who edit one thing at the same moment would each save some fields of their own.
"""

from collections.abc import Mapping

from idp import crypto
from idp.errors import Conflict, Refusal, say

FIELD = "was"


def state_of(fields: Mapping[str, str]) -> str:
    """Return the digest of the fields that a form of the stored thing would have."""
    return crypto.b64url(crypto.sha256(repr(sorted(fields.items())).encode("utf-8", "surrogatepass")))[:22]


def shown(form: Mapping[str, str], stored: Mapping[str, str], refusal: Refusal | None) -> str:
    """Return what the form carries. After a conflict it is the present state: the next save is made knowingly."""
    return state_of(stored) if isinstance(refusal, Conflict) else form.get(FIELD, "") or state_of(stored)


def check(form: Mapping[str, str], stored: Mapping[str, str]) -> None:
    """Raise ``Conflict`` if ``stored`` is not what the form was filled in from. With its row locked, in the transaction."""
    if form.get(FIELD, "") not in ("", state_of(stored)):
        raise Conflict(
            say(
                "This was changed in the meantime, and nothing has been saved. Save again to replace that change with yours."
            )
        )
