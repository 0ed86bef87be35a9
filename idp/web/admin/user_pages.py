"""Share what the console's pages about people need: who is at an address, and the address of a person."""

from flask import abort, url_for

from idp.errors import Message
from idp.identity.user_fields import USER_FIELDS
from idp.store import users
from idp.store.users import User
from idp.web.admin.guard import Admin

HERE = "people"
FIELDS = tuple(field for field in USER_FIELDS if field.in_console)
Choices = tuple[tuple[str, Message | str], ...]


def person_at(admin: Admin, user_id: str) -> User:
    """Return a user of this organisation. Answers 404 for any other id."""
    return users.user(admin.organisation.id, user_id) or abort(404)


def address_of(admin: Admin, user_id: str, act: str = "") -> str:
    """Return the address of a user's page, or of an action on them."""
    store_url = admin.organisation.store_url
    if act:
        return url_for("admin.act_on_person", store_url=store_url, user_id=user_id, act=act)
    return url_for("admin.person", store_url=store_url, user_id=user_id)
