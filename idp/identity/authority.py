"""Who may change whom. Console, command line and provisioning all ask here, so that no skin has rules of its own."""

from idp.audit import Origin
from idp.errors import Forbidden, NotFound, say
from idp.identity.details import checked_role
from idp.identity.policy import ROLES, RULING_ROLES
from idp.store import operators, users
from idp.store.organisations import Organisation
from idp.store.users import User

ID_LENGTH = 26
ADMINISTRATORS_ONLY = say("Only administrators may do this.")


def is_installation(origin: Origin) -> bool:
    """Whether no user acts but the installation itself: the command line, provisioning, a worker (a word, or nothing)."""
    return len(origin.actor_id) != ID_LENGTH


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


def rank(role: str) -> int:
    """Roles by what they may do, the owner highest."""
    return len(ROLES) - ROLES.index(role)


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
    """Raise unless who acts may give somebody ``role``: nobody raises anyone above themselves. ``Invalid`` for no role."""
    checked_role(role)
    if runs_installation(origin):
        return
    actor = users.user(organisation.id, origin.actor_id)
    if actor is None or actor.role not in RULING_ROLES or rank(role) > rank(actor.role):
        raise Forbidden(say("You cannot give anybody the role %(role)s.", role=role))


def require_another_owner(organisation: Organisation, user: User) -> None:
    """Raise where ``user`` is the last owner who can act: an organisation always has one."""
    others = [person for person in users.administrators(organisation.id) if person.role == "owner" and person.id != user.id]
    if user.role == "owner" and not others:
        raise Forbidden(say("An organisation must keep an owner: give the ownership to somebody else first."))


def roles_to_give(organisation: Organisation, origin: Origin) -> tuple[str, ...]:
    """The roles that who acts may give: what ``require_role`` lets pass."""
    if runs_installation(origin):
        return ROLES
    actor = users.user(organisation.id, origin.actor_id)
    if actor is None or actor.role not in RULING_ROLES:
        return ()
    return tuple(role for role in ROLES if rank(role) <= rank(actor.role))
