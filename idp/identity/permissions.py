"""Decide which actor may change which user. Console, command line and provisioning ask here, and have no rules of their own.

A rule is a function that returns its refusal: the exception to raise, or None where the acting user may. ``require_*`` raise
it. The refusal is ``NotFound`` for another organisation's user or object, so that ids cannot be probed.
"""

from idp.actors import System
from idp.audit import Origin
from idp.errors import Forbidden, NotFound, Refusal, say
from idp.identity import access
from idp.identity.owner import has_owner_role, is_protected
from idp.identity.roles import ROLES, RULING_ROLES, Role
from idp.identity.user_fields import check_role
from idp.store import operators, users
from idp.store.organisations import Organisation
from idp.store.users import User

ADMINISTRATORS_ONLY = say("Only administrators may do this.")


def is_installation(origin: Origin) -> bool:
    """Return whether the installation itself acts: the command line, provisioning or the worker."""
    return isinstance(origin.actor, System)


def is_operator(user_id: str) -> bool:
    """Return whether a user is an operator who may sign in."""
    return any(person.id == user_id and not access.is_over(person) for person in operators.operators())


def runs_installation(origin: Origin) -> bool:
    """Return whether an operator, or the installation itself, acts."""
    return is_installation(origin) or is_operator(origin.actor_id)


def administers(organisation_id: str, user: User) -> bool:
    """Return whether ``user`` may use an organisation's console: its administrators and owner may, and operators."""
    is_own = user.organisation_id == organisation_id and user.role in RULING_ROLES
    return not access.is_over(user) and (is_own or is_operator(user.id))


def refusal_to_rule(organisation_id: str, origin: Origin) -> Refusal | None:
    """Return why the acting user may not change an organisation's shops, groups and settings; None where they may."""
    if runs_installation(origin):
        return None
    return _refusal_to_rule(users.user(organisation_id, origin.actor_id))


def _refusal_to_rule(actor: User | None) -> Refusal | None:
    if actor is None or access.is_over(actor):
        return NotFound(detail="the actor is no user of this organisation")
    return None if actor.role in RULING_ROLES else Forbidden(ADMINISTRATORS_ONLY)


def refusal_over(organisation: Organisation, user: User, origin: Origin) -> Refusal | None:
    """Return why the acting user may not manage ``user``; None where they may.

    Administrators may manage the users of their organisation. Only the owner may manage the owner, and the person who is
    invited to be the owner manages themselves.
    """
    if user.organisation_id != organisation.id:
        return NotFound(detail="a user of another organisation")
    if runs_installation(origin):
        return None
    actor = users.user(organisation.id, origin.actor_id)
    refusal = _refusal_to_rule(actor)
    is_own = actor is not None and (actor.id == user.id or has_owner_role(actor))
    if refusal is None and is_protected(organisation, user) and not is_own:
        return Forbidden(say("Only the owner may change the owner."))
    return refusal


def is_over(organisation: Organisation, user: User, origin: Origin) -> bool:
    """Return whether the acting user may manage ``user``."""
    return refusal_over(organisation, user, origin) is None


def _raise(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise refusal


def require_ruler(organisation_id: str, origin: Origin) -> None:
    """Raise unless the acting user may change an organisation's shops, groups and settings."""
    _raise(refusal_to_rule(organisation_id, origin))


def require_operator(origin: Origin) -> None:
    """Raise ``NotFound`` unless an operator, or the installation itself, acts."""
    if not runs_installation(origin):
        raise NotFound(detail="only operators may do this")


def require_over(organisation: Organisation, user: User, origin: Origin) -> None:
    """Raise unless the acting user may manage ``user``."""
    _raise(refusal_over(organisation, user, origin))


def require_self_or_over(organisation: Organisation, user: User, origin: Origin) -> None:
    """Raise unless the acting user is ``user``, or may manage them."""
    if user.organisation_id != organisation.id or origin.actor_id != user.id:
        require_over(organisation, user, origin)


def require_another(user: User, origin: Origin) -> None:
    """Raise ``Forbidden`` if the acting user is ``user``: people change their own sign-in details in their profile."""
    if origin.actor_id == user.id:
        raise Forbidden(say("This is your own account. Change your sign-in details in your profile."))


def require_over_factor(organisation: Organisation, user: User, origin: Origin) -> None:
    """Raise unless the acting user may take away a second factor of ``user``.

    Operators may not take away the owner's: an announced recovery does that (S48).
    """
    require_over(organisation, user, origin)
    if has_owner_role(user) and is_operator(origin.actor_id):
        raise Forbidden(say("Recover the owner's account instead: all administrators are told about it."))


def require_role(organisation: Organisation, role: str, origin: Origin) -> None:
    """Raise ``Forbidden`` unless the acting user may give ``role``; ``Invalid`` if it is no role."""
    if check_role("role", role) not in roles_to_give(organisation, origin):
        raise Forbidden(say("You cannot give anybody the role %(role)s.", role=role))


def require_new_role(organisation: Organisation, user: User, role: str, origin: Origin) -> None:
    """Raise unless the acting user may change the role of ``user`` to ``role``. Editing never takes the ownership away."""
    require_role(organisation, role, origin)
    if role not in roles_for(organisation, user, origin):
        raise Forbidden(say("The owner keeps this role until the ownership is handed over."))


def roles_to_give(organisation: Organisation, origin: Origin) -> tuple[Role, ...]:
    """Return the roles that the acting user may give. The console cannot assign ownership as a role (see ``ownership``).

    Operators have the role "administrator" and no other: it makes a second factor compulsory for them.
    """
    if organisation.kind != "retailer":
        return (Role.ADMINISTRATOR,) if runs_installation(origin) else ()
    if is_installation(origin):
        return ROLES
    if refusal_to_rule(organisation.id, origin) is not None:  # an import goes on after its administrator was disabled
        return ()
    return tuple(role for role in ROLES if role != Role.OWNER)


def roles_for(organisation: Organisation, user: User | None, origin: Origin) -> tuple[Role, ...]:
    """Return the roles that ``user`` (None: a new user) may have after the acting user edited them."""
    if user is not None and has_owner_role(user) and not is_installation(origin):
        return (Role.OWNER,)
    return roles_to_give(organisation, origin)
