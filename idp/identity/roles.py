"""The roles of users within their organisation. The values are stored, and apps get them in the claim ``role``. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from idp.errors import Message, say


class Role(StrEnum):
    """A role; most powerful first."""

    OWNER = "owner"
    ADMINISTRATOR = "administrator"
    MANAGER = "manager"
    EMPLOYEE = "employee"
    CUSTOMER = "customer"


ROLES = tuple(Role)


def is_more(role: str, former: str) -> bool:
    """Return whether a role is more powerful than a former one."""
    return ROLES.index(Role(role)) < ROLES.index(Role(former))


RULING_ROLES = (Role.OWNER, Role.ADMINISTRATOR)
"""Users with these roles may use the console of their organisation."""
ROLE_NAMES: Mapping[str, Message] = {
    Role.OWNER: say("Owner"),
    Role.ADMINISTRATOR: say("Administrator"),
    Role.MANAGER: say("Manager"),
    Role.EMPLOYEE: say("Employee"),
    Role.CUSTOMER: say("Customer"),
}
