"""The format of values in claims (shops.example.toml): shop codes, group names, standard claims and acr."""

from typing import Any

import pytest

from idp import config
from idp.errors import Invalid
from idp.identity import claim_forms, user_fields


@pytest.mark.parametrize(
    ("code", "fits"),
    [("amsterdam-1", True), ("AMS_1.b", True), ("-7", True), ("x" * 63, True), ("x" * 64, False), ("", False)]
    + [(code, False) for code in ("a b", "a,b", "a;b", "a/b", "é", "a\n", "a\u200b", "１")],
)
def test_a_shop_code_is_plain_ascii(code: str, fits: bool) -> None:
    """An app may split a list of codes at any separator and compare codes byte by byte."""
    assert claim_forms.is_shop_code(code) is fits


@pytest.mark.parametrize(
    ("name", "fits"),
    [("2FA", True), ("Store managers", True), ("Café <b>", True), ("x" * 100, True), ("x" * 101, False), ("", False)]
    + [(name, False) for name in ("a,b", " a", "a  b", "a\nb", "a\u200bb", "a\x00", "\ufdfa" * 20)],
)
def test_a_group_name_is_one_visible_line_without_a_comma(name: str, fits: bool) -> None:
    """An app may split a list of names at commas. Spaces are single and only between words."""
    assert claim_forms.is_group_name(name) is fits


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("given_name", "An\nna"),
        ("nickname", "x" * 201),
        ("website", "javascript:alert(1)"),
        ("picture", "https://a b"),
        ("birthdate", "yesterday"),
        ("birthdate", "2021-02-29"),
        ("birthdate", "2021-13-01"),
        ("address", {"planet": "Mars"}),
        ("address", {"locality": "a\nb"}),
        ("shoe_size", "42"),
    ],
)
def test_a_standard_claim_has_the_form_of_the_standard(claim: str, value: object) -> None:
    """OpenID Connect Core §5.1, §5.1.1."""
    with pytest.raises(Invalid):
        user_fields.columns_of({claim: value})


@pytest.mark.parametrize("birthdate", ["1990", "0000", "2020-02-29", "0000-02-29", ""])
def test_a_birthdate_may_leave_out_the_day_or_withhold_the_year(birthdate: str) -> None:
    """OpenID Connect Core §5.1."""
    assert user_fields.columns_of({"birthdate": birthdate})["claims"] == {"birthdate": birthdate}


def test_good_claims_are_kept() -> None:
    """Valid values are kept, without their invisible characters. An address may have several lines."""
    given = {"given_name": "An\u200bna", "birthdate": "0000-04-30", "website": "https://shoes.example/~anna"}
    address = {"address": {"street_address": "Dam 1\nFloor 2", "locality": "Amsterdam"}}
    assert user_fields.columns_of({**given, **address})["claims"] == {**given, "given_name": "Anna", **address}


@pytest.mark.parametrize("acr", [{"level_3": "two words"}, {"level_3": ""}, {"level_3": 'a"b'}, {"level_3": "pwd"}])
def test_acr_names_are_unique_and_contain_no_space(acr: dict[str, Any]) -> None:
    """RFC 9470, OpenID Connect Core §3.1.2.1: spaces separate the names in ``acr_values``.
    Each level has a name of its own.
    """
    with pytest.raises(ValueError, match="must"):
        config.make({"issuer": "https://id.example.com", "secrets": [config.new_ring_entry("t")], "acr": acr})
