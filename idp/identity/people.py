"""People: who somebody is, what is asked of them, and every change to them, each one transaction with audit and mail.

Who may make which change is decided in ``authority``, never in a page, a command or a file.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from idp import clock, normal_forms, zones
from idp.audit import Event, Origin, record_by
from idp.config import Settings
from idp.db import transaction
from idp.errors import Forbidden
from idp.identity import addresses, authority, links, logins, policy, sensitive_changes
from idp.identity.dated_rules import rule_of
from idp.identity.details import PersonDraft
from idp.identity.members import change, create
from idp.identity.organisations import settings_of
from idp.identity.policy import ClientRule, Membership, Person
from idp.identity.sensitive_changes import Access
from idp.mail.messages import notify
from idp.normal_forms import compared
from idp.store import attempts, credentials, devices, limits, organisations, passkeys, users
from idp.store.organisations import Organisation
from idp.store.users import User

__all__ = ["PersonDraft", "change", "compared", "create"]


def find(organisation_id: str, typed: str) -> User | None:
    """The user of an organisation whose username was typed, however its letters' case and width.

    Older rows may be look-alikes by invisible characters, which only exactly the same text finds (`idp doctor` names them).
    """
    key, exact = compared(typed), normal_forms.compared_exactly(typed)
    found = users.user_named(organisation_id, exact) if exact != key and 0 < len(exact) <= 254 else None
    return found or (users.user_named(organisation_id, key) if 0 < len(key) <= 254 else None)


def find_to_sign_in(organisation_id: str, typed: str) -> User | None:
    """Return the user whose username was typed, or else whose verified address it is, if it is one person's alone.

    Apps often know an address and send it as ``login_hint``. Guesses count for the person found, as by the username.
    """
    named = find(organisation_id, typed)
    if named is not None or "@" not in typed or len(typed) > 254:
        return named
    reached = users.users_reached_at(organisation_id, compared(typed))
    return reached[0] if len(reached) == 1 else None


@dataclass(frozen=True)
class Holdings:
    """What policy weighs of a user beside their own row. ``keys``: for each passkey, whether it is attested hardware."""

    groups: tuple[Membership, ...]
    has_totp: bool
    keys: Sequence[bool]
    codes_left: int


def person_of(settings: Settings, organisation: Organisation, user: User) -> Person:
    """A user as policy sees them."""
    recovery_set = credentials.active_recovery_set(user.organisation_id, user.id)
    held = Holdings(
        groups=tuple(Membership(group.name, group.requires_mfa) for group in users.groups_of(user.organisation_id, user.id)),
        has_totp=credentials.active_totp(user.organisation_id, user.id) is not None,
        keys=passkeys.kinds_of(user.organisation_id, user.id),
        codes_left=credentials.unspent_recovery_codes(user.organisation_id, recovery_set.id) if recovery_set else 0,
    )
    return _person(organisation, user, held, counts=settings_of(settings, organisation).remembered_device_counts)


def persons_of(settings: Settings, organisation: Organisation) -> Iterator[Person]:
    """All people of an organisation who are not disabled, in as many statements for ten thousand as for ten."""
    counts = settings_of(settings, organisation).remembered_device_counts
    requiring = {group.name: group.requires_mfa for group in organisations.groups(organisation.id)}
    groups: dict[str, list[Membership]] = defaultdict(list)
    for user_id, name in users.group_names(organisation.id):
        groups[user_id].append(Membership(name, requiring[name]))
    keys: dict[str, list[bool]] = defaultdict(list)
    for user_id, is_hardware in passkeys.kinds(organisation.id):
        keys[user_id].append(is_hardware)
    has_totp, codes_left = credentials.totp_owners(organisation.id), credentials.codes_left(organisation.id)
    for user in users.users(organisation.id):
        if user.disabled_at is None:
            held = Holdings(tuple(groups[user.id]), user.id in has_totp, keys[user.id], codes_left.get(user.id, 0))
            yield _person(organisation, user, held, counts=counts)


def _person(organisation: Organisation, user: User, held: Holdings, *, counts: bool) -> Person:
    return Person(
        organisation_id=user.organisation_id,
        user_id=user.id,
        username=user.username,
        role=user.role,
        groups=held.groups,
        store_url=organisation.store_url,
        country=organisation.country,
        integrations=tuple(organisation.integrations),
        remembered_device_counts=counts,
        has_totp=held.has_totp,
        has_passkey=bool(held.keys),
        has_hardware_key=any(held.keys),
        recovery_codes_left=held.codes_left,
        must_set_up=user.must_set_up_since is not None,
        must_change_password=user.must_change_password,
        disabled=user.disabled_at is not None,
    )


def rules_of(
    settings: Settings,
    organisation: Organisation,
    person: Person,
    at: datetime,
    client: ClientRule | None = None,
) -> policy.Rules:
    """What is asked of a person at a moment, at a client or anywhere.

    Dated rules start and end at midnight in the organisation's time zone.
    """
    if person.organisation_id != organisation.id:
        raise LookupError("a person of another organisation")
    rules = [rule_of(row) for row in organisations.policies()]
    return policy.rules_for(person, rules, settings.acr.names, zones.today(at, organisation.zone), client)


def _record(origin: Origin, event: Event, user: User, **data: Any) -> None:
    record_by(origin, event, organisation_id=user.organisation_id, subject_id=user.id, data=data)


def end_everything(user: User, why: str, origin: Origin, *, keep_login_id: str = "", keep_attempt: bytes = b"") -> None:
    """Logins, grants, sign-ins in progress and trust in devices: nothing of before goes on (S40, S47)."""
    logins.end_all(user.organisation_id, user.id, why, origin, keep_login_id=keep_login_id)
    attempts.drop_attempts_of(user.organisation_id, user.id, but_not=keep_attempt)
    devices.revoke_devices(user.organisation_id, user.id, clock.now())


def disable(settings: Settings, organisation: Organisation, user: User, origin: Origin) -> bool:
    """Bar a user: everything of theirs ends at once. False where they were disabled already."""
    authority.require_over(organisation, user, origin)
    authority.require_another(user, origin)
    if user.disabled_at is not None:
        return False
    sensitive_changes.require(Access("account", user.role), None)
    with transaction():
        authority.require_another_owner(organisation, user)
        users.change_user(organisation.id, user.id, disabled_at=clock.now())
        links.void(user, "ownership")
        end_everything(user, "disabled", origin)
        _record(origin, Event.USER_DISABLED, user)
        notify(settings, organisation.id, user.id, "disabled")
    return True


def enable(settings: Settings, organisation: Organisation, user: User, origin: Origin) -> bool:
    """Let a disabled user sign in again. False where they were enabled already."""
    authority.require_over(organisation, user, origin)
    if user.disabled_at is None:
        return False
    sensitive_changes.require(None, Access("account", user.role))
    with transaction():
        users.change_user(organisation.id, user.id, disabled_at=None)
        _record(origin, Event.USER_ENABLED, user)
    return True


def unlock(settings: Settings, organisation: Organisation, user: User, origin: Origin) -> bool:
    """Forget all failures of a user, the hard stop too. False where there were none."""
    authority.require_over(organisation, user, origin)
    sensitive_changes.require(Access("lockout", user.role), None)
    with transaction():
        if not limits.clear_failures(organisation.id, user.id):
            return False
        _record(origin, Event.ACCOUNT_UNLOCKED, user)
    return True


def end_sessions(settings: Settings, organisation: Organisation, user: User, origin: Origin) -> int:
    """Sign a user out everywhere; how many logins ended. Trust in devices stays (S37)."""
    authority.require_self_or_over(organisation, user, origin)
    sensitive_changes.require(Access("sessions", user.role), None)
    with transaction():
        users.lock_user(user.organisation_id, user.id)
        attempts.drop_attempts_of(organisation.id, user.id)
        ended = logins.end_all(organisation.id, user.id, "ended_by_request", origin)
        if ended and origin.actor_id != user.id:
            notify(settings, organisation.id, user.id, "sessions_ended")
        return ended


def reset_factor(settings: Settings, organisation: Organisation, user: User, origin: Origin) -> None:
    """Take a user's second factor away and make a set-up compulsory at the next sign-in (S47)."""
    now = clock.now()
    with transaction():
        users.lock_user(user.organisation_id, user.id)
        authority.require_over_factor(organisation, user, origin)
        authority.require_another(user, origin)
        sensitive_changes.require(Access("second_factor", user.role), None)
        _drop_factor(user, now)
        users.change_user(organisation.id, user.id, must_set_up_since=now)
        end_everything(user, "factor_reset", origin)
        _record(origin, Event.FACTOR_RESET, user)
        addresses.tell_of_factor(settings, user, "factor_reset")


def remove_factor(
    settings: Settings,
    organisation: Organisation,
    user: User,
    origin: Origin,
    *,
    keep_login_id: str = "",
    keep_attempt: bytes = b"",
) -> bool:
    """Take a user's second factor away, with codes and trust in devices (S28). False where there was none.

    People may do so to themselves unless it is compulsory for them (S7: ``Forbidden``); administrators to others (S47).
    """
    with transaction():
        users.lock_user(user.organisation_id, user.id)  # the rights and the rules are those of this moment
        _require_may_remove(settings, organisation, user, origin)
        sensitive_changes.require(Access("second_factor", user.role), None)
        if not _drop_factor(user, clock.now()):
            return False
        users.change_user(organisation.id, user.id, must_set_up_since=None)
        end_everything(user, "factor_removed", origin, keep_login_id=keep_login_id, keep_attempt=keep_attempt)
        _record(origin, Event.FACTOR_REMOVED, user)
        addresses.tell_of_factor(settings, user, "factor_removed")
    return True


def _require_may_remove(settings: Settings, organisation: Organisation, user: User, origin: Origin) -> None:
    authority.require_self_or_over(organisation, user, origin)
    if origin.actor_id == user.id:
        require_voluntary(settings, organisation, user)
    else:
        authority.require_over_factor(organisation, user, origin)


def require_voluntary(settings: Settings, organisation: Organisation, user: User) -> None:
    """Raise ``Forbidden``, saying what makes it compulsory, where a user may not switch their second factor off (S7)."""
    rules = rules_of(settings, organisation, person_of(settings, organisation, user), clock.now())
    if rules.must_own:
        raise Forbidden(rules.compulsory_because[0].message, detail="a second factor is compulsory")


def _drop_factor(user: User, now: datetime) -> bool:
    """Whether there was one: app and passkeys. Recovery codes die with them, for they stand in for a factor."""
    had = credentials.remove_totp(user.organisation_id, user.id, now)
    had += passkeys.remove_passkeys(user.organisation_id, user.id, now)
    had += credentials.remove_recovery_set(user.organisation_id, user.id, now)
    users.change_user(user.organisation_id, user.id, factor_changed_at=now)
    return had > 0
