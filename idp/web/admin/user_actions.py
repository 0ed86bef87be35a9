"""Define the actions on a person: their buttons, questions and functions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from idp.audit import Origin
from idp.config import Settings
from idp.errors import Message, NotFound, say, say_many
from idp.identity import permissions, sensitive_changes
from idp.identity.accounts import invitations
from idp.identity.credentials import password_reset, second_factor, unlock
from idp.identity.owner import has_owner_role, owner_of
from idp.identity.ownership import owner_recovery, transfer
from idp.identity.sensitive_changes import Access, Confirmation, Kind
from idp.identity.users import status
from idp.mail.messages import can_be_written_to
from idp.store import rate_limits
from idp.store.organisations import Organisation
from idp.store.users import User
from idp.web.admin.confirm_dialog import reason_entered
from idp.web.confirmed_action import ConfirmedAction

SHOWN = Message("")
"""Of an action whose result is a page of its own."""


@dataclass(frozen=True)
class UserAction(ConfirmedAction[[Settings, Organisation, User, Origin], Any]):
    """Describe an action on a person. The sentences have a place for ``username``.

    ``gives`` or ``takes`` is the access that it changes, for ``sensitive_changes``. ``always_asks_password``: also if the
    rule needs less. ``tells``: what was done then, made of the result where it depends on that. ``is_shown``: its result is
    shown instead, once. ``asks_reason``: a reason may be given. ``require`` raises unless the acting person may see the
    question; ``do`` checks again.
    """

    gives: Kind | Callable[[User], Access] | None = None
    takes: Kind | None = None
    tells: Message | Callable[[Any], Message] = SHOWN
    asks_reason: bool = False
    always_asks_password: bool = False
    is_shown: bool = False
    require: Callable[[Organisation, User, Origin], None] = permissions.require_over

    def needs(self, user: User) -> Confirmation:
        """Return what the person must confirm before this is done to ``user``."""
        if self.always_asks_password:
            return Confirmation.FRESH_PROOF_AND_PASSWORD
        taken = Access(self.takes, user.role) if self.takes else None
        given = Access(self.gives, user.role) if isinstance(self.gives, str) else self.gives and self.gives(user)
        return sensitive_changes.needed(taken, given)

    def told(self, user: User, made: Any) -> Message:
        """Return what was done, in words."""
        message = self.tells(made) if callable(self.tells) else self.tells
        return message.about(username=user.username)


ENDS_ALL = say("Open sessions, recovery codes and remembered devices of %(username)s end at once.")
TELLS = say("%(username)s gets an e-mail about it. Without a verified address the owner gets it.")


def _recover(settings: Settings, organisation: Organisation, user: User, origin: Origin) -> None:
    """Start the recovery of the owner. Answers 404 for anybody else: an organisation has one owner to recover."""
    if user.id != organisation.owner_id:
        raise NotFound(detail="not the owner")
    owner_recovery.start(settings, organisation, origin)


def _disable(settings: Settings, organisation: Organisation, user: User, origin: Origin) -> int | None:
    return status.disable(settings, organisation, user, origin, reason=reason_entered())


def _disabled(ended: int | None) -> Message:
    if ended is None:
        return say("%(username)s was already disabled. Nothing has changed.")
    if ended == 0:
        return say("%(username)s is disabled. There was no open session.")
    return say_many(
        "%(username)s is disabled and signed out everywhere. %(num)s session ended.",
        "%(username)s is disabled and signed out everywhere. %(num)s sessions ended.",
        ended,
    )


def _sessions_ended(ended: int) -> Message:
    return say_many(
        "%(username)s is signed out everywhere. %(num)s session ended.",
        "%(username)s is signed out everywhere. %(num)s sessions ended.",
        ended,
    )


def _stop_recovery(settings: Settings, organisation: Organisation, _: User, origin: Origin) -> None:
    owner_recovery.cancel(settings, organisation, origin)


ACTIONS = {
    "reset-factor": UserAction(
        say("Reset the second factor of %(username)s?"),
        (say("%(username)s must set up a second factor at the next sign-in."), ENDS_ALL, TELLS),
        say("Reset the second factor"),
        second_factor.reset_factor,
        tells=say("The second factor of %(username)s is reset. They set up a new one at the next sign-in."),
        takes="second_factor",
    ),
    "remove-factor": UserAction(
        say("Remove the second factor of %(username)s?"),
        (say("A password alone is then enough for %(username)s, unless a second factor is required."), ENDS_ALL, TELLS),
        say("Remove the second factor"),
        second_factor.remove_factor,
        tells=say("The second factor of %(username)s is removed."),
        takes="second_factor",
    ),
    "one-time-password": UserAction(
        say("Send %(username)s a one-time password?"),
        (
            say("A new one-time password goes by e-mail to %(username)s alone. The current password stops working."),
            say("Open sessions and remembered devices end. The second factor does not change."),
        ),
        say("Send a one-time password"),
        password_reset.send_one_time_password,
        gives="one_time_password",
        tells=say("%(username)s gets a one-time password by e-mail."),
    ),
    "recover-owner": UserAction(
        say("Recover the account of %(username)s?"),
        (
            say("An e-mail goes to the registered address of %(username)s only. The recovery must be confirmed from there."),
            say("Every administrator is told and can stop the recovery. After a waiting time the second factor is removed."),
        ),
        say("Recover the owner's account"),
        _recover,
        gives="owner_recovery",
        tells=say("The recovery has started. %(username)s gets an e-mail to confirm it."),
    ),
    "stop-recovery": UserAction(
        say("Stop the recovery of the owner's account?"),
        (say("%(username)s keeps their second factor and password, and gets an e-mail about it."),),
        say("Stop the recovery"),
        _stop_recovery,
        tells=say("The recovery of the owner's account is stopped."),
        takes="owner_recovery",
        always_asks_password=True,
    ),
    "offer-ownership": UserAction(
        say("Offer %(username)s the ownership?"),
        (
            say(
                "%(username)s gets an e-mail, and becomes the owner by accepting the offer, signed in with a second factor."
            ),
            say("You then become an administrator. Only %(username)s can give the ownership back to you."),
            say_many(
                "Until then nothing changes. The offer is valid for %(num)s day; you can withdraw it.",
                "Until then nothing changes. The offer is valid for %(num)s days; you can withdraw it.",
                transfer.OPEN.days,
            ),
        ),
        say("Hand over the ownership"),
        transfer.offer,
        gives="ownership_offer",
        tells=say("%(username)s gets the offer by e-mail."),
        require=transfer.require_owner,
    ),
    "appoint-owner": UserAction(
        say("Make %(username)s the owner?"),
        (say("The organisation has no owner now. %(username)s and all administrators get an e-mail about it."),),
        say("Appoint as the owner"),
        transfer.appoint,
        tells=say("%(username)s is the owner now."),
        gives="ownership",
        require=transfer.require_vacancy,
    ),
    "invite": UserAction(
        say("Invite %(username)s by e-mail?"),
        (say("%(username)s gets an e-mail with a link to choose a first password. Opening the link verifies the address."),),
        say("Invite by e-mail"),
        invitations.invite,
        gives="invitation",
        tells=say("%(username)s gets the invitation by e-mail."),
    ),
    "print-code": UserAction(
        say("Print a code for %(username)s?"),
        (
            say("The code is shown once, to print and hand over. %(username)s uses it to choose a password."),
            say("Anybody with this paper can do so, so give it to that person only. An earlier code stops working."),
        ),
        say("Print a code"),
        invitations.print_code,
        gives=invitations.printed_access,
        is_shown=True,
    ),
    "end-sessions": UserAction(
        say("Sign %(username)s out everywhere?"),
        (say("All open sessions of %(username)s end, in all apps. Remembered devices stay remembered."), TELLS),
        say("End all sessions"),
        status.end_sessions,
        tells=_sessions_ended,
        takes="sessions",
    ),
    "disable": UserAction(
        say("Disable %(username)s?"),
        (
            say("%(username)s cannot sign in any more, until an administrator enables the account again."),
            say("Open sessions and remembered devices end at once."),
            TELLS,
        ),
        say("Disable"),
        _disable,
        takes="account",
        tells=_disabled,
        asks_reason=True,
    ),
    "enable": UserAction(
        say("Enable %(username)s?"),
        (say("%(username)s can sign in again, with the same password and second factor."),),
        say("Enable"),
        status.enable,
        tells=say("%(username)s can sign in again."),
        gives="account",
    ),
    "unlock": UserAction(
        say("Unblock %(username)s?"),
        (say("Wrong passwords and codes are cleared, so %(username)s can try again at once."),),
        say("Unblock"),
        unlock.unlock,
        tells=say("%(username)s is unblocked, and can try again at once."),
        takes="lockout",
    ),
}


@dataclass(frozen=True)
class Offer:
    """Hold an action that makes sense now."""

    name: str
    button: Message


def sensible(
    user: User, origin: Origin, organisation: Organisation, *, has_factor: bool, is_signed_in: bool
) -> tuple[Offer, ...]:
    """Return the actions on ``user`` that make sense now, for the acting person."""
    is_lost_owner = user.id == organisation.owner_id and permissions.is_operator(origin.actor_id)
    is_recovered = is_lost_owner and owner_recovery.under_way(organisation.id) is not None
    may_be_mailed = can_be_written_to(user)
    may_own, owner = transfer.is_fit(organisation, user), owner_of(organisation)
    is_new = user.last_login_at is None and user.disabled_at is None
    makes_sense = {
        "invite": is_new and bool(user.email),
        "print-code": user.disabled_at is None and not has_owner_role(user) and not may_be_mailed,
        "reset-factor": has_factor and not is_lost_owner,
        "remove-factor": has_factor and not is_lost_owner,
        "recover-owner": is_lost_owner and not is_recovered and user.disabled_at is None,
        "stop-recovery": is_recovered,
        "offer-ownership": may_own and owner is not None and owner.id == origin.actor_id,
        "appoint-owner": may_own and owner is None and permissions.is_operator(origin.actor_id),
        "one-time-password": user.disabled_at is None and may_be_mailed,
        "end-sessions": is_signed_in,
        "unlock": any(row.count for row in rate_limits.auth_failures_of(user.organisation_id, user.id)),
        "disable": user.disabled_at is None,
        "enable": user.disabled_at is not None,
    }
    lost = (Offer("lost-phone", say("Lost phone")),) if has_factor and not has_owner_role(user) else ()
    return lost + tuple(Offer(name, ACTIONS[name].button) for name, is_sensible in makes_sense.items() if is_sensible)
