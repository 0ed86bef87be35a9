"""Show the outbox: mails that wait, were sent, or failed with their reason; and send one again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from flask import Blueprint, Response, abort, url_for

from idp import clock, factors
from idp.errors import Message, say
from idp.identity import mail_limits, mail_outbox
from idp.identity.mail_outbox import STATES
from idp.mail.smtp import Failure
from idp.store import outbox, users
from idp.store.outbox import OutgoingMail
from idp.sweeps import KEEP_DAYS
from idp.web import forms, pages, request_context
from idp.web.admin import guard
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin, Frame
from idp.web.pagination import List, Pages, page_of

HERE = "mail"
ABOUT = {
    **factors.NOTICES,
    "address_changed": say("E-mail address changed"),
    "address_confirm": say("Verify an e-mail address"),
    "address_restored": say("Change of e-mail address undone"),
    "address_verify": say("Verify an e-mail address"),
    "address_was_changed": say("E-mail address changed"),
    "approval_asked": say("Approval requested"),
    "disabled": say("Account disabled"),
    "factor_removed": say("Second factor removed"),
    "factor_reset": say("Second factor reset"),
    "invitation": say("Invitation"),
    "locked": say("Sign-in blocked after too many wrong attempts"),
    "one_time_password": say("One-time password"),
    "owner_recovery_announced": say("Recovery of the owner's account announced"),
    "owner_recovery_cancelled": say("Recovery of the owner's account stopped"),
    "owner_recovery_confirm": say("Confirm the recovery of the owner's account"),
    "owner_recovery_done": say("Owner's account recovered"),
    "ownership_offer": say("Ownership of the organisation offered"),
    "ownership_offered": say("Ownership of the organisation offered"),
    "ownership_transferred": say("The organisation has another owner"),
    "ownership_withdrawn": say("Offer of the ownership withdrawn"),
    "password_changed": say("Password changed"),
    "reset_password": say("Choose a new password"),
    "restored": say("Restored from a backup"),
    "sessions_ended": say("Signed out by an administrator"),
    "unlock": say("Second factor blocked after too many wrong attempts"),
    "unlocked": say("Second factor unblocked"),
}
"""Each template in words."""
OTHER = say("Another e-mail")
WHY: Mapping[str, Message] = {
    Failure.RECIPIENT: say("The recipient's mail server refuses this address. Check that it is right."),
    Failure.MESSAGE: say("The mail server refuses this e-mail."),
    Failure.RELAY: say("The installation's mail server refuses our e-mails. The installation administrator must fix this."),
    Failure.AWAY: say("The installation's mail server does not answer."),
    Failure.LATER: say("The mail server asks us to try again later."),
    Failure.RESTORED: say("The installation was restored from a backup, so this e-mail is not sent."),
    Failure.UNREADABLE: say("This e-mail cannot be opened. The installation administrator must look into it."),
    Failure.EXPIRED: say("The link or password in this e-mail expired before it could be sent."),
}
"""Why a mail did not leave, in words."""


@dataclass(frozen=True)
class MailRow:
    """Hold one mail: its subject, its user, its state, and why it did not leave (``why``, and ``reason`` as logged)."""

    id: str
    about: Message
    username: str
    recipient: str
    created_at: datetime
    sent_at: datetime | None
    failed_at: datetime | None
    tries: int
    due_at: datetime
    why: Message | None
    reason: str
    can_resend: bool


@dataclass(frozen=True)
class MailPage:
    """Hold a page of mails, newest first; ``state``: ``waiting``, ``sent``, ``failed``, or empty for all."""

    frame: Frame
    state: str
    rows: tuple[MailRow, ...]
    pages: Pages
    kept_days: int = KEEP_DAYS


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/<store_url>/mail", "mail", show)
    blueprint.add_url_rule("/<store_url>/mail/<mail_id>/resend", "resend_mail", resend, methods=["GET", "POST"])


def show(store_url: str) -> Response:
    """List the mails of one organisation."""
    return pages.render("admin/outbox.html", _page(guard.administrator(store_url, or_installation=True)))


def resend(store_url: str, mail_id: str) -> Response:
    """Ask, then try one again."""
    admin = guard.administrator(store_url, or_installation=True)
    row = outbox.mail(admin.organisation.id, mail_id) or abort(404)
    back = url_for("admin.mail", store_url=store_url)
    return confirm_then(admin, HERE, _question(row, back), partial(_resend, admin, row, back))


def _resend(admin: Admin, row: OutgoingMail, back: str) -> Response:
    mail_limits.admit_again(request_context.settings(), admin.origin, admin.organisation.id, row.id)
    mail_outbox.resend(admin.organisation.id, row.id, admin.origin)
    return guard.told(admin, back, say("The e-mail to %(address)s is tried again at once.", address=row.recipient))


def _question(row: OutgoingMail, back: str) -> Question:
    sentences = (
        say("The same e-mail goes to %(address)s once more.", address=row.recipient),
        say("If the first one did arrive, mail programs show both as one."),
    )
    return Question(say("Send this e-mail again?"), sentences, say("Send again"), back, asks_password=False)


def _page(admin: Admin) -> MailPage:
    at, state = admin.organisation, forms.asked("state")
    state = state if state in STATES else ""
    rows, beside = page_of(
        List("admin.mail", {"store_url": at.store_url, "state": state}),
        partial(outbox.place_of, at.id),
        partial(outbox.mails_of, at.id, state),
        lambda row: row.id,
    )
    names = users.usernames(at.id, {row.user_id for row in rows if row.user_id})
    shown = tuple(_described(row, names.get(row.user_id or "", "")) for row in rows)
    return MailPage(admin.frame(HERE), state, shown, beside)


def _described(row: OutgoingMail, username: str) -> MailRow:
    is_valid = row.expires_at is None or row.expires_at > clock.now()
    was_tried = row.sent_at is None and (row.failed_at is not None or row.tries > 0)
    return MailRow(
        id=row.id,
        about=ABOUT.get(row.template, OTHER),
        username=username,
        recipient=row.recipient,
        created_at=row.created_at,
        sent_at=row.sent_at,
        failed_at=row.failed_at,
        tries=row.tries,
        due_at=row.due_at,
        why=WHY.get(row.failure),
        reason="" if row.sent_at else row.reason,
        can_resend=is_valid and bool(row.sealed_values) and was_tried,
    )
