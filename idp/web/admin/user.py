"""Show one person: their data, the actions on them, and why a second factor is (not) required of them (S11, S47, S49)."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from flask import Blueprint, Response, abort, request, url_for

from idp import clock, factors
from idp.errors import Invalid, Message, say
from idp.identity import assurance, permissions, policy_dry_run
from idp.identity.credentials import authenticator_apps, passkeys
from idp.identity.policy import dated_rules
from idp.identity.policy.rules import Reason
from idp.identity.roles import ROLE_NAMES
from idp.identity.sensitive_changes import Confirmation
from idp.identity.users import lookup
from idp.store import clients, users
from idp.store import sessions as session_rows
from idp.store.organisations import Organisation
from idp.store.users import User
from idp.web import forms, pages, post_redirect_get, request_context
from idp.web.account.authenticator_apps import App, app_of
from idp.web.account.passkeys import Key, key_of
from idp.web.admin import guard
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin, Frame
from idp.web.admin.person import Person
from idp.web.admin.user_actions import ACTIONS, Offer, UserAction, sensible
from idp.web.admin.user_pages import HERE, Choices, address_of, person_at

SESSIONS = 10
"""The newest sessions stand on a person's page. The list of sessions has all of them."""


@dataclass(frozen=True)
class Session:
    """Hold an open session. ``label``: the browser in words; ``address``: its IP address."""

    label: str
    address: str
    started_at: datetime


@dataclass(frozen=True)
class PersonPage:
    """Hold one person. ``factor_since``: None without an authenticator app; ``reasons``: what makes a factor compulsory.

    ``sessions``: the newest; there may be more.
    """

    frame: Frame
    person: Person
    role: Message
    groups: tuple[str, ...]
    shops: tuple[str, ...]
    has_factor: bool
    factor_since: datetime | None
    apps: tuple[App, ...]
    keys: tuple[Key, ...]
    codes_left: int
    must_set_up: bool
    reasons: tuple[Message, ...]
    sessions: tuple[Session, ...]
    is_self: bool
    may_change: bool
    offers: tuple[Offer, ...]
    has_more_sessions: bool = False


@dataclass(frozen=True)
class PrintedCodePage:
    """Hold a code to hand over on paper, shown this once; ``address``: where it is entered.

    ``link``: the address for the QR code. It names the organisation, never the code: a camera keeps what it has read.
    """

    frame: Frame
    user_id: str
    username: str
    name: str
    code: str
    address: str
    link: str
    on: datetime
    until: datetime


@dataclass(frozen=True)
class ExplainPage:
    """Hold the reasons for a requirement on a day, at an app or anywhere; ``needed`` in words."""

    frame: Frame
    user_id: str
    username: str
    client_id: str
    on: str
    clients: Choices
    needed: Message
    reasons: tuple[Reason, ...]
    errors: tuple[Message, ...] = ()


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    person_path = "/<store_url>/people/<user_id>"
    blueprint.add_url_rule(person_path, "person", show)
    blueprint.add_url_rule(f"{person_path}/explain", "explain_person", explain)
    blueprint.add_url_rule(f"{person_path}/<act>", "act_on_person", act_on_person, methods=["GET", "POST"])


def show(store_url: str, user_id: str) -> Response:
    """Show one user."""
    admin = guard.administrator(store_url, or_installation=True)
    return pages.render("admin/user.html", _page(admin, person_at(admin, user_id)))


def act_on_person(store_url: str, user_id: str, act: str) -> Response:
    """Ask, then carry out one of ``ACTIONS``. Permission is checked before the question and again when it is done."""
    chosen = ACTIONS.get(act) or abort(404)
    admin = guard.administrator(store_url, or_installation=True)
    user = person_at(admin, user_id)
    chosen.require(admin.organisation, user, admin.origin)
    guard.administrator(store_url, fresh=chosen.needs(user) > Confirmation.NOTHING, or_installation=True)
    question = _question(admin, user, chosen)
    return confirm_then(admin, HERE, question, partial(_carry_out, admin, user, chosen))


def explain(store_url: str, user_id: str) -> Response:
    """Explain why the user is asked for a second factor, or is not."""
    admin = guard.administrator(store_url, or_installation=True)
    return pages.render("admin/explain.html", _explained(admin, person_at(admin, user_id)))


def _carry_out(admin: Admin, user: User, action: UserAction) -> Response:
    made = action.do(request_context.settings(), admin.organisation, user, admin.origin)
    if not action.is_shown:
        return guard.told(admin, address_of(admin, user.id), action.told(user, made))
    post_redirect_get.land_at(address_of(admin, user.id))
    return pages.render("admin/printed_code.html", _printed(admin, user, made))


def _printed(admin: Admin, user: User, code: str) -> PrintedCodePage:
    settings, store_url = request_context.settings(), admin.organisation.store_url
    return PrintedCodePage(
        frame=admin.frame(HERE),
        user_id=user.id,
        username=user.username,
        name=user.name,
        code=code,
        address=settings.issuer + url_for("reset.welcome"),
        link=settings.issuer + url_for("reset.welcome", organisation=store_url),
        on=clock.now(),
        until=clock.ahead(hours=settings.lifetimes.invitation_hours),
    )


def _question(admin: Admin, user: User, action: UserAction) -> Question:
    named = {"username": user.username}
    return Question(
        action.heading.about(**named),
        tuple(sentence.about(**named) for sentence in action.sentences),
        action.button,
        address_of(admin, user.id),
        asks_password=action.needs(user) == Confirmation.FRESH_PROOF_AND_PASSWORD,
        asks_reason=action.asks_reason,
    )


def _page(admin: Admin, user: User) -> PersonPage:
    settings, at, now = request_context.settings(), admin.organisation, clock.now()
    person = lookup.person_of(settings, at, user)
    sessions = tuple(
        Session(row.label, row.address, row.started_at)
        for row in session_rows.sessions_of(at.id, user.id, now, None, SESSIONS + 1)
    )
    is_self, may_change = user.id == admin.me.user.id, permissions.is_over(at, user, admin.origin)
    offers = sensible(user, admin.origin, at, has_factor=person.has_factor, is_signed_in=bool(sessions))
    return PersonPage(
        frame=admin.frame(HERE),
        person=Person.of(user, at.zone),
        role=ROLE_NAMES[user.role],
        groups=tuple(group.name for group in person.groups),
        shops=tuple(shop.name for shop in users.shops_of(at.id, user.id)),
        has_factor=person.has_factor,
        factor_since=factors.since(at.id, user.id).get(factors.APP.name),
        apps=tuple(app_of(row) for row in authenticator_apps.apps_of(user)),
        keys=tuple(key_of(row) for row in passkeys.passkeys_of(user)),
        codes_left=person.recovery_codes_left,
        must_set_up=person.must_set_up,
        reasons=tuple(reason.message for reason in lookup.rules_of(settings, at, person, now).compulsory_because),
        sessions=sessions[:SESSIONS],
        has_more_sessions=len(sessions) > SESSIONS,
        is_self=is_self,
        may_change=may_change,
        offers=offers if may_change and not is_self else (),
    )


def _explained(admin: Admin, user: User) -> ExplainPage:
    settings, at = request_context.settings(), admin.organisation
    serving = clients.serving(at.id)
    chosen = next((row for row in serving if row.client_id == request.args.get("client")), None)
    on, errors = chosen_day(at)
    readable = dated_rules.readable_here(at, admin.origin)
    reasons = policy_dry_run.explained(settings, at, user, on, chosen, readable)
    strongest = max((reason.level for reason in reasons), default=0)
    return ExplainPage(
        frame=admin.frame(HERE),
        user_id=user.id,
        username=user.username,
        client_id=chosen.client_id if chosen else "",
        on=on.isoformat(),
        clients=(("", say("Any app")), *((row.client_id, row.name) for row in serving)),
        needed=assurance.NEEDED[strongest],
        reasons=tuple(sorted(reasons, key=lambda reason: -reason.level)),
        errors=errors,
    )


def chosen_day(organisation: Organisation) -> tuple[date, tuple[Message, ...]]:
    """Read the day of the question, ``on``. Returns the organisation's today, and the error, if it is no day."""
    today, typed = policy_dry_run.today(organisation), forms.asked("on", 10)
    try:
        return (forms.day("on", typed) if typed else today), ()
    except Invalid as wrong:
        return today, (wrong.message,)
