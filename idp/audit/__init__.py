"""Record what happened in the transaction in which it happened, chained by hash for each organisation.

``record`` only queues. The rows are the last statements before the commit, so the head of a chain is locked only briefly. A
rollback drops them. Rows hold ids, never names, secrets or text that somebody entered, but for the reason that an
administrator gives for this log.

Here too: checking a chain (``chain``) and reading it (``search``). Not here: who may read it (``identity.permissions``), and
the words for an event (``web.admin.audit``, ``identity.users.activity``).
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from itertools import groupby
from typing import Any

from idp import actors, clock, metrics
from idp.actors import NOBODY, Actor
from idp.audit.chain import link
from idp.db import after_commit, before_commit, is_in_transaction, unit
from idp.records import changed
from idp.store import audit as store
from idp.store.users import User

QUEUE = "audit"


class Event(StrEnum):
    """Name an event as ``subject:action``."""

    SIGNED_IN = "login:started"
    STEPPED_UP = "login:stepped_up"
    SIGNED_OUT = "login:ended"
    SESSIONS_ENDED = "login:all_ended"
    APP_NOT_TOLD = "login:app_not_told"
    ACCOUNT_LOCKED = "account:locked"
    ACCOUNT_UNLOCKED = "account:unlocked"
    USER_CREATED = "user:created"
    USER_CHANGED = "user:changed"
    USER_DISABLED = "user:disabled"
    USER_ENABLED = "user:enabled"
    ACCESS_ENDED = "user:access_ended"
    PASSWORD_WRONG = "password:wrong"
    PASSWORD_CHANGED = "password:changed"
    PASSWORD_SENT = "password:one_time_sent"
    PASSWORD_LEAKED = "password:found_leaked"
    LEAKED_NOTICE_ANSWERED = "password:leaked_notice_answered"
    LEAKED_CHECK_DOWN = "password:leaked_check_down"
    FACTOR_SET_UP = "factor:set_up"
    FACTOR_SET_UP_AGAIN = "factor:set_up_again"
    FACTOR_REMOVED = "factor:removed"
    APP_REMOVED = "factor:app_removed"
    APP_RENAMED = "factor:app_renamed"
    FACTOR_RESET = "factor:reset"
    FACTOR_REQUIRED = "factor:required"
    CODE_WRONG = "factor:code_wrong"
    FACTOR_OFFER_DECLINED = "factor:offer_declined"
    PASSKEY_ADDED = "passkey:added"
    PASSKEY_RENAMED = "passkey:renamed"
    PASSKEY_REMOVED = "passkey:removed"
    PASSKEY_WRONG = "passkey:wrong"
    PASSKEY_BEHIND = "passkey:counter_behind"
    RECOVERY_CODES_MADE = "recovery:codes_made"
    RECOVERY_CODE_WRONG = "recovery:code_wrong"
    LAST_RECOVERY_CODE_SHOWN = "recovery:last_code_shown"
    RECOVERY_CODE_USED = "recovery:code_used"
    BYPASS_CODE_ISSUED = "recovery:bypass_issued"
    BYPASS_CODE_USED = "recovery:bypass_used"
    DEVICE_REMEMBERED = "device:remembered"
    DEVICE_FORGOTTEN = "device:forgotten"
    DEVICES_FORGOTTEN = "device:all_forgotten"
    GRANT_ISSUED = "grant:issued"
    GRANT_REVOKED = "grant:revoked"
    REUSE_FOUND = "grant:reuse_found"
    TERMINAL_APPROVED = "terminal:approved"
    TERMINAL_DENIED = "terminal:denied"
    APPROVAL_ASKED = "approval:asked"
    APPROVAL_GIVEN = "approval:given"
    APPROVAL_DENIED = "approval:denied"
    CONSENT_GIVEN = "consent:given"
    CONSENT_REVOKED = "consent:revoked"
    CLIENT_CREATED = "client:created"
    CLIENT_CHANGED = "client:changed"
    CLIENT_DELETED = "client:deleted"
    CLIENT_TESTED = "client:tested"
    CLIENT_SECRET_MADE = "client:secret_made"
    CLIENT_SECRET_ENDED = "client:secret_ended"
    REGISTRATION_TOKEN_MADE = "registration_token:made"
    REGISTRATION_TOKEN_REVOKED = "registration_token:revoked"
    ORGANISATION_CREATED = "organisation:created"
    ORGANISATION_CHANGED = "organisation:changed"
    ORGANISATION_DISABLED = "organisation:disabled"
    ORGANISATION_ENABLED = "organisation:enabled"
    SHOP_CHANGED = "shop:changed"
    GROUP_CHANGED = "group:changed"
    POLICY_CHANGED = "policy:changed"
    MAIL_RESENT = "mail:resent"
    MAIL_LIMITED = "mail:limited"
    MAIL_GIVEN_UP = "mail:given_up"
    KEY_MADE = "key:made"
    KEY_ROTATED = "key:rotated"
    RESET_ASKED = "password:reset_asked"
    INVITED = "user:invited"
    INVITATION_TAKEN = "user:invitation_taken"
    ADDRESS_ASKED = "address:change_asked"
    ADDRESS_CHANGED = "address:changed"
    ADDRESS_VERIFIED = "address:verified"
    ADDRESS_RESTORED = "address:restored"
    OWNER_RECOVERY_STARTED = "owner_recovery:started"
    OWNER_RECOVERY_CONFIRMED = "owner_recovery:confirmed"
    OWNER_RECOVERY_CANCELLED = "owner_recovery:cancelled"
    OWNER_RECOVERY_EXPIRED = "owner_recovery:expired"
    OWNER_RECOVERY_DONE = "owner_recovery:done"
    OWNERSHIP_OFFERED = "ownership:offered"
    OWNERSHIP_WITHDRAWN = "ownership:withdrawn"
    OWNERSHIP_GIVEN = "ownership:given"
    OWNERSHIP_TAKEN = "ownership:taken"
    OWNER_APPOINTED = "ownership:appointed"
    PEOPLE_EXPORTED = "people:exported"
    AUDIT_EXPORTED = "audit:exported"
    IMPORT_STARTED = "people:import_started"
    IMPORT_CANCELLED = "people:import_cancelled"
    CODES_SHOWN = "people:codes_shown"
    OPERATOR_ADDED = "operator:added"
    RESTORED = "installation:restored"


WRONG = frozenset((Event.PASSWORD_WRONG, Event.CODE_WRONG, Event.PASSKEY_WRONG, Event.RECOVERY_CODE_WRONG))
"""Wrong proofs."""


@dataclass(frozen=True)
class Origin:
    """Name the actor and place of an act. ``client_id``: the app that it is done for. ``label``: the browser in words."""

    actor: Actor = NOBODY
    _: KW_ONLY
    address: str = ""
    request_id: str = ""
    client_id: str = ""
    label: str = ""

    @classmethod
    def of_user(cls, user_id: str) -> "Origin":
        """Return the origin of this person's act from an unknown place. An empty id gives nobody's origin."""
        return cls(actors.of_user(user_id))

    @property
    def actor_id(self) -> str:
        """Return the actor as the audit log stores it: a user's id, a word such as ``cli``, or nothing."""
        return actors.stored(self.actor)


@dataclass(frozen=True)
class Entry:
    """Hold an event until the commit."""

    organisation_id: str
    event: str
    outcome: str
    at: datetime
    origin: Origin
    subject_id: str
    data: Mapping[str, Any] = field(default_factory=dict)


def record(
    origin: Origin,
    event: str,
    *,
    organisation_id: str = "",
    subject_id: str = "",
    outcome: str = "success",
    data: Mapping[str, Any] | None = None,
) -> None:
    """Queue a row for ``event`` in this transaction. Raises ``RuntimeError`` outside a transaction."""
    if not is_in_transaction():
        raise RuntimeError("an audit record stands outside transaction()")
    entry = Entry(organisation_id, str(event), outcome, clock.now(), origin, subject_id, dict(data or {}))
    unit().waiting.setdefault(QUEUE, []).append(entry)
    if event in WRONG:
        after_commit(partial(metrics.count_sign_in, str(event)))


def record_about(origin: Origin, event: str, user: User, *, outcome: str = "success", **data: object) -> None:
    """Queue a row for ``event`` about a user, with ``data``, in this transaction."""
    record(origin, event, organisation_id=user.organisation_id, subject_id=user.id, outcome=outcome, data=data)


def last_recorded(organisation_id: str, subject_id: str) -> Entry | None:
    """Return the latest event about a user in this transaction. A mail about it tells the same."""
    queue: list[Entry] = unit().waiting.get(QUEUE, [])
    theirs = (
        entry for entry in reversed(queue) if (entry.organisation_id, entry.subject_id) == (organisation_id, subject_id)
    )
    return next(theirs, None)


@before_commit
def _write_queue() -> None:
    """Write the queued rows. All commits lock organisations in the same order, so two of them cannot deadlock.

    It runs at the end of the transaction, not of each savepoint: the head of a chain is locked only briefly. Undoing a
    savepoint alone keeps the rows queued before it.
    """
    queue: list[Entry] = unit().waiting.pop(QUEUE, [])
    ordered = sorted(queue, key=lambda entry: entry.organisation_id)  # stable: keeps the order within an organisation
    for organisation_id, entries in groupby(ordered, key=lambda entry: entry.organisation_id):
        _extend_chain(organisation_id, list(entries))


def _extend_chain(organisation_id: str, entries: list[Entry]) -> None:
    head = store.lock_head(organisation_id)
    seq, previous = head.seq, head.hash
    rows = []
    for entry in entries:
        seq += 1
        rows.append(_row(entry, seq, previous))
        previous = rows[-1].hash
    store.add_rows(rows)
    store.move_head(organisation_id, seq, previous)


def _row(entry: Entry, seq: int, previous: bytes) -> store.AuditRow:
    row = store.AuditRow(
        organisation_id=entry.organisation_id,
        seq=seq,
        at=entry.at,
        event=entry.event,
        outcome=entry.outcome,
        actor_id=entry.origin.actor_id,
        subject_id=entry.subject_id,
        client_id=entry.origin.client_id[:200],
        address=entry.origin.address[:45],
        label=entry.origin.label[:100],
        request_id=entry.origin.request_id[:26],
        data=dict(entry.data),
        previous=previous,
    )
    return changed(row, hash=link(row))
