"""Operators: the users of the installation's own organisation, which is apart from all others."""

from datetime import datetime

from sqlalchemy import Insert, Select, select

from idp.rows import inserting
from idp.statements import asks_every, asks_one, claims
from idp.store.organisations import OPERATORS, Organisation
from idp.store.users import User

STORE_URL = "installation"


@asks_one
def installation() -> Select[Organisation]:
    """Return the operators' organisation, once there is an operator."""
    return select(Organisation).where(OPERATORS)


def add_installation(organisation_id: str, now: datetime) -> Organisation:
    """Make the operators' organisation, unless somebody made it at the same moment; either way return it."""
    _claim(organisation_id, now)
    made = installation()
    if made is None:
        raise LookupError("the operators' organisation vanished")
    return made


@asks_every
def operators() -> Select[User]:
    """Return all operators, by username."""
    return (
        select(User).join(Organisation, Organisation.id == User.organisation_id).where(OPERATORS).order_by(User.username_key)
    )


@claims
def _claim(organisation_id: str, now: datetime) -> Insert:
    return inserting(
        Organisation,
        id=organisation_id,
        store_url=STORE_URL,
        name="Sleutel",
        kind="installation",
        country="",
        time_zone="",
        integrations=[],
        settings={},
        created_at=now,
    )
