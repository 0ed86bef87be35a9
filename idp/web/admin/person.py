"""Hold a user as values, for the console's pages."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from idp.identity import access
from idp.store.users import User


@dataclass(frozen=True)
class Person:
    """Hold what the console shows of a user. ``last_login_at``: None before the first sign-in."""

    id: str
    username: str
    name: str
    email: str
    email_is_verified: bool
    phone_number: str
    all_shops: bool
    is_disabled: bool
    valid_until: date | None
    has_ended: bool
    last_login_at: datetime | None

    @classmethod
    def of(cls, user: User, zone: ZoneInfo) -> "Person":
        """Copy the values of a row, without those that a page must not have. ``zone``: the organisation's."""
        return cls(
            id=user.id,
            username=user.username,
            name=user.name,
            email=user.email or "",
            email_is_verified=user.email_verified_at is not None,
            phone_number=user.phone_number or "",
            all_shops=user.all_shops,
            is_disabled=user.disabled_at is not None,
            valid_until=user.valid_until,
            has_ended=access.has_ended(user, zone),
            last_login_at=user.last_login_at,
        )
