"""The store URL and the settings of an organisation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.config import Settings
from idp.errors import Invalid
from idp.identity.organisations.settings import normal_store_url, settings_of, validate_settings
from idp.records import changed
from idp.store.organisations import Organisation


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("example-shoes", "example-shoes"),
        ("  Example-Shoes ", "example-shoes"),
        ("https://example-shoes.sleutel.example", "example-shoes"),
        ("HTTPS://EXAMPLE-SHOES.SLEUTEL.EXAMPLE:8443/till?x=1#top", "example-shoes"),
        ("//example-shoes.sleutel.example/", "example-shoes"),
        ("example-shoes:8000", "example-shoes"),
        ("example-shoes/admin", "example-shoes"),
        ("example-shoes.", "example-shoes"),
        ("bücher", "xn--bcher-kva"),
        ("XN--BCHER-KVA.sleutel.example", "xn--bcher-kva"),
        ("ｓｈｏｅｓ．sleutel", "shoes"),
        ("", ""),
        ("https://", ""),
        ("owner@shoes.example", ""),
        ("-shoes", ""),
        ("shoes-", ""),
        ("two words", ""),
        ("a\x00b", ""),
        ("a" * 64, ""),
        ("a" * 10_000, ""),
        ("../../etc", ""),
        ("<script>", ""),
    ],
)
def test_a_store_url_is_reduced_to_its_first_label(typed: str, stored: str) -> None:
    """S29: scheme, path, port and the rest of the host name are removed. Case does not count."""
    assert normal_store_url(typed) == stored


@given(st.text(max_size=80))
def test_any_input_gives_a_host_label_or_none(typed: str) -> None:
    """S29: normalising twice changes nothing, and the result is always a valid label."""
    once = normal_store_url(typed)
    assert normal_store_url(once) == once
    assert len(once) <= 63
    assert set(once) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


@given(
    st.from_regex(r"[a-z][a-z0-9]{0,20}", fullmatch=True),
    st.sampled_from(["", "https://", "http://", "//", "HTTP://"]),
    st.sampled_from(["", ".sleutel.example", ".a.b"]),
    st.sampled_from(["", ":1", ":65535"]),
    st.sampled_from(["", "/", "/a/b?c=d", "?x", "#y"]),
)
def test_additions_to_a_store_url_are_ignored(label: str, scheme: str, host: str, port: str, path: str) -> None:
    """S29."""
    assert normal_store_url(f"{scheme}{label.upper()}{host}{port}{path}") == label


def test_an_organisation_may_only_shorten_lifetimes(settings: Settings, organisation: Organisation) -> None:
    """security.md, lifetimes: organisations may shorten sessions and trust in devices."""
    asked = {"remember_device_days": 90, "login_idle_minutes": 5, "login_hours": 100}
    found = settings_of(settings, changed(organisation, settings=asked))
    assert (found.remember_device_days, found.login_idle_minutes, found.login_hours) == (30, 5, 24)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("remember_device_days", 0),
        ("remember_device_days", True),
        ("remember_device_days", "30"),
        ("remembered_device_counts", 1),
        ("offer_set_up", "yes"),
        ("password_min_length", 7),
        ("languages", []),
        ("languages", ["is"]),
        ("languages", "nl"),
        ("login_hours", 1.5),
        ("colour", "red"),
    ],
)
def test_an_invalid_setting_is_named(key: str, value: object) -> None:
    """The error names the key."""
    with pytest.raises(Invalid) as refused:
        validate_settings({"offer_set_up": True, key: value})
    assert refused.value.field == key


def test_every_documented_setting_is_accepted() -> None:
    """Every documented setting has a valid value here."""
    values = {
        "remember_device_days": 30,
        "remembered_device_counts": False,
        "offer_set_up": False,
        "leaked_notice_days": 7,
        "leaked_notice_days_administrators": 1,
        "password_min_length": 15,
        "login_idle_minutes": 30,
        "login_hours": 12,
        "languages": ["nl", "en"],
    }
    assert validate_settings(values) == values
