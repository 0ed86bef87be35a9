"""The last day of a person's access ("valid until"): it ends by itself at the end of that day in the organisation's zone."""

import csv

import pytest

from idp import sweeps
from idp.audit import Event
from idp.db import transaction
from idp.errors import Invalid
from idp.identity.accounts import accounts
from idp.identity.organisations import organisations as organisation_changes
from idp.store import audit, sessions, users
from tests.drivers.passkeys import ISSUER, options_on, post
from tests.drivers.relying_party import Refused
from tests.drivers.security_key import SecurityKey
from tests.factories import BY_TESTS, Factory, MadePerson

PEOPLE = "/admin/example-shoes/people"
SCOPES = "openid profile offline_access"
ENDED = "Your access ended on"


def until(factory: Factory, person: MadePerson, day: str) -> None:
    """Set a person's last day, as ``idp apply`` does."""
    with factory.context():
        at = factory.organisation(person.organisation_id)
        accounts.change(factory.settings, at, factory.user(person), {"valid_until": day}, BY_TESTS)


@pytest.mark.parametrize(("zone", "hours"), [("Europe/Amsterdam", 11), ("Pacific/Kiritimati", 22), ("Pacific/Niue", 23)])
def test_access_ends_at_the_end_of_the_day_in_the_organisations_zone(
    factory: Factory, relying_party, journey, clock, shoes, jan, zone, hours
) -> None:
    """S63: sign-in, the session, refresh tokens and access tokens end then. The worker is not needed for it."""
    with factory.context(), transaction():
        organisation_changes.change(factory.organisation(shoes), {"time_zone": zone}, BY_TESTS)
    until(factory, jan, "2026-11-24" if zone == "Pacific/Kiritimati" else "2026-11-23")
    app = relying_party(factory.make_client(grant_types=["authorization_code", "refresh_token"], scope=SCOPES))
    walk = journey(jan, app).begin(scope=SCOPES)
    tokens = walk.password().code().tokens()
    clock(hours=hours, minutes=-5)
    refreshed = walk.app.refresh(tokens.refresh_token)
    clock(minutes=4)
    assert walk.app.userinfo(refreshed.access_token)["name"] == "Jan Jansen"
    clock(minutes=1)
    with pytest.raises(Refused, match="invalid_token"):
        walk.app.userinfo(refreshed.access_token)
    with pytest.raises(Refused, match="invalid_grant"):
        walk.app.refresh(tokens.refresh_token)
    walk.begin(scope=SCOPES).password("wrong wrong wrong")
    assert ENDED not in walk.browser.text
    walk.password()
    assert ENDED in walk.browser.text
    assert not walk.browser.left_for
    until(factory, jan, "2026-12-31")
    assert walk.password().code().tokens().claims["sub"] == jan.id


def test_the_worker_ends_what_is_open_once(factory: Factory, journey, clock, shoes, jan) -> None:
    """Apps are told by back-channel logout, since sessions end. It is audited once, also if the day is extended later."""
    journey(jan).begin(scope=SCOPES).password().code().tokens()
    until(factory, jan, "2026-11-23")
    with factory.context():
        sweeps.sweep(factory.settings)
        assert factory.user(jan).access_ended_at is None
    clock(hours=12)
    with factory.context():
        sweeps.sweep(factory.settings)
        sweeps.sweep(factory.settings)
        rows = audit.rows_about(shoes, jan.id, limit=30)
        assert [row.event for row in rows].count(Event.ACCESS_ENDED) == 1
        assert any(row.event == Event.SESSIONS_ENDED and row.data["why"] == "access_ended" for row in rows)
        assert not sessions.sessions_of(shoes, jan.id, rows[0].at, None, 5)
    until(factory, jan, "")
    with factory.context():
        assert (factory.user(jan).valid_until, factory.user(jan).access_ended_at) == (None, None)


def test_a_passkey_opens_nothing_after_the_last_day(factory: Factory, clock, journey, jan) -> None:
    """The passkey proves the person, who is told why they cannot enter."""
    key = SecurityKey(ISSUER)
    factory.give_passkey(jan, key)
    until(factory, jan, "2026-11-23")
    clock(hours=13)
    walk = journey(jan).begin()
    post(walk.browser, key.show(options_on(walk.browser)))
    assert ENDED in walk.browser.text


def test_an_administrator_sets_and_changes_the_day(factory: Factory, enter, shoes, anna, jan) -> None:
    """The form asks for a date. List, page and export show it. A past day and one's own are refused."""
    browser = enter(anna, f"{PEOPLE}/{jan.id}/edit")
    browser.fill(valid_until="2026-11-22").submit()
    assert "Choose today or a later day" in browser.text
    assert browser.value("valid_until") == "2026-11-22"
    browser.fill(valid_until="2026-12-31").submit()
    assert "31 December 2026" in browser.text
    browser.open(PEOPLE)
    assert "until 31 December 2026" in browser.text
    lines = browser.open(f"{PEOPLE}/export.csv").html.removeprefix("\ufeff").splitlines()
    rows = {row["username"]: row for row in csv.DictReader(lines)}
    assert (rows["jan"]["valid_until"], rows["anna"]["valid_until"]) == ("2026-12-31", "")
    browser.open(f"{PEOPLE}/{anna.id}/edit").fill(valid_until="2026-12-31").submit()
    assert "This is your own account." in browser.text
    with factory.context():
        jans = users.user(shoes, jan.id)
        assert jans is not None
        assert str(jans.valid_until) == "2026-12-31"


def test_an_owner_has_no_last_day(factory: Factory, shoes, boss) -> None:
    """Notices and a recovery must always reach somebody."""
    with pytest.raises(Invalid, match="has no last day"):
        until(factory, boss, "2026-12-31")
