"""Time zones: the first moment of a day when the clocks change, the default of a country, and unknown names."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from idp import zones
from idp.languages import country_name
from idp.store.organisations import Organisation
from idp.store.users import User


@pytest.mark.parametrize(
    ("zone", "day", "begins", "hours"),
    [
        ("UTC", "2026-01-01", "2026-01-01T00:00Z", 24),
        ("Europe/Amsterdam", "2026-01-15", "2026-01-14T23:00Z", 24),
        ("Europe/Amsterdam", "2026-03-29", "2026-03-28T23:00Z", 23),
        ("Europe/Amsterdam", "2026-10-25", "2026-10-24T22:00Z", 25),
        ("Australia/Sydney", "2026-04-05", "2026-04-04T13:00Z", 25),
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-03T13:30Z", 23.5),
        ("America/Santiago", "2026-09-06", "2026-09-06T04:00Z", 23),
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00Z", 23),
        ("America/Havana", "2026-11-01", "2026-11-01T04:00Z", 25),
        ("Asia/Beirut", "2026-10-24", "2026-10-23T21:00Z", 25),
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30Z", 23.5),
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00Z", 0),
    ],
)
def test_a_day_begins_at_its_first_moment(zone: str, day: str, begins: str, hours: float) -> None:
    """Days have 23 or 25 hours, a midnight may not exist or occur twice, and one date was skipped."""
    where, this = ZoneInfo(zone), date.fromisoformat(day)
    begun = zones.day_begins(this, where)
    assert begun == datetime.fromisoformat(begins)
    assert zones.day_begins(this + timedelta(days=1), where) - begun == timedelta(hours=hours)
    assert zones.today(begun - timedelta(microseconds=1), where) < this <= zones.today(begun, where)


@pytest.mark.parametrize(
    ("country", "zone"),
    [
        ("NL", "Europe/Amsterdam"),
        ("BE", "Europe/Brussels"),
        ("DE", "Europe/Berlin"),
        ("AU", "Australia/Sydney"),
        ("US", "America/New_York"),
        ("", "UTC"),
        ("XX", "UTC"),
    ],
)
def test_a_country_has_a_default_zone(country: str, zone: str) -> None:
    """The default is the country's most populous zone, or UTC for an unknown country."""
    assert zones.default_of(country) == zone


def test_a_country_with_several_zones_defaults_to_one_of_them() -> None:
    """Antarctica is the exception, because it has no inhabitants."""
    several = {country: found for country, found in zones.of_countries().items() if len(found) > 1 and country != "AQ"}
    assert {country: zones.default_of(country) in found for country, found in several.items()} == dict.fromkeys(
        several, True
    )
    assert set(zones.MOST_PEOPLE) == set(several)


@pytest.mark.parametrize(
    ("own", "of_shop", "country", "read_in"),
    [
        ("", "", "", "UTC"),
        ("", "", "NL", "Europe/Amsterdam"),
        ("", "Europe/Lisbon", "NL", "Europe/Lisbon"),
        ("Asia/Tokyo", "Europe/Lisbon", "NL", "Asia/Tokyo"),
        ("Mars/Olympus", "Europe/Lisbon", "NL", "Europe/Lisbon"),
        ("../../etc/passwd", "Factory", "NL", "Europe/Amsterdam"),
    ],
)
def test_a_zone_is_the_users_else_the_organisations_else_the_countrys(
    own: str, of_shop: str, country: str, read_in: str
) -> None:
    """A stored name that this release does not know counts as no zone."""
    assert User(time_zone=own).zone(Organisation(time_zone=of_shop, country=country)).key == read_in


@pytest.mark.parametrize(
    ("zone", "month", "expected"),
    [
        ("Europe/Amsterdam", 1, "13:30 CET"),
        ("Europe/Amsterdam", 7, "14:30 CEST"),
        ("America/Sao_Paulo", 1, "09:30 UTC-03"),
        ("Asia/Kolkata", 1, "18:00 IST"),
        ("UTC", 1, "12:30 UTC"),
    ],
)
def test_a_local_time_names_its_zone(zone: str, month: int, expected: str) -> None:
    """The zone distinguishes the two hours with equal names in autumn."""
    moment = datetime(2026, month, 5, 12, 30, tzinfo=UTC)
    assert zones.with_zone(moment, ZoneInfo(zone), "nl", zones.HOUR) == expected
    assert zones.exact(moment) == f"2026-0{month}-05T12:30:00Z"


@pytest.mark.parametrize(
    ("form", "language", "expected"),
    [
        (zones.DAY, "nl", "5 september 2026"),
        (zones.DAY, "en", "5 September 2026"),
        (zones.DAY, "de", "5. September 2026"),
        (zones.DAY, "fr", "5 septembre 2026"),
        (zones.WEEKDAY, "nl", "zaterdag 5 september 2026"),
        (zones.MOMENT, "nl", "5 sep 2026, 14:30"),
        (zones.MOMENT, "de", "05.09.2026, 14:30"),
        (zones.MOMENT, "fr", "5 sept. 2026, 14:30"),
        (zones.STAMP, "fr", "5 septembre 2026, 14:30"),
    ],
)
def test_dates_are_written_as_in_the_language(form: str, language: str, expected: str) -> None:
    """S62: the forms come from Unicode's data, so a new language needs no pattern of ours."""
    moment = datetime(2026, 9, 5, 12, 30, tzinfo=UTC)
    assert zones.in_words(moment, ZoneInfo("Europe/Amsterdam"), language, form) == expected


def test_zones_and_countries_are_named_in_the_language() -> None:
    """S62: people look for the name that they know."""
    assert [zones.place("Europe/Vienna", language) for language in ("nl", "en")] == [
        "Wenen (Oostenrijk)",
        "Vienna (Austria)",
    ]
    assert [zones.place(name, "nl") for name in ("America/New_York", "UTC")] == ["New York (Verenigde Staten)", "UTC"]
    assert [country_name(code, "nl") for code in ("BE", "", "XQ")] == ["België", "", "XQ"]
    assert zones.sorted_by_place(["Europe/Zurich", "America/Sao_Paulo", "Europe/Athens"], "nl")[0] == "Europe/Athens"
