"""Pages, mails, filters by day and dated rules use the organisation's time zone. Readers may choose their own."""

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
import time_machine

from idp.db import transaction
from idp.identity.policy import dated_rules
from idp.identity.policy.dated_rules import known_now
from idp.mail.messages import notify
from tests.drivers.browser import Browser
from tests.drivers.postman import Postman
from tests.factories import BY_TESTS, Factory, MadePerson

HOME = "/admin/example-shoes"
SILENT = {"offer_set_up": False}


@pytest.fixture
def shoes(factory: Factory) -> str:
    """Create a Dutch organisation that chose no zone, so that of its country applies."""
    return factory.make_organisation(country="NL", settings=SILENT)


def _at(moment: str) -> time_machine.travel:
    return time_machine.travel(datetime.fromisoformat(moment).replace(tzinfo=UTC), tick=False)


def test_pages_show_local_times_with_the_exact_moment(enter, anna: MadePerson, browser: Browser) -> None:
    """Noon in UTC is 13:00 in a Dutch shop. HTML's ``<time>`` has the moment, in sentences and in tables."""
    enter(anna, "/account/sessions")
    assert '<time datetime="2026-11-23T12:00:05Z">23 Nov 2026, 13:00 CET</time>' in browser.html.replace("\xa0", " ")
    assert "&lt;time" not in browser.html
    browser.open("/account/activity")
    assert '<time datetime="2026-11-23T12:00:05Z">Monday, 23 November 2026</time>' in browser.html.replace("\xa0", " ")
    assert ">13:00\xa0CET</time>" in browser.html


def test_a_users_time_zone_applies_to_their_pages(enter, anna: MadePerson, browser: Browser) -> None:
    """The profile's choice applies at once. The empty choice removes it, and an unknown zone is refused."""
    enter(anna, "/account/details")
    assert "Same as your organisation: Amsterdam (Netherlands)" in browser.text
    named = ["Same as", "Abidjan (Côte d", "Athens (Greece)", "Buenos Aires (Argentina)", "Zurich (Switzerland)"]
    assert [*map(browser.text.find, named)] == sorted(map(browser.text.find, named)), "zones are not listed by city"
    assert all(name in browser.text for name in named)
    browser.fill(time_zone="Pacific/Auckland").submit()
    assert "24 Nov 2026, 01:00 NZDT" in browser.open("/account/sessions").text
    browser.open("/account/details")
    assert (
        browser.send("POST", f"{browser.issuer}/account/time-zone", [("time_zone", "Mars/Olympus"), *_token(browser)]).status
        == 422
    )
    assert "must be the name of a time zone" in browser.text
    browser.fill(time_zone="").submit()
    assert "23 Nov 2026, 13:00 CET" in browser.open("/account/sessions").text


def _token(browser: Browser) -> list[tuple[str, str]]:
    return [("csrf_token", browser.page.forms[0].fields["csrf_token"][0])]


def test_an_administrator_chooses_the_organisations_zone(
    enter, factory: Factory, shoes: str, anna: MadePerson, jan: MadePerson, browser: Browser
) -> None:
    """It is a setting like others. A user's own choice still applies to that user."""
    enter(anna, f"{HOME}/settings")
    assert "Same as the country: Amsterdam (Netherlands)" in browser.text
    browser.fill(name="Example Shoes", time_zone="Europe/Lisbon").submit()
    assert "12:00 WET" in browser.open("/account/sessions").text
    browser.open(f"{HOME}/people/{jan.id}/edit").fill(username="jan", time_zone="Asia/Tokyo").submit()
    with factory.context():
        assert factory.user(jan).zone(factory.organisation(shoes)).key == "Asia/Tokyo"
        assert factory.organisation(shoes).zone.key == "Europe/Lisbon"


def test_mail_uses_the_readers_time_zone(factory: Factory, clock, jan: MadePerson, postman: Postman) -> None:
    """A reader's own zone applies, else that of the organisation."""
    kim = factory.make_user(jan.organisation_id, "kim", email="kim@shoes.example", time_zone="America/New_York")
    with factory.context(), transaction():
        for person in (jan, kim):
            notify(factory.settings, person.organisation_id, person.id, "password_changed")
    texts = {mail.to: " ".join(mail.text.split()) for mail in postman.bring()}
    assert "13:00 CET" in texts["jan@shoes.example"]
    assert "07:00 EST" in texts["kim@shoes.example"]


@pytest.mark.parametrize(
    ("zone", "day", "within", "outside"),
    [
        ("Europe/Amsterdam", "2026-11-23", "2026-11-22T23:00", "2026-11-22T22:59:59"),
        ("Europe/Amsterdam", "2026-03-29", "2026-03-29T21:59:59", "2026-03-29T22:00"),
        ("Europe/Amsterdam", "2026-10-25", "2026-10-25T22:59:59", "2026-10-25T23:00"),
        ("America/Santiago", "2026-09-06", "2026-09-06T04:00", "2026-09-06T03:59:59"),
        ("Pacific/Auckland", "2026-11-23", "2026-11-22T11:00", "2026-11-22T10:59:59"),
    ],
)
def test_filters_by_day_use_the_organisations_zone(
    factory: Factory, enter, new_browser: Callable[..., Browser], zone: str, day: str, within: str, outside: str
) -> None:
    """V16.2.2: the export names the zone of its days, and its times are in UTC."""
    with _at("2026-01-01T12:00"):
        at = factory.make_organisation("days", time_zone=zone, settings=SILENT)
        anna = factory.make_user(at, "anna", role="administrator", with_totp=True, email="anna@days.example")
    for moment in (within, outside):
        with _at(moment):
            factory.make_user(at, f"made-{moment[8:13].lower()}-{'in' if moment == within else 'out'}")
    browser = enter(anna, f"/admin/days/audit?since={day}&until={day}&event=user:created")
    city = zone.rpartition("/")[2]
    assert re.search(rf"Days in the time zone {city} \((Netherlands|Chile|New Zealand)\)\.", browser.text)
    assert len(re.findall(r"made-\w+-(?:in|out)</", browser.html)) == 1
    browser.open(f"/admin/days/audit/export.csv?since={day}&until={day}&event=user:created")
    (row,) = csv.DictReader(io.StringIO(browser.html.removeprefix("\ufeff")))
    assert datetime.fromisoformat(row["at"]) == datetime.fromisoformat(within).replace(tzinfo=UTC)
    assert f"audit-days-{day}-{day}.csv" in browser.headers["Content-Disposition"]


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [
        ("", "2026-05-01T00:00", "2026-05-31T23:59:59"),
        ("Europe/Amsterdam", "2026-04-30T22:00", "2026-05-31T21:59:59"),
        ("Australia/Sydney", "2026-04-30T14:00", "2026-05-31T13:59:59"),
        ("America/New_York", "2026-05-01T04:00", "2026-06-01T03:59:59"),
    ],
)
def test_a_dated_rule_starts_and_ends_at_local_midnight(
    factory: Factory, new_browser: Callable[..., Browser], journey, zone: str, first: str, last: str
) -> None:
    """S11: until one second before the first day nothing is required. From its first moment to the end of the last day a
    set-up is required.
    """
    with _at("2026-01-01T12:00"):
        at = factory.make_organisation("ruled", time_zone=zone, settings=SILENT)
        with factory.context(), transaction():
            values = {"name": "may", "starts": date(2026, 5, 1), "ends": date(2026, 5, 31)}
            dated_rules.create(factory.settings, values, known_now(), BY_TESTS)
        people = iter([factory.make_user(at, f"person-{number}") for number in range(4)])

    def is_asked(moment: datetime) -> bool:
        with time_machine.travel(moment, tick=False):
            browser = new_browser()
            journey(next(people), browser=browser).begin(organisation="ruled").password()
            return browser.left_for is None

    begins, ends = (datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in (first, last))
    second = datetime.fromisoformat("2026-01-01T00:00:01") - datetime.fromisoformat("2026-01-01T00:00:00")
    assert [is_asked(moment) for moment in (begins - second, begins, ends, ends + second)] == [False, True, True, False]
