"""Show the sign-in details: second factor, recovery codes, password, remembered devices."""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response

from idp import clock, factors
from idp.errors import Message, say
from idp.factor import Panel
from idp.factors import FACTORS
from idp.identity.credentials import authenticator_apps, remembered_devices
from idp.identity.users import lookup
from idp.store.users import User
from idp.web import pages, request_context
from idp.web.account.current_user import Me, SignInFirst, me, visiting
from idp.web.account.outcome import outcome
from idp.web.pagination import NO_PAGES, List, Pages, requested


@dataclass(frozen=True)
class Device:
    """Hold a remembered device (S40). ``label``: the browser in words."""

    id: str
    label: str
    since: datetime
    last_used_at: datetime | None
    until: datetime


@dataclass(frozen=True)
class FactorPanel:
    """A factor with its own page. ``text``, ``link``: what there is, and the words of the way to that page."""

    endpoint: str
    title: Message
    text: Message
    link: Message


@dataclass(frozen=True)
class SecurityPage:
    """The sign-in details. ``active_since`` is None without an app; ``reasons`` say what makes it compulsory (S7).

    ``active``: the state in words of a user without an app, None if no factor is active.
    ``recommends``: the notice of S10 for people who have none and need none, until dismissed.
    """

    username: str
    name: str
    organisation_name: str
    active_since: datetime | None
    apps: int
    """How many authenticator apps there are."""
    has_factor: bool
    codes_left: int
    reasons: tuple[Message, ...]
    recommends: bool
    password_changed_at: datetime | None
    devices: tuple[Device, ...]
    active: Message | None = None
    panels: tuple[FactorPanel, ...] = ()
    email: str = ""
    email_is_verified: bool = False
    password_is_leaked: bool = False
    done: Message | None = None
    device_pages: Pages = NO_PAGES


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/account/security", "security", security)
    blueprint.register_error_handler(SignInFirst, lambda first: first.response)


def security() -> Response:
    """Show the page of S25."""
    return pages.render("account/security.html", security_page(me(visiting())))


def security_page(present: Me) -> SecurityPage:
    """Make the page from the rows."""
    settings, user = request_context.settings(), present.user
    person = lookup.person_of(settings, present.organisation, user)
    rules = lookup.rules_of(settings, present.organisation, person, clock.now())
    since = factors.since(user.organisation_id, user.id)
    devices, beside = _devices(user)
    return SecurityPage(
        username=user.username,
        name=user.name,
        organisation_name=present.organisation.name,
        active_since=since.get(factors.APP.name),
        apps=len(authenticator_apps.apps_of(user)),
        has_factor=person.has_factor,
        codes_left=person.recovery_codes_left,
        reasons=tuple(reason.message for reason in rules.compulsory_because),
        recommends=not person.has_factor and not rules.must_own and user.notice_dismissed_at is None,
        password_changed_at=user.password_changed_at,
        devices=devices,
        device_pages=beside,
        active=next((factor.panel.active for factor in FACTORS if factor.panel and factor.name in since), None),
        panels=tuple(_panel(factor.panel, user) for factor in FACTORS if factor.panel),
        email=user.email or "",
        email_is_verified=user.email_verified_at is not None,
        password_is_leaked=user.leaked_found_at is not None,
        done=outcome(present),
    )


def _panel(panel: Panel, user: User) -> FactorPanel:
    count = panel.count(user.organisation_id, user.id)
    text, link = (panel.has(count), say("Manage")) if count else (panel.lacks, panel.add)
    return FactorPanel(f"account.{panel.endpoint}", panel.title, text, link)


def _devices(user: User) -> tuple[tuple[Device, ...], Pages]:
    rows, beside = requested(remembered_devices.devices_of(user, clock.now()), List("account.security", {}))
    return tuple(Device(row.id, row.label, row.since, row.last_used_at, row.until) for row in rows), beside
