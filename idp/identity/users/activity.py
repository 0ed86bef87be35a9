"""Tell a user's recent events in sentences, from the audit log. Events without a sentence here are not shown."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from idp import actors, factors, ip_network
from idp.actors import System
from idp.audit import Event
from idp.errors import Message, listed, say
from idp.factors import FACTORS
from idp.store import audit, clients
from idp.store.audit import AuditRow
from idp.store.users import User

PAGE = 30
Data = Mapping[str, Any]

PLAIN: Mapping[str, Message] = {
    **factors.EVENTS,
    Event.STEPPED_UP: say("Identity confirmed again"),
    Event.SESSIONS_ENDED: say("Open sessions ended"),
    Event.ACCOUNT_LOCKED: say("Sign-in blocked after too many wrong attempts"),
    Event.ACCOUNT_UNLOCKED: say("Sign-in unblocked"),
    Event.USER_CREATED: say("Account created"),
    Event.USER_DISABLED: say("Account disabled"),
    Event.USER_ENABLED: say("Account enabled"),
    Event.ACCESS_ENDED: say("Access ended after its last day"),
    Event.PASSWORD_WRONG: say("Wrong password entered"),
    Event.PASSWORD_CHANGED: say("Password changed"),
    Event.PASSWORD_SENT: say("One-time password sent by e-mail"),
    Event.PASSWORD_LEAKED: say("Password found on a list of leaked passwords"),
    Event.LEAKED_NOTICE_ANSWERED: say("Reminder about a leaked password answered"),
    Event.FACTOR_REMOVED: say("Second factor removed"),
    Event.FACTOR_RESET: say("Second factor reset"),
    Event.FACTOR_REQUIRED: say("Second factor required at the next sign-in"),
    Event.FACTOR_OFFER_DECLINED: say("Setting up a second factor postponed"),
    Event.RESET_ASKED: say("New password requested by e-mail"),
    Event.INVITED: say("Invitation created"),
    Event.INVITATION_TAKEN: say("Invitation accepted"),
    Event.ADDRESS_ASKED: say("New e-mail address entered"),
    Event.ADDRESS_CHANGED: say("E-mail address changed"),
    Event.ADDRESS_VERIFIED: say("E-mail address verified"),
    Event.ADDRESS_RESTORED: say("Change of e-mail address undone"),
    Event.OWNER_RECOVERY_STARTED: say("Recovery of the owner's account started"),
    Event.OWNER_RECOVERY_CONFIRMED: say("Recovery of the owner's account confirmed"),
    Event.OWNER_RECOVERY_CANCELLED: say("Recovery of the owner's account stopped"),
    Event.OWNER_RECOVERY_EXPIRED: say("Recovery of the owner's account not confirmed in time"),
    Event.OWNER_RECOVERY_DONE: say("Owner's account recovered"),
    Event.OWNERSHIP_OFFERED: say("Ownership of the organisation offered"),
    Event.OWNERSHIP_WITHDRAWN: say("Offer of the ownership withdrawn"),
    Event.OWNERSHIP_GIVEN: say("Ownership of the organisation handed over"),
    Event.OWNERSHIP_TAKEN: say("Ownership of the organisation accepted"),
    Event.OWNER_APPOINTED: say("Appointed owner of the organisation"),
    Event.TERMINAL_APPROVED: say("Signed in on a device without a keyboard"),
    Event.TERMINAL_DENIED: say("Sign-in on a device without a keyboard denied"),
    Event.APPROVAL_ASKED: say("An app asked for an approval"),
    Event.APPROVAL_GIVEN: say("Approval given to an app"),
    Event.APPROVAL_DENIED: say("Approval denied to an app"),
    Event.APP_NOT_TOLD: say("An app could not be told about a sign-out"),
    Event.MAIL_RESENT: say("E-mail sent again"),
    Event.MAIL_LIMITED: say("E-mail not sent: too many in a short time"),
    Event.MAIL_GIVEN_UP: say("E-mail could not be delivered"),
    Event.OPERATOR_ADDED: say("Made an installation administrator"),
}
"""Events that always have the same sentence."""


@dataclass(frozen=True)
class Happening:
    """An event as a user reads it. ``browser`` is empty where none was used. ``by``: who acted, None for the user."""

    what: Message
    at: datetime
    browser: str
    place: Message | None
    by: Message | None
    went_wrong: bool


@dataclass(frozen=True)
class History:
    """A page of events, newest first. ``older``: where the next page begins, 0 for none."""

    happenings: tuple[Happening, ...]
    older: int


def of_person(user: User, before: int = 0) -> History:
    """Return the events of a user before the row numbered ``before`` (0: the newest)."""
    rows = audit.rows_about(user.organisation_id, user.id, limit=PAGE + 1, before=before)
    shown = rows[:PAGE]
    names = clients.names({row.client_id for row in shown if row.client_id})
    return History(tuple(_happenings(user, shown, names)), shown[-1].seq if len(rows) > PAGE else 0)


def _happenings(user: User, rows: Iterable[AuditRow], names: Mapping[str, str]) -> Iterable[Happening]:
    for row in rows:
        what = sentence(row.event, row.data, names.get(row.client_id, ""))
        if what is not None:
            by = _by(user, row)
            place = ip_network.in_words(row.address) if row.address else None
            yield Happening(what, row.at, row.label, place, by, row.outcome != "success")


FIELDS: Mapping[str, Message] = {
    "username": say("Username"),
    "name": say("Name"),
    "email": say("E-mail"),
    "phone_number": say("Telephone"),
    "role": say("Role"),
    "groups": say("Groups"),
    "shops": say("Shops"),
    "locale": say("Language"),
    "time_zone": say("Time zone"),
    "valid_until": say("Valid until"),
}
"""Details that a change names; the others are claims, and columns that go with these."""


def sentence(event: str, data: Data, app: str = "") -> Message | None:
    """Return the sentence of an event; None for none. ``app``: the name of the client, for events about one."""
    if event in PLAIN:
        return PLAIN[event]
    made = BY_DATA.get(event)
    return made(data, app) if made else None


def _signed_in(data: Data, _: str) -> Message:
    methods = set(data.get("methods", ()))
    for factor in reversed(FACTORS):
        if factor.signed_in and methods & {method.name for method in factor.methods}:
            return factor.signed_in
    if methods == {"password"}:
        return say("Signed in with password")
    return say("Signed in")


def _changed(data: Data, _: str) -> Message:
    named = [FIELDS[one] for one in data.get("changed", ()) if one in FIELDS]
    if not named:
        return say("Details changed")
    return say("Details changed: %(fields)s", fields=listed(named))


def _signed_out(data: Data, _: str) -> Message:
    return say("Signed out") if data.get("why") == "signed_out" else say("Session ended")


def _app(with_name: Callable[[str], Message], without: Message) -> Callable[[Data, str], Message]:
    return lambda _, app: with_name(app) if app else without


BY_DATA: Mapping[str, Callable[[Data, str], Message]] = {
    Event.SIGNED_IN: _signed_in,
    Event.SIGNED_OUT: _signed_out,
    Event.USER_CHANGED: _changed,
    Event.GRANT_ISSUED: _app(lambda app: say("Signed in to %(app)s", app=app), say("Signed in to an app")),
    Event.GRANT_REVOKED: _app(lambda app: say("Access of %(app)s ended", app=app), say("Access of an app ended")),
    Event.REUSE_FOUND: _app(
        lambda app: say("Access of %(app)s ended, because it was used in two places", app=app),
        say("Access of an app ended, because it was used in two places"),
    ),
    Event.CONSENT_GIVEN: _app(
        lambda app: say("%(app)s allowed to see your details", app=app), say("An app allowed to see your details")
    ),
    Event.CONSENT_REVOKED: _app(lambda app: say("%(app)s no longer allowed", app=app), say("An app no longer allowed")),
}
"""Events whose sentence depends on their data."""


def _by(user: User, row: AuditRow) -> Message | None:
    """Return who acted, unless the user did. Administrators are not named to the user."""
    if row.actor_id in ("", user.id):
        return None
    return say("by the system") if isinstance(actors.of_stored(row.actor_id), System) else say("by an administrator")
