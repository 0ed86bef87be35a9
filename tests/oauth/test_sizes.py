"""Our own tokens fit where the protocol makes apps send them (OpenID Connect Core §3.1.2.1, RP-Initiated Logout §2)."""

import json
from itertools import product
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from idp import clock
from idp.db import transaction
from idp.identity.organisations import shops
from idp.keys import KeyRing
from tests.factories import BY_TESTS

LINE = 8_000
"""Characters of a request line that common proxies take."""
BYE = "https://shop.example.com/bye"
SHOPS = [f"branch-{number:03}-{'x' * 20}" for number in range(500)]
GROUPS = [f"Group {number} of people who may do something" for number in range(30)]


@pytest.fixture
def chain(scene):
    """An organisation of 500 shops with a person who is at all of them, and in many groups."""
    at = scene.person.organisation_id
    with scene.factory.context(), transaction():
        for code in SHOPS:
            shops.create(at, {"code": code, "name": code}, BY_TESTS)
    groups = tuple(scene.factory.make_group(at, name, requires_mfa=False) for name in GROUPS)
    claims = {"address": {"formatted": "Street 1, " * 9}, "website": "https://example.com/" + "w" * 150}
    scene.person = scene.factory.make_user(at, "ann", groups=groups, **claims, name="Ann " + "n" * 90)
    return scene


def party_of(scene):
    """An app that may be returned to."""
    return scene.party(post_logout_redirect_uris=[BYE])


def test_an_id_token_is_bounded_and_says_what_it_has_no_room_for(chain):
    """Issue 7.21: whole claims are left out and named, no list is cut; userinfo has everything."""
    party = party_of(chain)
    names = json.dumps({"id_token": {"address": None, "website": None, "name": None}})
    tokens = chain.tokens(party, scope="openid profile address organisation", nonce="n" * 1_000, claims=names)
    assert len(tokens.id_token) < 5_500
    assert set(tokens.claims["omitted_claims"]) == {"shops", "groups"}
    assert not {"shops", "groups"} & set(tokens.claims)
    assert (tokens.claims["organisation"], tokens.claims["role"]) == ("example-shoes", "employee")
    found = party.userinfo()
    assert (len(found["shops"]), len(found["groups"])) == (500, 30)
    assert "omitted_claims" not in found


def test_a_person_of_a_few_shops_has_them_in_the_id_token(scene):
    """Nothing is omitted where there is room."""
    with scene.factory.context(), transaction():
        for code in SHOPS[:5]:
            shops.create(scene.person.organisation_id, {"code": code, "name": code}, BY_TESTS)
    scene.person = scene.factory.make_user(scene.person.organisation_id, "ann")
    claims = scene.tokens(scene.party(), scope="openid organisation").claims
    assert claims["shops"] == SHOPS[:5]
    assert "omitted_claims" not in claims


def test_the_id_token_is_a_hint_at_sign_out(chain):
    """Issue 7.21: signed out at once, and back at the app with state; a posted hint is never in an address."""
    party = party_of(chain)
    for method in ("GET", "POST"):
        hint = chain.tokens(party, scope="openid organisation").id_token
        form = {"id_token_hint": hint, "post_logout_redirect_uri": BYE, "state": "s" * 200}
        if method == "GET":
            path = f"/oauth/logout?{urlencode(form)}"
            assert len(path) < LINE
        else:
            posted = chain.browser.client.post("/oauth/logout", base_url=chain.settings.issuer, data=form)
            path = posted.headers["Location"]
            assert hint not in path
            assert len(path) < 1_500
        assert chain.browser.open(path).left_for == f"{BYE}?state={'s' * 200}"
        assert chain.browser.open(party.authorize_url()).left_for is None


def test_the_id_token_is_a_hint_at_sign_in(chain):
    """Issue 7.21: as long as it may be, silently and over a sign-in that asks again, by GET and by POST."""
    party = party_of(chain)
    hint = chain.tokens(party, scope="openid organisation").id_token
    for method, prompt in product(("GET", "POST"), ("none", "login")):
        url = party.authorize_url(id_token_hint=hint, prompt=prompt).removeprefix(chain.settings.issuer)
        if method == "POST":
            url = _posted(chain, url)
            assert hint not in url
        assert len(url) < LINE
        chain.browser.open(url)
        if prompt == "login":
            chain._answer()
        assert party.answer(chain.browser.left_for)["code"]


def _posted(scene, url):
    """The address that a POST of the same request leads on to."""
    path, _, query = url.partition("?")
    form = {name: values[0] for name, values in parse_qs(query).items()}
    answer = scene.browser.client.post(path, base_url=scene.settings.issuer, data=form)
    assert answer.status_code == 303
    assert "Set-Cookie" not in answer.headers
    return answer.headers["Location"]


def test_long_tokens_of_before_are_still_hints(scene):
    """Issue 7.21: what was signed before ID tokens were bounded fits too, by GET and by POST."""
    party = party_of(scene)
    claims = scene.tokens(party).claims
    with scene.factory.context():
        old = KeyRing(scene.settings).sign("RS256", {**claims, "shops": SHOPS, "exp": clock.epoch_seconds(clock.now()) - 5})
    assert len(old) > 16_384
    url = party.authorize_url(id_token_hint=old, prompt="none").removeprefix(scene.settings.issuer)
    for address in (url, _posted(scene, url)):
        assert party.answer(scene.browser.open(address).left_for)["code"]
    query = urlencode({"id_token_hint": old, "post_logout_redirect_uri": BYE})
    assert scene.browser.open(_posted(scene, f"/oauth/logout?{query}")).left_for == BYE


def test_a_posted_hint_of_another_person_is_refused_as_in_a_query(scene, new_browser):
    """Issue 7.11: the short form says what the ID token says, and one that cannot be read stays unreadable."""
    party = party_of(scene)
    jan, here = scene.person, scene.browser
    scene.person, scene.browser = scene.factory.make_user(jan.organisation_id, "ann"), new_browser()
    hint = scene.tokens(party).id_token
    scene.person, scene.browser = jan, here
    scene.tokens(party)
    for sent in (hint, "a.b.c", hint[:-8] + "AAAAAAAA"):
        url = party.authorize_url(id_token_hint=sent, prompt="none").removeprefix(scene.settings.issuer)
        left = scene.browser.open(_posted(scene, url)).left_for
        assert parse_qs(urlsplit(left).query)["error"] == ["login_required"]


def test_a_nonce_is_as_long_as_fits(scene):
    """The nonce comes back in the ID token, so it is bounded too."""
    party = scene.party()
    assert scene.tokens(party, nonce="n" * 1_000).claims["nonce"]
    left = scene.browser.open(party.authorize_url(nonce="\u00e9" * 500)).left_for
    assert "error=invalid_request" in left
