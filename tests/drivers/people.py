"""Return all people of an organisation, for tests that look at everybody."""

from idp.store import user_search
from idp.store.users import User


def everybody(organisation_id: str) -> list[User]:
    """Return all users of an organisation, by username."""
    return [row for rows in user_search.each(organisation_id) for row in rows]
