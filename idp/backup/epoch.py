"""Begin a new epoch in a restored database: nothing works again that was used, revoked, ended, disabled or replaced since.

Everything that works once, or until it is ended, is voided for everybody. Accounts, passwords, second factors and apps are
closed if they changed since the backup. If the changes are unknown, all of them are closed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from idp import factors
from idp.actors import System
from idp.audit import Event, Origin, record
from idp.backup.changes import Changes
from idp.batches import BATCH
from idp.config import Settings
from idp.db import transaction
from idp.identity.credentials import passwords, totp
from idp.mail.messages import can_be_written_to, notify_person
from idp.store import audit, clients, disabled_organisations, outbox, restore, restore_notices, user_states, users
from idp.store import epoch as store
from idp.store.users import User

ORIGIN = Origin(System("cli"))
AHEAD = totp.WINDOW
"""Steps: the code of the next step may have been used already, by a clock that is a little ahead."""
AT_ONCE, MOST_WAITING = 200, 100
"""How many people are written to in one transaction, and how many mails may wait before it."""


@dataclass(frozen=True)
class Closed:
    """How much a restore closed until an operator opens it again."""

    accounts: int = 0
    passwords: int = 0
    factors: int = 0
    clients: int = 0


@dataclass(frozen=True)
class Restored:
    """What is restored: a backup's moment and name, and the known changes since (None: nothing is known).

    ``keep_passwords``: the backup's passwords work even if the changes are unknown, although some may have been replaced.
    """

    backup_at: datetime
    backup_id: str
    changes: Changes | None
    keep_passwords: bool = False


def make_void(restored: Restored, now: datetime) -> tuple[Closed, int]:
    """Void, close and record in the audit log, in one transaction. The database does not serve yet.

    Returns what was closed, and to how many people the worker will write.
    """
    with transaction():
        restore.end_sign_ins(now)
        restore.revoke_grants(now)
        restore.void_mails(now)
        restore.drop_jobs(now)
        restore.void_codes(now, totp.step_at(now) + AHEAD)
        closed = _close_all(restored, now) if restored.changes is None else _close_changed(restored.changes, now)
        notified = restore.note_people()
        _record(restored, closed)
    return closed, notified


def _close_all(restored: Restored, now: datetime) -> Closed:
    closed = 0 if restored.keep_passwords else restore.close_passwords()
    return Closed(restore.close_users(now), closed, 0, restore.close_clients(now))


def _close_changed(changes: Changes, now: datetime) -> Closed:
    accounts = sum(restore.close_users(now, organisation_id) for organisation_id in sorted(changes.removed))
    for organisation_id in sorted(changes.disabled):
        disabled_organisations.disable(organisation_id, now)
    found = {account: user for account in {*changes.passwords, *changes.factors} if (user := users.user(*account))}
    for user in found.values():
        passwords.close(user, restore.WHY, ORIGIN)
    for organisation_id, user_id in changes.required:
        users.change_user(organisation_id, user_id, must_set_up_since=now)
    reset = [user for account, user in found.items() if account in changes.factors]
    for user in reset:
        factors.drop_all(user.organisation_id, user.id, now)
        users.change_user(user.organisation_id, user.id, must_set_up_since=now, factor_changed_at=now)
        user_states.renew_factors(user.organisation_id, user.id)
    open_ones = [user for account, user in found.items() if account in changes.accounts and user.disabled_at is None]
    for user in open_ones:
        users.change_user(user.organisation_id, user.id, disabled_at=now)
    closed = [row.client_id for row in clients.some(changes.clients) if row.disabled_at is None]
    for client_id in closed:
        clients.change_client(client_id, disabled_at=now)
    return Closed(accounts + len(open_ones), len(found), len(reset), len(closed))


def _record(restored: Restored, closed: Closed) -> None:
    """Note the gap in every chain: the rows that follow the backup's last one have numbers that were given before."""
    details = {"backup": restored.backup_id, "backup_at": restored.backup_at.isoformat()}
    details |= {"is_known": "no" if restored.changes is None else "yes"}
    whole = {"accounts": closed.accounts, "passwords": closed.passwords, "factors": closed.factors, "apps": closed.clients}
    for organisation_id in {audit.INSTALLATION, *audit.chain_ids()}:
        own = whole if organisation_id == audit.INSTALLATION else {}
        record(ORIGIN, Event.RESTORED, organisation_id=organisation_id, data=details | own)


def of_client(client_id: str) -> Origin:
    """Return the origin of a command's change to an app."""
    return Origin(System("cli"), client_id=client_id)


def note_people(people: Iterable[User]) -> int:
    """Have these people told by the worker, those who have a verified address. Returns how many those are."""
    reached = [user for user in people if can_be_written_to(user)]
    for at in range(0, len(reached), BATCH):
        with transaction():
            for user in reached[at : at + BATCH]:
                restore_notices.note(user.organisation_id, user.id)
    return len(reached)


def tell_some(settings: Settings) -> None:
    """Write to some of the people who wait to be told of a restore, once to each. For the worker.

    Not while other mails wait to leave: somebody who wants to choose a new password must not wait until all are told.
    """
    now = store.epoch()
    if now is None or now.backup_at is None or not restore_notices.waiting(1):
        return
    waiting = outbox.waiting()
    if waiting is not None and waiting[0] >= MOST_WAITING:
        return
    with transaction():
        for organisation_id, user_id in restore_notices.take(AT_ONCE):
            user = users.user(organisation_id, user_id)
            if user is not None and user.disabled_at is None:
                values = {"since": now.backup_at.isoformat(), "password_closed": user.password_hash is None}
                notify_person(settings, user, "restored", values)


def begin(now: datetime, backup_at: datetime) -> None:
    """Let the database serve. This is the last step of a restore."""
    with transaction():
        store.begin(now, backup_at)
