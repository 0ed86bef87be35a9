"""The owner of an organisation: ``Organisation.owner_id`` decides, and is changed only here.

The owner has the role "owner" too. Provisioning may give that role to several users: all of them are protected like the
owner, but only the user that ``owner_id`` names gets notices (S54), is recovered (S48) and can hand over the ownership.

Not here: handing over and recovery (``ownership``), who may change the owner (``permissions``).
"""

from collections.abc import Sequence

from idp.errors import Forbidden, say
from idp.identity.roles import RULING_ROLES, Role
from idp.store import access, names, organisations, users
from idp.store.organisations import Organisation
from idp.store.users import User


def owner_of(organisation: Organisation) -> User | None:
    """Return the owner; None where no active user is the owner."""
    owner = recorded_owner(organisation)
    return owner if owner is not None and has_owner_role(owner) and owner.disabled_at is None else None


def recorded_owner(organisation: Organisation) -> User | None:
    """Return the user that ``owner_id`` names, also when disabled."""
    return users.user(organisation.id, organisation.owner_id) if organisation.owner_id else None


def has_owner_role(user: User) -> bool:
    """Return whether a user is protected like the owner."""
    return user.role == Role.OWNER


def is_protected(organisation: Organisation, user: User) -> bool:
    """Return whether only the owner may manage a user: one with the role, or the one who is invited to take it.

    The invitation of a new organisation's owner gives the role (``accounts.new_organisation``). So who could change their
    address could become the owner.
    """
    return has_owner_role(user) or user.id == organisation.owner_id


def administrators(organisation_id: str) -> Sequence[User]:
    """Return the active administrators and owners, by username."""
    return access.active_with_roles(organisation_id, RULING_ROLES)


def make_owner(organisation_id: str, user_id: str) -> None:
    """Make a user with the role "owner" the owner, within the caller's transaction."""
    names.change_organisation(organisation_id, owner_id=user_id)


def make_first_owner(user: User) -> None:
    """Make a user with the role "owner" the owner of an organisation that has none, within the caller's transaction."""
    if organisations.lock_owner(user.organisation_id) is None:
        make_owner(user.organisation_id, user.id)


NEEDS_AN_OWNER = say("An organisation needs an owner: hand over the ownership to somebody else first.")


def require_not_owner(organisation: Organisation, user: User) -> None:
    """Raise ``Forbidden`` for the owner: nobody disables the owner together with others."""
    if is_protected(organisation, user):
        raise Forbidden(NEEDS_AN_OWNER)


def require_another_owner(user: User) -> None:
    """Raise ``Forbidden`` if the organisation would be left without an active owner when ``user`` stops being one.

    Call it within the transaction that disables or demotes ``user``: the lock keeps the owner until the commit.
    """
    owner_id = organisations.lock_owner(user.organisation_id)
    others = [person for person in administrators(user.organisation_id) if has_owner_role(person) and person.id != user.id]
    if user.id == owner_id or (has_owner_role(user) and not others):
        raise Forbidden(NEEDS_AN_OWNER)
