"""Create users and change their fields, groups and shops: one transaction each, with its audit row.

Not here: the credentials of a new user (``credentials.imported``), disabling (``users.status``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from idp import clock, crypto
from idp.audit import Event, Origin, record_about
from idp.config import Settings
from idp.db import refuse_duplicate, transaction
from idp.errors import Conflict, Invalid, NotFound, say
from idp.identity import access, email_links, mail_limits, permissions, sensitive_changes
from idp.identity.accounts import belongings
from idp.identity.credentials import imported
from idp.identity.credentials.imported import Ready
from idp.identity.organisations import groups as group_changes
from idp.identity.owner import has_owner_role, make_first_owner, require_another_owner
from idp.identity.roles import Role, is_more
from idp.identity.sensitive_changes import PersonDetails, PersonState
from idp.identity.user_fields import DETAIL_COLUMNS, PersonDraft, changed_fields, columns_of
from idp.identity.users import email_address
from idp.store import organisations, users
from idp.store.organisations import Organisation
from idp.store.users import User


def create(
    settings: Settings,
    organisation: Organisation,
    draft: PersonDraft,
    origin: Origin,
    prepared: Ready | None = None,
) -> User:
    """Create a user; sends no mail. Raises ``Invalid`` naming the field.

    Slow if there are credentials to hash. If ``prepared`` has them, a transaction may be open.
    """
    permissions.require_role(organisation, draft.get("role"), origin)
    columns, is_verified = draft.columns(), bool(draft.get("email_verified"))
    is_chosen = not permissions.is_installation(origin)
    access.require_day(organisation.id, columns["role"], columns["valid_until"], is_new=is_chosen)
    _require_reachable(columns["role"], columns["email"], verified=is_verified)
    state = PersonState(columns["role"], columns["username"], columns["email"] or "", is_verified)
    sensitive_changes.require(None, state)
    prepared, now = prepared or imported.ready(settings, draft), clock.now()
    user = User(
        organisation_id=organisation.id,
        id=crypto.new_id(),
        created_at=now,
        email_verified_at=now if is_verified and columns["email"] else None,
        all_shops=draft.shops is None,
        **columns,
        **prepared.password_columns(now),
    )
    with transaction():
        _insert(settings, organisation, user, draft, prepared, origin)
    return user


def _insert(
    settings: Settings,
    organisation: Organisation,
    user: User,
    draft: PersonDraft,
    prepared: Ready,
    origin: Origin,
) -> None:
    if has_owner_role(user):
        organisations.lock_owner(organisation.id)  # before the row that refers to it: of two first owners one waits
    with refuse_duplicate("username", _taken(user.username)):  # S2
        users.add_user(user)
    groups = belongings.group_ids(organisation, draft.groups)
    shops = belongings.shop_ids(organisation, draft.shops or ())
    belongings.hold(organisation.id, groups, shops)
    users.add_to_groups(organisation.id, user.id, groups)
    users.add_shops(organisation.id, user.id, shops)
    imported.store(settings, user, prepared, user.created_at)
    if has_owner_role(user):
        make_first_owner(user)
    record_about(origin, Event.USER_CREATED, user, role=user.role)


def _taken(username: str) -> Invalid:
    return Invalid("username", say("The username %(username)s is taken.", username=username))


def _require_free(organisation: Organisation, fresh: Mapping[str, Any]) -> None:
    """Raise ``Invalid`` if another user has the new username."""
    if "username_key" in fresh and users.user_named(organisation.id, fresh["username_key"]) is not None:
        raise _taken(fresh.get("username", fresh["username_key"]))


def _require_reachable(role: str, email: str | None, *, verified: bool) -> None:
    """Raise ``Invalid`` for an owner without a verified address (S54)."""
    if role == Role.OWNER and not (email and verified):
        raise Invalid("email", say("An owner needs a verified e-mail address."))


def _require_not_own_address(user: User, origin: Origin) -> None:
    """Raise ``Invalid`` for the acting user: in the profile the old address can undo the change (S52)."""
    if origin.actor_id == user.id:
        raise Invalid("email", say("This is your own account. Change your e-mail address in your profile."))


def _require_lasting(user: User, fresh: Mapping[str, Any], origin: Origin) -> None:
    """Raise unless another last day, or another role beside it, may be given and is confirmed (``identity.access``)."""
    role, day = fresh.get("role", user.role), fresh.get("valid_until", user.valid_until)
    is_chosen = "valid_until" in fresh and not permissions.is_installation(origin)
    access.require_day(user.organisation_id, role, day, is_new=is_chosen)
    access.require_confirmed(user, fresh, origin)


def change(
    settings: Settings,
    organisation: Organisation,
    user: User,
    changes: Mapping[str, Any],
    origin: Origin,
    check: Callable[[User], None] = lambda _: None,
) -> tuple[str, ...]:
    """Change fields, groups and shops by name, in one transaction. Returns the names of those that changed.

    ``check`` looks at the locked user first, and raises if nothing may be saved.
    Raises ``Invalid`` naming a field, ``Forbidden`` if the acting user may not. A new address is unverified unless
    ``email_verified`` is given too.

    Lock order: the organisation's row if the role changes, then the user's. Everything is decided again from the locked row,
    so that the second of two concurrent edits sees the first. A user that does not change is not locked.
    """
    permissions.require_over(organisation, user, origin)
    role = user.role
    if changes.get("role", role) != role:
        permissions.require_new_role(organisation, user, changes["role"], origin)
    edit = _planned(organisation, user, changes, origin)
    if not edit.changed:
        return ()
    if "email_key" in edit.fresh:  # before the transaction: the audit row of a refusal must stay
        _admit_mails(settings, user, str(edit.fresh.get("email") or ""), origin)
    with transaction():
        if changes.get("role", role) != role:
            require_another_owner(user)
        user = _locked(user, role)
        check(user)
        permissions.require_over(organisation, user, origin)  # of two who demote each other one stays
        before, edit = email_address.Address.of(user), _planned(organisation, user, changes, origin)
        named = edit.moved | changed_fields(user, edit.fresh)  # before the row changes
        _write(user, edit)
        if "email_key" in edit.fresh:
            email_address.told_of_change(settings, user, before)
        if edit.changed:
            record_about(origin, Event.USER_CHANGED, user, changed=sorted(edit.changed))
    return tuple(sorted(named))


def _write(user: User, edit: "_Edit") -> None:
    """Write an edit of a locked user, and what a new role brings with it."""
    _move(user, edit)
    if edit.fresh:
        with refuse_duplicate("username", _taken(edit.fresh.get("username", user.username))):
            users.change_user(user.organisation_id, user.id, **access.columns(edit.fresh))
    if is_more(edit.fresh.get("role", user.role), user.role):
        email_links.void_on_promotion(user)
    if edit.fresh.get("role") == Role.OWNER:
        make_first_owner(user)


def _locked(user: User, role: str) -> User:
    """Return the user, locked until the commit; raises ``Conflict`` if their role is no longer ``role``."""
    found = users.lock_user(user.organisation_id, user.id)
    if found is None:
        raise NotFound(detail="the user was removed")
    if found.role != role:
        raise Conflict(say("Somebody else has just changed this person. Reload the page."))
    return found


@dataclass(frozen=True)
class _Belongings:
    """The ids of a user's groups and shops. ``shops``: None for all."""

    groups: frozenset[str]
    shops: frozenset[str] | None


@dataclass(frozen=True)
class _Edit:
    """What an edit changes of a user: the ``fresh`` columns, and the groups and shops."""

    fresh: Mapping[str, Any]
    held: _Belongings
    wanted: _Belongings

    @property
    def moved(self) -> set[str]:
        """Return ``groups`` and ``shops`` if they change."""
        return {name for name in ("groups", "shops") if getattr(self.held, name) != getattr(self.wanted, name)}

    @property
    def changed(self) -> set[str]:
        """Return the names of the columns that change, with ``groups`` and ``shops``."""
        return {*self.fresh, *self.moved}


def _planned(organisation: Organisation, user: User, changes: Mapping[str, Any], origin: Origin) -> _Edit:
    """Return what an edit changes. Raises if it is invalid, not allowed, or not confirmed."""
    fields = {name: value for name, value in changes.items() if name not in ("groups", "shops")}
    columns = _verified_columns(user, columns_of(fields, user.claims), changes)
    _require_reachable(
        columns.get("role", user.role),
        columns.get("email", user.email),
        verified=columns.get("email_verified_at", user.email_verified_at) is not None,
    )
    fresh = {key: value for key, value in columns.items() if getattr(user, key) != value}
    if "email_key" in fresh:
        _require_not_own_address(user, origin)
    _require_lasting(user, fresh, origin)
    _require_free(organisation, fresh)
    held = _belongings(user)
    edit = _Edit(fresh, held, _wanted(organisation, held, changes))
    if edit.changed:
        _require_confirmed(organisation, user, edit)
    return edit


def _move(user: User, edit: _Edit) -> None:
    """Write the groups and shops that an edit changes."""
    wanted = {name: getattr(edit.wanted, name) or () for name in edit.moved}
    belongings.hold(user.organisation_id, wanted.get("groups", ()), wanted.get("shops", ()))
    if "groups" in edit.changed:
        users.put_in_groups(user.organisation_id, user.id, edit.wanted.groups)
    if "shops" in edit.changed:
        users.put_in_shops(user.organisation_id, user.id, edit.wanted.shops or ())
        users.change_user(user.organisation_id, user.id, all_shops=edit.wanted.shops is None)


def _admit_mails(settings: Settings, user: User, address: str, origin: Origin) -> None:
    """Count the mails to the old and the new address (S52); raises ``TooMany``."""
    for recipient in (user.email, address):
        if recipient:
            mail_limits.admit(settings, origin, user, recipient)


def _belongings(user: User) -> _Belongings:
    groups = frozenset(group.id for group in users.groups_of(user.organisation_id, user.id))
    shops = None if user.all_shops else frozenset(shop.id for shop in users.shops_of(user.organisation_id, user.id))
    return _Belongings(groups, shops)


def _wanted(organisation: Organisation, held: _Belongings, changes: Mapping[str, Any]) -> _Belongings:
    """Return what the user belongs to after the changes; raises ``Invalid`` for a group or shop that does not exist."""
    groups, shops = held.groups, held.shops
    if "groups" in changes:
        groups = frozenset(belongings.group_ids(organisation, changes["groups"]))
    if "shops" in changes:
        shops = None if changes["shops"] is None else frozenset(belongings.shop_ids(organisation, changes["shops"]))
    return _Belongings(groups, shops)


def _require_confirmed(organisation: Organisation, user: User, edit: _Edit) -> None:
    """Raise ``ConfirmationRequired`` unless the acting user confirmed what the edit needs."""
    present = {column.name: getattr(user, column.name) for column in User.__table__.columns}
    before = _states(organisation, present, edit.held)
    after = _states(organisation, present | dict(edit.fresh), edit.wanted)
    sensitive_changes.require(before[0], after[0])
    sensitive_changes.require(before[1], after[1])


def _states(
    organisation: Organisation, columns: Mapping[str, Any], belongings: _Belongings
) -> tuple[PersonState, PersonDetails]:
    requiring = {
        group.id
        for group in organisations.groups(organisation.id)
        if group.id in belongings.groups and group_changes.requires_factor(group)
    }
    state = PersonState(
        role=columns["role"],
        username=columns["username"],
        email=columns["email"] or "",
        email_verified=columns["email_verified_at"] is not None,
        requiring_groups=frozenset(requiring),
        shops=belongings.shops,
    )
    kept = tuple(columns[name] for name in DETAIL_COLUMNS)
    return state, PersonDetails(columns["role"], (*kept, *sorted(belongings.groups - requiring)))


def _verified_columns(user: User, columns: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns with ``email_verified_at``: it belongs to an address, so a new address is unverified."""
    is_new = "email" in columns and columns["email_key"] != user.email_key
    verified = changes.get("email_verified")
    if verified is None:
        return {**columns, "email_verified_at": None} if is_new else columns
    has_address = bool(columns.get("email", user.email))
    since = user.email_verified_at if user.email_verified_at and not is_new else clock.now()
    return {**columns, "email_verified_at": since if verified and has_address else None}
