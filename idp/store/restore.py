"""Void whole tables in a restore. No request is served then, so these statements may read and lock everything.

A backup is a state of the past. Whatever in it works once, or until somebody ends it, may have been used or ended since.
"""

from datetime import datetime

from sqlalchemy import delete, func, insert, select, update

from idp.statements import values, write
from idp.store import clients
from idp.store.attempts import Attempt
from idp.store.browsers import Browser, BrowserUser
from idp.store.client_registrations import RegistrationToken
from idp.store.consents import Consent
from idp.store.email_links import EmailLink
from idp.store.grants import AuthorizationCode, Grant, RefreshToken
from idp.store.jobs import Job, JobLine
from idp.store.outbox import OutgoingMail
from idp.store.owner_recoveries import OwnerRecovery
from idp.store.passkeys import Passkey
from idp.store.password_resets import PasswordReset
from idp.store.recovery_codes import RecoverySet
from idp.store.remembered_devices import RememberedDevice
from idp.store.restore_notices import RestoreNotice
from idp.store.sessions import UserSession
from idp.store.stash import Stashed
from idp.store.totp import Totp
from idp.store.users import User

WHY = "restored"
"""In sessions, grants and recoveries; for mails a word of ``idp.mail.smtp.Failure``."""


def end_sign_ins(now: datetime) -> None:
    """End sessions, sign-ins in progress and trust in devices. Forget browsers: their cookies may have been replaced."""
    write(update(UserSession).where(UserSession.ended_at.is_(None)).values(ended_at=now, ended_why=WHY))
    write(update(Attempt).where(Attempt.finished_at.is_(None)).values(finished_at=now, sealed=""))
    write(update(RememberedDevice).where(RememberedDevice.revoked_at.is_(None)).values(revoked_at=now))
    for forgotten in (Stashed, BrowserUser, Browser):
        write(delete(forgotten))


def revoke_grants(now: datetime) -> None:
    """Revoke grants with their codes and tokens. Revoke consents too, because people may have withdrawn them."""
    write(update(Grant).where(Grant.revoked_at.is_(None)).values(revoked_at=now, revoked_why=WHY))
    write(update(AuthorizationCode).where(AuthorizationCode.expires_at > now).values(expires_at=now))
    write(update(RefreshToken).where(RefreshToken.sealed_successor != "").values(sealed_successor=""))
    write(update(Consent).where(Consent.revoked_at.is_(None)).values(revoked_at=now))


def void_mails(now: datetime) -> None:
    """Void mailed links and printed codes, requests for them, owner recoveries, waiting mails, and initial access tokens."""
    write(update(EmailLink).where(EmailLink.used_at.is_(None)).values(used_at=now, sealed_values=""))
    write(delete(PasswordReset))
    write(delete(RegistrationToken))
    write(update(OwnerRecovery).where(OwnerRecovery.ended_at.is_(None)).values(ended_at=now, ended_why=WHY))
    dropped = {"failed_at": now, "failure": WHY, "reason": "", "leased_until": None, "sealed_values": ""}
    write(update(OutgoingMail).where(OutgoingMail.sent_at.is_(None)).values(**dropped))


def drop_jobs(now: datetime) -> None:
    """Cancel jobs that were not done: they may have been discarded or done since. Wipe the printed codes of all."""
    is_open = Job.state.in_(("reading", "draft", "waiting", "running"))
    write(update(Job).where(is_open).values(state="cancelled", ended_at=now, leased_until=None))
    write(update(Job).where(Job.codes_until.is_not(None), Job.codes_shown_at.is_(None)).values(codes_shown_at=now))
    write(update(JobLine).where(JobLine.sealed_code != "").values(sealed_code=""))


def void_codes(now: datetime, step: int) -> None:
    """Void one-time passwords and recovery codes. Codes of authenticator apps count as used up to and with ``step``."""
    is_one_time = User.password_expires_at.is_not(None)
    write(update(User).where(is_one_time).values(password_hash=None, password_expires_at=None))
    write(update(RecoverySet).where(RecoverySet.removed_at.is_(None)).values(removed_at=now))
    write(update(Totp).where(Totp.removed_at.is_(None)).values(spent_until=step))


def close_users(now: datetime, organisation_id: str | None = None) -> int:
    """Disable all users, or those of one organisation. Returns how many were not disabled before."""
    here = [User.organisation_id == organisation_id] if organisation_id is not None else []
    return write(update(User).where(User.disabled_at.is_(None), *here).values(disabled_at=now, reach="disabled"))


def close_clients(now: datetime) -> int:
    """Disable all apps. Returns how many were not disabled before."""
    open_ones = [row.client_id for row in clients.clients() if row.disabled_at is None]
    return sum(clients.change_client(client_id, disabled_at=now) for client_id in open_ones)


def close_passwords() -> int:
    """Block every password until a new one is chosen, and passkeys alone. Returns how many passwords there were."""
    write(update(Passkey).where(Passkey.removed_at.is_(None)).values(user_verified_ever=False))
    return write(update(User).where(User.password_hash.is_not(None)).values(password_hash=None, password_expires_at=None))


def note_people() -> int:
    """Note every user who may sign in and has a verified address for the worker. Returns their number."""
    write(delete(RestoreNotice))  # of a restore before the backup
    here = (User.disabled_at.is_(None), User.email_verified_at.is_not(None))
    found = select(User.organisation_id, User.id).where(*here)
    return write(insert(RestoreNotice).from_select(["organisation_id", "user_id"], found))


def count_closed(begun_at: datetime) -> int:
    """Count the accounts that the restore closed and nobody has opened yet, in all organisations. For ``idp doctor``."""
    return int(values(select(func.count()).select_from(User).where(User.disabled_at == begun_at))[0][0])
