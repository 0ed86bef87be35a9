"""Who may change whom. Console, command line and provisioning all ask here, so that no skin has rules of its own."""

from idp.audit import Origin
from idp.errors import Forbidden, NotFound, say
from idp.identity.policy import ROLES, RULING_ROLES
from idp.store import operators, users
from idp.store.organisations import Organisation
from idp.store.users import User

ID_LENGTH = 26


def is_installation(origin: Origin) -> bool:
    """Whether no user acts but the installation itself: the command line, provisioning, a worker (a word, or nothing)."""
    return len(origin.actor_id) != ID_LENGTH


def _is_operator(origin: Origin) -> bool:
    return any(person.id == origin.actor_id and person.disabled_at is None for person in operators.operators())


def rank(role: str) -> int:
    """Roles by what they may do, the owner highest."""
    return len(ROLES) - ROLES.index(role)


def require_over(organisation: Organisation, user: User, origin: Origin) -> None:
    """Raise unless who acts may manage ``user``: an administrator of their organisation, for the owner the owner alone.

    ``NotFound`` where the two have nothing to do with each other, so that guessing ids tells nothing.
    """
    if user.organisation_id != organisation.id:
        raise NotFound(detail="a user of another organisation")
    if is_installation(origin) or _is_operator(origin):
        return
    actor = users.user(organisation.id, origin.actor_id)
    if actor is None or actor.disabled_at is not None:
        raise NotFound(detail="the actor is no user of this organisation")
    if actor.role not in RULING_ROLES:
        raise Forbidden(say("Only administrators may do this."))
    if user.role == "owner" and actor.role != "owner":
        raise Forbidden(say("Only the owner may change the owner."))


def require_self_or_over(organisation: Organisation, user: User, origin: Origin) -> None:
    """As ``require_over``, but people may do this to themselves."""
    if user.organisation_id != organisation.id or origin.actor_id != user.id:
        require_over(organisation, user, origin)


def require_role(organisation: Organisation, role: str, origin: Origin) -> None:
    """Raise unless who acts may give somebody ``role``: nobody raises anyone above themselves."""
    if is_installation(origin) or _is_operator(origin):
        return
    actor = users.user(organisation.id, origin.actor_id)
    if actor is None or actor.role not in RULING_ROLES or rank(role) > rank(actor.role):
        raise Forbidden(say("You cannot give anybody the role %(role)s.", role=role))


def require_another_owner(organisation: Organisation, user: User) -> None:
    """Raise where ``user`` is the last owner who can act: an organisation always has one."""
    others = [person for person in users.administrators(organisation.id) if person.role == "owner" and person.id != user.id]
    if user.role == "owner" and not others:
        raise Forbidden(say("An organisation must keep an owner: give the ownership to somebody else first."))
