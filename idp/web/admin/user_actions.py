"""What can be done to a person: the buttons, the questions they lead to, and the function below that does it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from idp.audit import Origin
from idp.config import Settings
from idp.errors import Message, NotFound, say, say_many
from idp.identity import permissions, sensitive_changes
from idp.identity.accounts import invitations
from idp.identity.credentials import password_reset, second_factor, unlock
from idp.identity.ownership import owner_recovery, transfer
from idp.identity.sensitive_changes import Access, Confirmation, Kind
from idp.identity.users import status
from idp.mail.messages import can_be_written_to
from idp.store import rate_limits
from idp.store.organisations import Organisation
from idp.store.users import User


@dataclass(frozen=True)
class Act:
    """Something done to a person. ``label``: the button that leads to it; the sentences have a place for ``username``.

    ``gives`` or ``takes`` is the way in that it changes, for ``sensitive_changes``. ``always_asks_password``: also where the
    rule needs less. ``require`` raises unless the acting person may be asked at all; ``do`` decides once more.
    """

    label: Message
    heading: Message
    sentences: tuple[Message, ...]
    do: Callable[..., Any]
    gives: Kind | None = None
    takes: Kind | None = None
    done: str = "done"
    always_asks_password: bool = False
    is_shown: bool = False
    """Whether what was made is shown, once."""
    require: Callable[[Organisation, User, Origin], None] = permissions.require_over

    def needs(self, user: User) -> Confirmation:
        """Return what the person must confirm before this is done to ``user``."""
        if self.always_asks_password:
            return Confirmation.FRESH_PROOF_AND_PASSWORD
        taken = Access(self.takes, user.role) if self.takes else None
        given = Access(self.gives, user.role) if self.gives else None
        return sensitive_changes.needed(taken, given)


ENDS_ALL = say("Open sessions, recovery codes and remembered devices of %(username)s end at once.")
TELLS = say("%(username)s gets a mail about it; without a verified address the owner does.")


def _recover(settings: Settings, organisation: Organisation, user: User, origin: Origin) -> None:
    """An organisation has one owner to recover: this must be them."""
    if user.id != organisation.owner_id:
        raise NotFound(detail="not the owner")
    owner_recovery.start(settings, organisation, origin)


def _stop_recovery(settings: Settings, organisation: Organisation, _: User, origin: Origin) -> None:
    owner_recovery.cancel(settings, organisation, origin)


ACTS = {
    "reset-factor": Act(
        say("Reset the second factor"),
        say("Reset the second factor of %(username)s?"),
        (say("%(username)s must set up a second factor at the next sign-in."), ENDS_ALL, TELLS),
        second_factor.reset_factor,
        takes="second_factor",
    ),
    "remove-factor": Act(
        say("Remove the second factor"),
        say("Remove the second factor of %(username)s?"),
        (say("A password alone is then enough for %(username)s, unless a second factor is compulsory."), ENDS_ALL, TELLS),
        second_factor.remove_factor,
        takes="second_factor",
    ),
    "one-time-password": Act(
        say("Send a one-time password"),
        say("Send %(username)s a one-time password?"),
        (
            say("A new one-time password goes by e-mail to %(username)s alone. The present password stops working."),
            say("Open sessions and remembered devices end. The second factor stays as it is."),
        ),
        password_reset.send_one_time_password,
        gives="one_time_password",
        done="sent",
    ),
    "recover-owner": Act(
        say("Start a recovery of the owner"),
        say("Recover %(username)s, who lost everything?"),
        (
            say("A mail goes to the registered address of %(username)s, and nowhere else; there it must be confirmed."),
            say("Every administrator is told and can cancel it. After a waiting time the second factor is taken away."),
        ),
        _recover,
        gives="owner_recovery",
        done="sent",
    ),
    "stop-recovery": Act(
        say("Stop the recovery"),
        say("Stop the recovery of the owner?"),
        (say("%(username)s keeps the second factor and the password that they have, and is told."),),
        _stop_recovery,
        takes="owner_recovery",
        always_asks_password=True,
    ),
    "offer-ownership": Act(
        say("Hand over the ownership"),
        say("Offer %(username)s the ownership?"),
        (
            say("%(username)s gets a mail, and becomes the owner by accepting, signed in with a second factor."),
            say("You then become an administrator. Only %(username)s can give the ownership back to you."),
            say_many(
                "Until then nothing changes. The offer is valid for %(num)s day; you can take it back.",
                "Until then nothing changes. The offer is valid for %(num)s days; you can take it back.",
                transfer.OPEN.days,
            ),
        ),
        transfer.offer,
        gives="ownership_offer",
        done="sent",
        require=transfer.require_owner,
    ),
    "appoint-owner": Act(
        say("Appoint as the owner"),
        say("Make %(username)s the owner?"),
        (say("The organisation has no owner now. %(username)s and all its administrators are told by mail."),),
        transfer.appoint,
        gives="ownership",
        require=transfer.require_vacancy,
    ),
    "invite": Act(
        say("Invite by e-mail"),
        say("Invite %(username)s by e-mail?"),
        (say("%(username)s gets a mail with a link to choose a first password. Opening it verifies the address."),),
        invitations.invite,
        gives="invitation",
        done="sent",
    ),
    "print-code": Act(
        say("Print a code"),
        say("Print a code for %(username)s?"),
        (
            say("The code is shown once, to print and hand over. With it %(username)s chooses a password."),
            say("Anybody with this paper can do so: give it to that person alone. An earlier code stops working."),
        ),
        invitations.print_code,
        gives="printed_code",
        is_shown=True,
    ),
    "end-sessions": Act(
        say("End all sessions"),
        say("Sign %(username)s out everywhere?"),
        (say("All open sessions of %(username)s end, in all apps. Remembered devices stay remembered."), TELLS),
        status.end_sessions,
        takes="sessions",
    ),
    "disable": Act(
        say("Disable"),
        say("Disable %(username)s?"),
        (
            say("%(username)s cannot sign in any more, until an administrator allows it again."),
            say("Open sessions and remembered devices end at once."),
            TELLS,
        ),
        status.disable,
        takes="account",
    ),
    "enable": Act(
        say("Enable"),
        say("Let %(username)s sign in again?"),
        (say("Password and second factor are what they were."),),
        status.enable,
        gives="account",
    ),
    "unlock": Act(
        say("Unblock"),
        say("Unblock %(username)s?"),
        (say("Wrong passwords and codes are forgotten, so %(username)s can try again at once."),),
        unlock.unlock,
        takes="lockout",
    ),
}


@dataclass(frozen=True)
class Offer:
    """An act that makes sense now."""

    name: str
    label: Message


def sensible(
    user: User, origin: Origin, organisation: Organisation, *, has_factor: bool, is_signed_in: bool
) -> tuple[Offer, ...]:
    """The acts that make sense for a user now, offered to who acts."""
    is_lost_owner = user.id == organisation.owner_id and permissions.is_operator(origin.actor_id)
    is_recovered = is_lost_owner and owner_recovery.under_way(organisation.id) is not None
    may_be_mailed = can_be_written_to(user)
    may_own, owner = transfer.is_fit(organisation, user), transfer.owner_of(organisation)
    is_new = user.last_login_at is None and user.disabled_at is None
    makes_sense = {
        "invite": is_new and bool(user.email),
        "print-code": user.disabled_at is None and user.role != "owner" and not may_be_mailed,
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
    return tuple(Offer(name, ACTS[name].label) for name, fits in makes_sense.items() if fits)
