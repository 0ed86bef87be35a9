"""Do one thing to many users of an organisation, each in a transaction of their own.

Users that the acting person may not manage are left out and named. The rights are checked again in each transaction. Users
who have the act's result already are not changed: after a crash, the same act does the rest.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from idp.audit import Origin
from idp.config import Settings
from idp.db import transaction
from idp.errors import Message, Refusal
from idp.identity import permissions, sensitive_changes
from idp.identity.accounts import accounts
from idp.identity.credentials import second_factor
from idp.identity.owner import require_not_owner
from idp.identity.sensitive_changes import Access, Confirmation
from idp.identity.users import status
from idp.store import memberships, users
from idp.store.organisations import Organisation
from idp.store.users import User

MOST = 500
"""The most users at once: an act on them takes seconds."""
LeftOut = tuple[User, Message]
"""A user who is not changed, and why."""


@dataclass(frozen=True)
class Act:
    """Describe an act. ``target``, the last argument, is the name of a group or the code of a shop; empty for other acts.

    ``do`` returns how many sessions ended; None if nothing was to be done. ``done`` returns the ids of the users who have
    the result already. ``needs``: what the acting person must confirm. ``spares``: it leaves out oneself and the owner.
    """

    do: Callable[[Settings, Organisation, User, Origin, str], int | None]
    done: Callable[[Organisation, Sequence[User], str], Collection[str]]
    needs: Callable[[User], Confirmation] = lambda _: Confirmation.FRESH_PROOF
    spares: bool = False


@dataclass(frozen=True)
class Plan:
    """Hold the users that an act would change, those who have its result already, and those left out, with the reason."""

    changed: tuple[User, ...]
    unchanged: tuple[User, ...]
    left_out: tuple[LeftOut, ...]

    def needs(self, act: Act) -> Confirmation:
        """Return what the acting person must confirm."""
        return max((act.needs(user) for user in self.changed), default=Confirmation.NOTHING)


@dataclass(frozen=True)
class Outcome:
    """Hold how many users an act changed, how many sessions ended, and the users left out."""

    changed: int
    sessions: int
    left_out: tuple[LeftOut, ...]


def _disable(settings: Settings, organisation: Organisation, user: User, origin: Origin, _: str) -> int | None:
    return status.disable(settings, organisation, user, origin)


def _enable(settings: Settings, organisation: Organisation, user: User, origin: Origin, _: str) -> int | None:
    return 0 if status.enable(settings, organisation, user, origin) else None


def _require_factor(settings: Settings, organisation: Organisation, user: User, origin: Origin, _: str) -> int | None:
    return 0 if second_factor.require_set_up(organisation, user, origin) else None


def _groups_of(user: User) -> set[str]:
    return {group.name for group in users.groups_of(user.organisation_id, user.id)}


def _shops_of(user: User) -> set[str]:
    return {shop.code for shop in users.shops_of(user.organisation_id, user.id)}


def _changing(
    field: str, held_by: Callable[[User], set[str]], change: Callable[[set[str], str], set[str]]
) -> Callable[..., int | None]:
    """Return an act on the groups or shops of a user: ``change`` makes the wanted ones of those held and the target."""

    def do(settings: Settings, organisation: Organisation, user: User, origin: Origin, target: str) -> int | None:
        users.lock_user(organisation.id, user.id)  # two concurrent acts must both count
        wanted = {field: sorted(change(held_by(user), target))}
        return 0 if accounts.change(settings, organisation, user, wanted, origin) else None

    return do


_in_groups = partial(_changing, "groups", _groups_of)
_in_shops = partial(_changing, "shops", _shops_of)


def _add_to_shop(settings: Settings, organisation: Organisation, user: User, origin: Origin, code: str) -> int | None:
    if user.all_shops:
        return None
    return _in_shops(lambda held, one: held | {one})(settings, organisation, user, origin, code)


def _remove_from_shop(settings: Settings, organisation: Organisation, user: User, origin: Origin, code: str) -> int | None:
    if user.all_shops:
        return None
    return _in_shops(lambda held, one: held - {one})(settings, organisation, user, origin, code)


def _members(organisation: Organisation, people: Sequence[User], name: str) -> set[str]:
    return memberships.members_among(organisation.id, name, [user.id for user in people])


def _others(organisation: Organisation, people: Sequence[User], name: str) -> set[str]:
    return {user.id for user in people} - _members(organisation, people, name)


def _workers(organisation: Organisation, people: Sequence[User], code: str) -> set[str]:
    named = memberships.workers_among(organisation.id, code, [user.id for user in people])
    return named | {user.id for user in people if user.all_shops}


def _elsewhere(organisation: Organisation, people: Sequence[User], code: str) -> set[str]:
    """Return who does not have the shop by name; those with all shops are among them."""
    return {user.id for user in people} - memberships.workers_among(organisation.id, code, [user.id for user in people])


ACTS: Mapping[str, Act] = {
    "disable": Act(
        _disable,
        lambda _, people, __: {user.id for user in people if user.disabled_at is not None},
        lambda user: sensitive_changes.needed(Access("account", user.role), None),
        spares=True,
    ),
    "enable": Act(
        _enable,
        lambda _, people, __: {user.id for user in people if user.disabled_at is None},
        lambda user: sensitive_changes.needed(None, Access("account", user.role)),
    ),
    "require-factor": Act(
        _require_factor,
        lambda _, people, __: {user.id for user in people if user.has_factor or user.must_set_up_since is not None},
    ),
    "add-to-group": Act(_in_groups(lambda held, name: held | {name}), _members),
    "remove-from-group": Act(_in_groups(lambda held, name: held - {name}), _others),
    "add-to-shop": Act(_add_to_shop, _workers),
    "remove-from-shop": Act(_remove_from_shop, _elsewhere),
    "move-to-shop": Act(_in_shops(lambda _, code: {code}), lambda *_: ()),
}


def plan(organisation: Organisation, people: Sequence[User], act: Act, target: str, origin: Origin) -> Plan:
    """Return what an act would do now."""
    left_out = [(user, refusal.message) for user in people if (refusal := _refusal(organisation, user, act, origin))]
    spared = {user.id for user, _ in left_out}
    done = {*act.done(organisation, people, target)} - spared
    unchanged = tuple(user for user in people if user.id in done)
    return Plan(tuple(user for user in people if user.id not in done | spared), unchanged, tuple(left_out))


def carry_out(
    settings: Settings, organisation: Organisation, user_ids: Iterable[str], act: Act, target: str, origin: Origin
) -> Outcome:
    """Carry an act out. Raises ``ConfirmationRequired`` at the first user who needs more confirmation."""
    changed, ended, left_out = 0, 0, list[LeftOut]()
    for user_id in user_ids:
        with transaction():
            user = users.user(organisation.id, user_id)
            if user is None:
                continue
            refusal = _refusal(organisation, user, act, origin)
            sessions = None if refusal else act.do(settings, organisation, user, origin, target)
        if refusal is not None:
            left_out.append((user, refusal.message))
        if sessions is not None:
            changed, ended = changed + 1, ended + sessions
    return Outcome(changed, ended, tuple(left_out))


def _refusal(organisation: Organisation, user: User, act: Act, origin: Origin) -> Refusal | None:
    try:
        permissions.require_over(organisation, user, origin)
        if act.spares:
            permissions.require_another(user, origin)
            require_not_owner(organisation, user)
    except Refusal as refusal:
        return refusal
    return None
