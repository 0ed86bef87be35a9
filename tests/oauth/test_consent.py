"""An app that is not first-party asks for consent, and again when it wants more (OpenID Connect Core §3.1.2.4)."""

import pytest

from tests.drivers.relying_party import Refused


def refusal(scene, party, **params):
    """Return the error of a silent request."""
    with pytest.raises(Refused) as refused:
        party.answer(scene.browser.open(party.authorize_url(prompt="none", **params)).left_for)
    return refused.value.error


def test_a_third_party_app_asks_once_and_again_for_more(scene):
    """V10.7.1, OC-01: a silent request without consent gets an error."""
    party = scene.party(first_party=False)
    scene.tokens(party, scope="openid email")
    assert "code" in party.answer(scene.browser.open(party.authorize_url(scope="openid email", prompt="none")).left_for)
    assert "code" in party.answer(scene.browser.open(party.authorize_url(scope="openid", prompt="none")).left_for)
    assert refusal(scene, party, scope="openid email phone") == "consent_required"


def test_a_first_party_app_needs_no_consent(scene):
    """The provider's own app gets its code right after the sign-in."""
    party = scene.party()
    scene.browser.open(party.authorize_url(scope="openid email"))
    scene._answer()
    assert "code" in party.answer(scene.browser.left_for)


def test_prompt_consent_asks_again(scene):
    """Core §3.1.2.1: prompt=consent asks although consent was given."""
    party = scene.party(first_party=False)
    scene.tokens(party)
    assert scene.browser.open(party.authorize_url(prompt="consent")).left_for is None
    assert "code=" in scene.sign_in(party, prompt="consent")


@pytest.mark.parametrize(
    ("more", "scope", "words"),
    [
        ({}, "openid offline_access", "The app has this access until you sign out, or end it under"),
        ({"offline_access_survives_logout": True}, "openid offline_access", "The app keeps this access after you sign out."),
        ({}, "openid email", ""),
    ],
)
def test_the_page_says_when_offline_access_ends(scene, more, scope, words):
    """The person who allows it must know if signing out ends it."""
    party = scene.party(first_party=False, grant_types=["authorization_code", "refresh_token"], **more)
    scene.browser.open(party.authorize_url(scope=scope))
    scene._answer()
    assert "May Webshop see this?" in scene.browser.text
    assert words in scene.browser.text
    assert ("Connected apps" in scene.browser.text) is bool(words)


def test_what_the_scope_organisation_has_is_said_once(scene):
    """Its words name role and groups; lines of their own for the scopes groups and roles would say it twice."""
    party = scene.party(first_party=False)
    for scope, times in (("openid organisation groups roles", 0), ("openid groups roles", 1)):
        scene.browser.open(party.authorize_url(scope=scope, prompt="consent"))
        if "May Webshop see this?" not in scene.browser.text:
            scene._answer()
        lines = scene.browser.text.splitlines()
        assert (lines.count("Your groups"), lines.count("Your role")) == (times, times)
        assert ("Your organisation, shops, role and groups" in lines) is not bool(times)
