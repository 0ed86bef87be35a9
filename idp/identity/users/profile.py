"""Let people change fields of their own account that need no fresh proof: no sign-in details, so no mail either."""

from collections.abc import Mapping
from typing import Any

from idp.audit import Event, Origin, record_about
from idp.db import transaction
from idp.errors import Invalid, say
from idp.identity.user_fields import USER_FIELDS, columns_of
from idp.languages import LANGUAGES
from idp.store import users
from idp.store.users import User

OWN = tuple(field.name for field in USER_FIELDS if field.in_profile)


def change(user: User, changes: Mapping[str, Any], origin: Origin) -> tuple[str, ...]:
    """Change fields of ``OWN``. An empty ``locale`` means the browser's, an empty ``time_zone`` the organisation's.

    Returns the names of the fields that changed. Raises ``Invalid``.
    """
    columns = columns_of({key: changes[key] for key in OWN if key in changes})
    if columns.get("locale", "") not in ("", *LANGUAGES):
        raise Invalid("locale", say("Choose one of the languages shown."))
    fresh = {key: value for key, value in columns.items() if getattr(user, key) != value}
    if fresh:
        with transaction():
            users.change_user(user.organisation_id, user.id, **fresh)
            record_about(origin, Event.USER_CHANGED, user, changed=sorted(fresh))
    return tuple(sorted(fresh))
