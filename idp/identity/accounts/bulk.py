"""Do one thing to many users of an organisation, each in a transaction of their own.

Users that the acting person may not manage are left out and named. The rights are checked again in each transaction. Users
who have the act's result already are not changed: after a crash, the same act does the rest.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from idp.audit import Origin
from idp.config import Settings
from idp.db import transaction
from idp.errors import Conflict, Invalid, Message, Refusal, say
from idp.identity import permissions, sensitive_changes
from idp.identity.accounts import accounts, belongings
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
Shops = list[list[str]] | None
"""A user's shops, each by its code and its id, which no later shop with that code has; None for all shops."""
CHANGED_SINCE = say("changed since then")


@dataclass(frozen=True)
class Target:
    """Hold what an act is about: the name of a group or the code of a shop, empty for other acts.

    ``to``: the code of the shop to which people move from there.
    """

    name: str = ""
    to: str = ""


NOTHING = Target()
"""Most acts are about the people alone."""


@dataclass(frozen=True)
class Act:
    """Describe an act.

    ``do`` returns how many sessions ended; None if nothing was to be done. ``done`` returns the ids of the users who have
    the result already. ``needs``: what the acting person must confirm. ``spares``: it leaves out oneself and the owner.
    ``is_about_shops``: the shops of before are kept for ``give_back``.
    """

    do: Callable[[Settings, Organisation, User, Origin, Target], int | None]
    done: Callable[[Organisation, Sequence[User], Target], Collection[str]]
    needs: Callable[[User], Confirmation] = lambda _: Confirmation.FRESH_PROOF
    spares: bool = False
    is_about_shops: bool = False


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
    """Hold how many users an act changed, how many sessions ended, and the users left out.

    ``shops``: by id of each user changed, their shops before and after, where the act is about shops.
    """

    changed: int
    sessions: int
    left_out: tuple[LeftOut, ...]
    shops: Mapping[str, tuple[Shops, Shops]] = field(default_factory=dict)


def _disable(settings: Settings, organisation: Organisation, user: User, origin: Origin, _: Target) -> int | None:
    return status.disable(settings, organisation, user, origin)


def _enable(settings: Settings, organisation: Organisation, user: User, origin: Origin, _: Target) -> int | None:
    return 0 if status.enable(settings, organisation, user, origin) else None


def _require_factor(settings: Settings, organisation: Organisation, user: User, origin: Origin, _: Target) -> int | None:
    return 0 if second_factor.require_set_up(organisation, user, origin) else None


def _groups_of(user: User) -> set[str]:
    return {group.name for group in users.groups_of(user.organisation_id, user.id)}


def _shops_of(user: User) -> set[str]:
    return {shop.code for shop in users.shops_of(user.organisation_id, user.id)}


def _changing(
    field: str,
    held_by: Callable[[User], set[str]],
    change: Callable[[set[str], Target], set[str]],
    *,
    is_for: Callable[[User], bool] = lambda _: True,
) -> Callable[..., int | None]:
    """Return an act on the groups or shops of a user: ``change`` makes the wanted ones of those held and the target.

    ``is_for``: whether it is for this user, as they are now.
    """

    def do(settings: Settings, organisation: Organisation, user: User, origin: Origin, target: Target) -> int | None:
        now = users.lock_user(organisation.id, user.id)  # two concurrent acts must both count
        if now is None or not is_for(now):
            return None
        wanted = {field: sorted(change(held_by(now), target))}
        return 0 if accounts.change(settings, organisation, now, wanted, origin) else None

    return do


def _moved(held: set[str], target: Target) -> set[str]:
    """Return the shops of somebody who moves; those held if the move is over or somebody else took the shop away."""
    return (held - {target.name}) | {target.to} if target.name in held else held


_in_groups = partial(_changing, "groups", _groups_of)
_in_shops = partial(_changing, "shops", _shops_of)
_in_named_shops = partial(_in_shops, is_for=lambda user: not user.all_shops)
"""Somebody with all shops has none by name: adding or removing one would leave them with fewer."""


def _members(organisation: Organisation, people: Sequence[User], target: Target) -> set[str]:
    return memberships.members_among(organisation.id, target.name, [user.id for user in people])


def _others(organisation: Organisation, people: Sequence[User], target: Target) -> set[str]:
    return {user.id for user in people} - _members(organisation, people, target)


def _workers(organisation: Organisation, people: Sequence[User], target: Target) -> set[str]:
    named = memberships.workers_among(organisation.id, target.name, [user.id for user in people])
    return named | {user.id for user in people if user.all_shops}


def _elsewhere(organisation: Organisation, people: Sequence[User], target: Target) -> set[str]:
    """Return who does not have the shop by name; those with all shops are among them."""
    everybody = {user.id for user in people}
    return everybody - memberships.workers_among(organisation.id, target.name, everybody)


def _only_there(organisation: Organisation, people: Sequence[User], target: Target) -> set[str]:
    """Return who has this shop by name and no other."""
    held = memberships.shops_of_users(organisation.id, [user.id for user in people])
    several = {user_id for user_id, shops in held.items() if len(shops) > 1}
    return memberships.workers_among(organisation.id, target.name, held.keys() - several)


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
    "add-to-group": Act(_in_groups(lambda held, target: held | {target.name}), _members),
    "remove-from-group": Act(_in_groups(lambda held, target: held - {target.name}), _others),
    "move-from-shop": Act(_in_named_shops(_moved), _elsewhere, is_about_shops=True),
    "add-to-shop": Act(_in_named_shops(lambda held, target: held | {target.name}), _workers, is_about_shops=True),
    "remove-from-shop": Act(_in_named_shops(lambda held, target: held - {target.name}), _elsewhere, is_about_shops=True),
    "only-in-shop": Act(_in_shops(lambda _, target: {target.name}), _only_there, is_about_shops=True),
}


def plan(organisation: Organisation, people: Sequence[User], act: Act, target: Target, origin: Origin) -> Plan:
    """Return what an act would do now."""
    left_out = [(user, refusal.message) for user in people if (refusal := _refusal(organisation, user, act, origin))]
    spared = {user.id for user, _ in left_out}
    done = {*act.done(organisation, people, target)} - spared
    unchanged = tuple(user for user in people if user.id in done)
    return Plan(tuple(user for user in people if user.id not in done | spared), unchanged, tuple(left_out))


def carry_out(
    settings: Settings, organisation: Organisation, user_ids: Iterable[str], act: Act, target: Target, origin: Origin
) -> Outcome:
    """Carry an act out. Raises ``ConfirmationRequired`` at the first user who needs more confirmation."""
    changed, ended, left_out, shops = 0, 0, list[LeftOut](), dict[str, tuple[Shops, Shops]]()
    for user_id in user_ids:
        with transaction():
            user = (users.lock_user if act.is_about_shops else users.user)(organisation.id, user_id)
            if user is None:
                continue
            refusal = _refusal(organisation, user, act, origin)
            before = _held_by(user) if act.is_about_shops else None
            sessions = None if refusal else act.do(settings, organisation, user, origin, target)
            if sessions is not None and act.is_about_shops:
                shops[user_id] = before, _held_by(users.user(organisation.id, user_id) or user)
        if refusal is not None:
            left_out.append((user, refusal.message))
        if sessions is not None:
            changed, ended = changed + 1, ended + sessions
    return Outcome(changed, ended, tuple(left_out), shops)


def give_back(
    settings: Settings, organisation: Organisation, shops: Mapping[str, tuple[Shops, Shops]], origin: Origin
) -> Outcome:
    """Give users the shops that they had before an act. Those whose shops were changed since then are left out."""
    changed, left_out = 0, list[LeftOut]()
    for user_id, (before, after) in shops.items():
        user = users.user(organisation.id, user_id)
        if user is None:
            continue
        try:
            with transaction():
                now = users.lock_user(organisation.id, user_id) or user
                permissions.require_over(organisation, now, origin)
                if _held_by(now) != after:
                    raise Conflict(CHANGED_SINCE)
                wanted = _codes_of(organisation, before)
                changed += bool(accounts.change(settings, organisation, now, {"shops": wanted}, origin))
        except Refusal as refusal:  # a shop of theirs may be closed by now
            left_out.append((user, refusal.message))
    return Outcome(changed, 0, tuple(left_out))


def _held_by(user: User) -> Shops:
    held = users.shops_of(user.organisation_id, user.id)
    return None if user.all_shops else sorted([shop.code, shop.id] for shop in held)


def _codes_of(organisation: Organisation, shops: Shops) -> list[str] | None:
    """Return the codes of shops, which stay until the transaction ends. Raises ``Invalid`` for one that was closed."""
    there = set(memberships.hold_shops(organisation.id, [shop_id for _, shop_id in shops])) if shops else set()
    for code, shop_id in shops or ():
        if shop_id not in there:
            raise Invalid("shops", belongings.MISSING["shops"].about(name=code))
    return None if shops is None else [code for code, _ in shops]


def _refusal(organisation: Organisation, user: User, act: Act, origin: Origin) -> Refusal | None:
    try:
        permissions.require_over(organisation, user, origin)
        if act.spares:
            permissions.require_another(user, origin)
            require_not_owner(organisation, user)
    except Refusal as refusal:
        return refusal
    return None
