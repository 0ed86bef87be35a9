"""An unreadable constraint is refused and never ignored (OpenID Connect Core §3.1.2.1, §3.1.2.2, §5.5.1; RFC 6749 §3.1)."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import select

from idp.statements import every
from idp.store.attempts import Attempt
from tests.drivers.authorization import refusal
from tests.drivers.relying_party import Refused

NOBODY = "a" * 26
SUMMER = "été"


def acr(**member: Any) -> str:
    """Return a ``claims`` parameter with an essential acr."""
    return json.dumps({"id_token": {"acr": {"essential": True, **member}}})


def sub(section: str = "id_token", **member: Any) -> str:
    """Return a ``claims`` parameter with a sub."""
    return json.dumps({section: {"sub": member}})


IMPOSSIBLE_SUBS = (SUMMER, "x" * 300, "", " ", "a\u200bb", "somebody-else", NOBODY.upper())
CLAIMS = {
    **{f"a sub of no user {value!r}": (sub(value=value), "login_required") for value in IMPOSSIBLE_SUBS},
    "subs of no user": (sub(values=[SUMMER]), "login_required"),
    "an empty list of subs": (sub(values=[]), "login_required"),
    "a sub that userinfo names": (sub("userinfo", value=SUMMER), "login_required"),
    "a sub that is a number": (sub(value=7), "invalid_request"),
    "a sub that is null": (sub(value=None), "invalid_request"),
    "a sub that is a list": (sub(value=["x"]), "invalid_request"),
    "a sub that is an object": (sub(value={}), "invalid_request"),
    "subs that are text": (sub(values="x"), "invalid_request"),
    "subs that are null": (sub(values=None), "invalid_request"),
    "subs of two types": (sub(values=["x", 1]), "invalid_request"),
    "two subs": (json.dumps({"id_token": {"sub": {"value": "a"}}, "userinfo": {"sub": {"value": "b"}}}), "invalid_request"),
    "a member twice": ('{"id_token":{"sub":{"value":"x"},"sub":null}}', "invalid_request"),
    "a section twice": ('{"id_token":{"sub":{"value":"x"}},"id_token":{}}', "invalid_request"),
    "not a number": ('{"id_token":{"auth_time":{"value":NaN}}}', "invalid_request"),
    "an acr not in ASCII": (acr(value=SUMMER), "unmet_authentication_requirements"),
    "an acr too long": (acr(value="m" * 300), "unmet_authentication_requirements"),
    "an acr that is empty": (acr(value=""), "unmet_authentication_requirements"),
    "an empty list of acrs": (acr(values=[]), "unmet_authentication_requirements"),
    "an acr in capitals": (acr(values=["MFA"]), "unmet_authentication_requirements"),
    "an acr that is a number": (acr(value=3), "invalid_request"),
    "an acr that is a list": (acr(value=["mfa"]), "invalid_request"),
    "acrs that are text": (acr(values="mfa"), "invalid_request"),
    "an acr beside acrs": (acr(value="mfa", values=["pwd"]), "invalid_request"),
    "acrs of two types": (acr(values=["mfa", None]), "invalid_request"),
    "essential as text": (json.dumps({"id_token": {"acr": {"essential": "true", "value": "mfa"}}}), "invalid_request"),
    "essential as a number": (json.dumps({"id_token": {"acr": {"essential": 1, "value": "mfa"}}}), "invalid_request"),
    "essential for userinfo": (json.dumps({"userinfo": {"acr": {"essential": True, "value": "x"}}}),
                               "unmet_authentication_requirements"),
    "half a character": ('{"id_token": {"sub": {"value": "\\ud800"}}}', "invalid_request"),
    "different essential acrs in both sections": (
        json.dumps({name: {"acr": {"essential": True, "value": value}} for name, value in
                    (("id_token", "pwd"), ("userinfo", "mfa"))}), "unmet_authentication_requirements"),
}  # fmt: skip
REST = {
    "max_age signed": ({"max_age": "+5"}, "invalid_request"),
    "max_age with a space": ({"max_age": " 5"}, "invalid_request"),
    "max_age in other digits": ({"max_age": "５"}, "invalid_request"),
    "max_age in hexadecimal": ({"max_age": "0x10"}, "invalid_request"),
    "acr_values not in ASCII": ({"acr_values": "ｍｆａ"}, "invalid_request"),
    "acr_values with an unusual space": ({"acr_values": "pwd\u00a0mfa"}, "invalid_request"),
    "acr_values too long": ({"acr_values": "m" * 300}, "invalid_request"),
    "prompt with an unusual space": ({"prompt": "login\u2003consent"}, "invalid_request"),
    "prompt in capitals": ({"prompt": "LOGIN"}, "invalid_request"),
    "a malformed organisation": ({"organisation": "???"}, "invalid_request"),
    "an organisation too long": ({"organisation": "x" * 600}, "invalid_request"),
    "a malformed hint": ({"id_token_hint": "a.b.c"}, "login_required"),
    "a hint that is plain text": ({"id_token_hint": "jan"}, "login_required"),
    "a hint with a forged seal": ({"id_token_hint": "~"}, "login_required"),
    "a sealed hint with invalid content": ({"id_token_hint": "~AAAA"}, "login_required"),
}


@pytest.mark.parametrize("signed_in", [False, True])
def test_no_unreadable_constraint_is_ignored(scene, signed_in):
    """An unreadable constraint gets an error, never a code and never a page, with or without a session."""
    party = scene.party()
    if signed_in:
        scene.tokens(party)
    cases = {**{name: ({"claims": claims}, error) for name, (claims, error) in CLAIMS.items()}, **REST}
    for name, (params, error) in cases.items():
        assert refusal(scene, party, **params).error == error, name
        if error != "invalid_request":
            assert refusal(scene, party, prompt="none", **params).error == error, name


def test_repeated_parameters_are_refused_whatever_their_values(scene):
    """RFC 6749 §3.1: "parameters MUST NOT be included more than once". Readers could disagree which one counts."""
    party = scene.party()
    scene.tokens(party)
    for name, first, second in (
        ("max_age", "0", ""), ("prompt", "", "none"), ("id_token_hint", "a.b.c", ""), ("acr_values", "mfa", "mfa"),
        ("%63laims", "", "{}"), ("login_hint", "jan", "ann"), ("organisation", "a", "b"), ("ui_locales", "nl", "en"),
    ):  # fmt: skip
        url = party.authorize_url() + f"&{name}={first}&{name}={quote(second)}"
        with pytest.raises(Refused) as refused:
            party.answer(scene.browser.open(url).left_for)
        assert refused.value.error == "invalid_request", name


def test_readable_constraints_are_accepted(scene):
    """Core §5.5.1: the app may use every form that the standard allows."""
    party = scene.party()
    sub_of = scene.tokens(party).claims["sub"]
    for claims in (
        sub(value=sub_of), sub(values=[sub_of]), sub("userinfo", essential=True, value=sub_of), sub(essential=True),
        '{"id_token":{"sub":null,"acr":null},"userinfo":null}', acr(values=["gold", "pwd"]), acr(value="pwd"), acr(),
        '{"id_token":{"acr":{"value":"gold"}}}', '{"other":5}',
    ):  # fmt: skip
        assert "code" in party.answer(scene.browser.open(party.authorize_url(claims=claims)).left_for), claims


@pytest.fixture
def two(scene, new_browser):
    """Return a browser in which Jan is signed in, with Ann's ID tokens of this app and of another one."""
    party, other = scene.party(), scene.party("other", redirect_uri="https://other.example/cb")
    jan, here = scene.person, scene.browser
    scene.person = scene.factory.make_user(jan.organisation_id, "ann")
    scene.browser = new_browser()
    hints = {"mine": scene.tokens(party).id_token, "another app's": scene.tokens(other).id_token}
    scene.person, scene.browser = jan, here
    own = {"mine": scene.tokens(party).id_token, "another app's": scene.tokens(other).id_token}
    return scene, party, hints, own


def test_a_hint_of_another_user_gets_no_token_of_the_signed_in_user(two):
    """Core §3.1.2.2: a silent request gets an error.
    Other requests ask for the hinted user.
    The hint may be for any client.
    """
    scene, party, hints, _ = two
    for name, hint in hints.items():
        assert refusal(scene, party, prompt="none", id_token_hint=hint).error == "login_required", name
        scene.browser.open(party.authorize_url(id_token_hint=hint))
        assert scene.browser.left_for is None, name
        browser = scene.browser.fill(username=scene.person.username, password=scene.person.password).submit()
        assert browser.left_for is None, name
        assert "password" in browser.fields, name


def test_any_clients_hint_of_the_signed_in_user_is_accepted(two):
    """Core §3.1.2.1 requires no audience of a hint. The hint only limits which user the app may get."""
    scene, party, _, own = two
    for name, hint in own.items():
        for prompt in (None, "none"):
            url = scene.browser.open(party.authorize_url(id_token_hint=hint, prompt=prompt)).left_for
            assert "code" in party.answer(url), name


def test_an_unverifiable_hint_is_not_ignored(two):
    """An unverifiable hint may name any user, so it gets no token of the user who is signed in."""
    scene, party, _, own = two
    head, body, signature = own["mine"].split(".")
    for hint in (f"{head}.{body}.{'A' * len(signature)}", f"{head}.{body}.", f"{head}..{signature}"):
        assert refusal(scene, party, id_token_hint=hint).error == "login_required"


def test_the_chooser_offers_only_the_hinted_person(two):
    """S35: on a shared device, the chooser offers only the user that the hint names."""
    scene, _, hints, _ = two
    till = scene.party("till", shared_device=True, redirect_uri="https://till.example/cb")
    scene.browser.open(till.authorize_url(id_token_hint=hints["mine"]))
    assert scene.browser.left_for is None
    assert not scene.browser.offers(f"choice={scene.person.id}")


def test_a_hint_that_is_too_long_matches_no_user(scene):
    """A login_hint limits silent sign-in to the named user. A hint that names no user signs in no user."""
    party = scene.party()
    scene.tokens(party)
    assert refusal(scene, party, prompt="none", login_hint="x" * 300).error == "login_required"
    scene.browser.open(party.authorize_url(login_hint="x" * 300))
    assert (scene.browser.left_for, scene.browser.value("username")) == (None, "")


def test_a_sign_in_for_one_organisation_accepts_no_other(scene):
    """S29: the app named the store URL. A forged form cannot change it."""
    party = scene.party()
    scene.factory.make_organisation("hats", name="Hats", settings={"offer_set_up": False})
    scene.browser.open(party.authorize_url(organisation="https://Hats.shops.example:8443/till?x=" + "y" * 80))
    assert "password" in scene.browser.fields
    scene.browser.send("POST", scene.browser.url, [
        ("csrf_token", scene.browser.value("csrf_token")), ("step", "password"), ("other_organisation", "1"),
    ])  # fmt: skip
    assert "organisation" not in scene.browser.fields


def test_a_sign_in_stores_no_id_token(scene):
    """The row and the sealed form keep only the hint's sealed short form."""
    party = scene.party()
    hint = scene.tokens(party).id_token
    scene.browser.open(party.authorize_url(id_token_hint=hint, prompt="login"))
    with scene.factory.context():
        kept = json.dumps([row.needs for row in every(select(Attempt))])
    assert hint not in kept
    scene._answer()
    assert party.answer(scene.browser.left_for)["code"]
