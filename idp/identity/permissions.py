"""Which actor may change which user. Console, command line and provisioning ask here, and have no rules of their own."""

from idp.actors import System
from idp.audit import Origin
from idp.errors import Forbidden, NotFound, say
from idp.identity.roles import ROLES, RULING_ROLES
from idp.identity.user_fields import check_role
from idp.store import operators, organisations, users
from idp.store.organisations import Organisation
from idp.store.users import User

ADMINISTRATORS_ONLY = say("Only administrators may do this.")


def is_installation(origin: Origin) -> bool:
    """Return whether the installation itself acts: the command line, provisioning or the worker."""
    return isinstance(origin.actor, System)


def is_operator(user_id: str) -> bool:
    """Whether this is one of who run the installation, and not disabled."""
    return any(person.id == user_id and person.disabled_at is None for person in operators.operators())


def administers(organisation_id: str, user: User) -> bool:
    """Whether the console of an organisation opens to ``user``: to its administrators and owner, and to operators."""
    is_own = user.organisation_id == organisation_id and user.role in RULING_ROLES
    return user.disabled_at is None and (is_own or is_operator(user.id))


def require_ruler(organisation_id: str, origin: Origin) -> None:
    """Raise unless who acts may change an organisation's shops, groups and settings.

    ``NotFound`` where the two have nothing to do with each other, so that guessing ids tells nothing.
    """
    if runs_installation(origin):
        return
    actor = users.user(organisation_id, origin.actor_id)
    if actor is None or actor.disabled_at is not None:
        raise NotFound(detail="the actor is no user of this organisation")
    if actor.role not in RULING_ROLES:
        raise Forbidden(ADMINISTRATORS_ONLY)


def runs_installation(origin: Origin) -> bool:
    """Whether an operator, or the installation itself, acts."""
    return is_installation(origin) or is_operator(origin.actor_id)


def require_operator(origin: Origin) -> None:
    """Raise unless an operator, or the installation itself, acts: what belongs to no organisation is theirs."""
    if not runs_installation(origin):
        raise NotFound(detail="only operators may do this")


def require_over(organisation: Organisation, user: User, origin: Origin) -> None:
    """Raise unless who acts may manage ``user``: an administrator of their organisation, for the owner the owner alone.

    ``NotFound`` where the two have nothing to do with each other, so that guessing ids tells nothing.
    """
    if user.organisation_id != organisation.id:
        raise NotFound(detail="a user of another organisation")
    require_ruler(organisation.id, origin)
    if runs_installation(origin):
        return
    actor = users.user(organisation.id, origin.actor_id)
    if user.role == "owner" and (actor is None or actor.role != "owner"):
        raise Forbidden(say("Only the owner may change the owner."))


def is_over(organisation: Organisation, user: User, origin: Origin) -> bool:
    """Whether who acts may manage ``user``: what ``require_over`` lets pass."""
    try:
        require_over(organisation, user, origin)
    except (Forbidden, NotFound):
        return False
    return True


def require_self_or_over(organisation: Organisation, user: User, origin: Origin) -> None:
    """As ``require_over``, but people may do this to themselves."""
    if user.organisation_id != organisation.id or origin.actor_id != user.id:
        require_over(organisation, user, origin)


def require_another(user: User, origin: Origin) -> None:
    """Raise where who acts is ``user``: what an administrator does to others, people do for themselves in their profile."""
    if origin.actor_id == user.id:
        raise Forbidden(say("This is you. Change your own sign-in details in your profile."))


def require_over_factor(organisation: Organisation, user: User, origin: Origin) -> None:
    """As ``require_over``; but an operator takes an owner's second factor away by an announced recovery alone (S48)."""
    require_over(organisation, user, origin)
    if user.role == "owner" and is_operator(origin.actor_id):
        raise Forbidden(say("Start a recovery of the owner instead: all administrators are told of it."))


def require_role(organisation: Organisation, role: str, origin: Origin) -> None:
    """Raise unless who acts may give somebody ``role``: one of ``roles_to_give``. ``Invalid`` for no role."""
    if check_role("role", role) not in roles_to_give(organisation, origin):
        raise Forbidden(say("You cannot give anybody the role %(role)s.", role=role))


def require_new_role(organisation: Organisation, user: User, role: str, origin: Origin) -> None:
    """As ``require_role``, for somebody who has another role: nobody stops being an owner by being edited."""
    require_role(organisation, role, origin)
    if role not in roles_for(organisation, user, origin):
        raise Forbidden(say("An owner stays one until the ownership is handed over."))


def require_another_owner(organisation: Organisation, user: User) -> None:
    """Raise where an organisation would be without ``user`` what it never is: without an owner who can act.

    Within the transaction that takes ``user`` away: until its end nobody else is made the owner.
    """
    owner_id = organisations.lock_owner(organisation.id)
    others = [person for person in users.administrators(organisation.id) if person.role == "owner" and person.id != user.id]
    if user.id == owner_id or (user.role == "owner" and not others):
        raise Forbidden(say("An organisation must keep an owner: give the ownership to somebody else first."))


def roles_to_give(organisation: Organisation, origin: Origin) -> tuple[str, ...]:
    """The roles that who acts may give. In the console the ownership is handed over and never given (see ``ownership``).

    Operators are administrators and nothing less: by that role a second factor is compulsory for them.
    """
    if organisation.kind != "retailer":
        return ("administrator",) if runs_installation(origin) else ()
    if is_installation(origin):
        return ROLES
    actor = users.user(organisation.id, origin.actor_id)
    may_give = is_operator(origin.actor_id) or (actor is not None and actor.role in RULING_ROLES)
    return tuple(role for role in ROLES if role != "owner") if may_give else ()


def roles_for(organisation: Organisation, user: User | None, origin: Origin) -> tuple[str, ...]:
    """The roles that ``user`` (None: somebody new) may have after who acts has edited them."""
    if user is not None and user.role == "owner" and not is_installation(origin):
        return (user.role,)
    return roles_to_give(organisation, origin)
