"""``login_hint`` and the username field accept a verified address."""

import pytest

from tests.drivers.relying_party import Refused


def test_a_verified_address_signs_in_with_the_right_password(scene):
    """Core §3.1.2.1: apps know addresses. Wrong guesses count for the user, as they do by username."""
    scene.person = scene.factory.make_user(scene.person.organisation_id, "ann", email="Ann@Shoes.example")
    party = scene.party()
    scene.browser.open(party.authorize_url(login_hint="ann@shoes.EXAMPLE", organisation="example-shoes"))
    assert scene.browser.value("username") == "ann@shoes.EXAMPLE"
    scene.browser.fill(password=scene.person.password).submit()
    assert party.callback(scene.browser.left_for).claims["sub"] == scene.person.id
    assert "code" in party.answer(scene.browser.open(party.authorize_url(login_hint="ann@shoes.example")).left_for)


def test_an_unverified_or_shared_address_signs_in_no_user(scene):
    """An unverified or shared address does not identify a user."""
    at = scene.person.organisation_id
    scene.factory.make_user(at, "bob", email="bob@shoes.example", email_verified=False)
    for name in ("cas", "dik"):
        scene.factory.make_user(at, name, email="both@shoes.example")
    party, pages = scene.party(), set()
    for typed in ("bob@shoes.example", "both@shoes.example", "nobody@shoes.example"):
        scene.browser.open(party.authorize_url(organisation="example-shoes", prompt="login"))
        scene.browser.fill(username=typed, password=scene.person.password).submit()
        assert scene.browser.left_for is None, typed
        pages.add(scene.browser.text.replace(typed, ""))
    assert len(pages) == 1


def test_a_verified_address_as_hint_is_enough_at_a_shared_till(scene):
    """Core §3.1.2.1, S35: a silent request that names the signed-in user needs no chooser."""
    scene.person = scene.factory.make_user(scene.person.organisation_id, "ann", email="ann@shoes.example")
    till = scene.party("till", shared_device=True, redirect_uri="https://till.example/cb")
    scene.browser.open(till.authorize_url(organisation="example-shoes", login_hint="ann@shoes.example"))
    scene.browser.fill(password=scene.person.password).submit()
    assert scene.browser.left_for, scene.browser.text
    for hint in ("ann", "Ann@shoes.example"):
        silent = till.authorize_url(prompt="none", login_hint=hint)
        assert "code" in till.answer(scene.browser.open(silent).left_for), hint
    for other in ({}, {"login_hint": "other@shoes.example"}):
        with pytest.raises(Refused):
            till.answer(scene.browser.open(till.authorize_url(prompt="none", **other)).left_for)
