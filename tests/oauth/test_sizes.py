"""Our tokens are short enough for where the protocol has apps send them (Core §3.1.2.1, RP-Initiated Logout §2)."""

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
"""Characters of a request line that common proxies accept."""
BYE = "https://shop.example.com/bye"
SHOPS = [f"branch-{number:03}-{'x' * 20}" for number in range(500)]
GROUPS = [f"Group {number} of people who may do something" for number in range(30)]


@pytest.fixture
def chain(scene):
    """Return an organisation of 500 shops with a user who is in all of them and in many groups."""
    at = scene.person.organisation_id
    with scene.factory.context(), transaction():
        for code in SHOPS:
            shops.create(at, {"code": code, "name": code}, BY_TESTS)
    groups = tuple(scene.factory.make_group(at, name, requires_mfa=False) for name in GROUPS)
    claims = {"address": {"formatted": "Street 1, " * 9}, "website": "https://example.com/" + "w" * 150}
    scene.person = scene.factory.make_user(at, "ann", groups=groups, **claims, name="Ann " + "n" * 90)
    return scene


def party_of(scene):
    """Return an app with a registered address for after sign-out."""
    return scene.party(post_logout_redirect_uris=[BYE])


def test_an_id_token_is_bounded_and_names_the_claims_it_omits(chain):
    """It omits whole claims and names them. It never cuts a list. Userinfo has every claim."""
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


def test_the_id_token_names_the_shops_of_a_user_with_few(scene):
    """No claim is omitted if there is room."""
    with scene.factory.context(), transaction():
        for code in SHOPS[:5]:
            shops.create(scene.person.organisation_id, {"code": code, "name": code}, BY_TESTS)
    scene.person = scene.factory.make_user(scene.person.organisation_id, "ann")
    claims = scene.tokens(scene.party(), scope="openid organisation").claims
    assert claims["shops"] == SHOPS[:5]
    assert "omitted_claims" not in claims


def test_the_bounded_id_token_works_as_a_hint_at_sign_out(chain):
    """The user is signed out at once and returns with state. No address contains a posted hint."""
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


def test_the_bounded_id_token_works_as_a_hint_at_sign_in(chain):
    """The longest ID token works silently and over a sign-in that asks again, by GET and by POST."""
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
    """Return the address to which a POST of the same request leads."""
    path, _, query = url.partition("?")
    form = {name: values[0] for name, values in parse_qs(query).items()}
    answer = scene.browser.client.post(path, base_url=scene.settings.issuer, data=form)
    assert answer.status_code == 303
    assert "Set-Cookie" not in answer.headers
    return answer.headers["Location"]


def test_long_tokens_of_earlier_versions_still_work_as_hints(scene):
    """ID tokens signed before the bound work too, by GET and by POST."""
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


def test_a_posted_hint_of_another_user_is_refused_as_in_a_query(scene, new_browser):
    """The short form names the user of the ID token. An unreadable ID token has an unreadable short form."""
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


def test_the_length_of_a_nonce_is_bounded(scene):
    """The ID token repeats the nonce, so a long one would make it too long."""
    party = scene.party()
    assert scene.tokens(party, nonce="n" * 1_000).claims["nonce"]
    left = scene.browser.open(party.authorize_url(nonce="\u00e9" * 500)).left_for
    assert "error=invalid_request" in left
