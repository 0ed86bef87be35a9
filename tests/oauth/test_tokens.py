"""ID tokens (OpenID Connect Core §2), access tokens (RFC 9068) and userinfo (§5.3), read as a relying app reads them."""

import json

import pytest
import time_machine
from joserfc import jwt
from joserfc.jwk import KeySet

from idp import clock
from tests.drivers.relying_party import Refused

ALL = "openid profile email phone address organisation"
JAN = {
    "email": "jan@shoes.example",
    "name": "Jan de Vries",
    "given_name": "Jan",
    "family_name": "de Vries",
    "address": {"locality": "Utrecht"},
    "phone_number": "+31201234567",
    "locale": "nl",
}


@pytest.fixture
def jan(scene):
    """Return a user with an address, a telephone number and a name, in a shop and a group."""
    organisation_id = scene.person.organisation_id
    group = scene.factory.make_group(organisation_id, "Tills", requires_mfa=False)
    scene.person = scene.factory.make_user(organisation_id, "jan2", groups=(group,), **JAN)
    return scene


def header_of(scene, token):
    """Return the header of a verified token."""
    answer = scene.app.test_client(use_cookies=False).get("/oauth/jwks", base_url=scene.settings.issuer)
    return jwt.decode(token, KeySet.import_key_set(answer.json), ["ES256", "RS256"]).header


def test_an_id_token_has_subject_methods_and_time(scene):
    """OC-07: iss, sub, aud, exp, iat, auth_time, nonce, acr, amr, at_hash and sid. The app's driver checks the signature."""
    with time_machine.travel(clock.now(), tick=False):
        tokens = scene.tokens(scene.party(), nonce="ñ ½ " + "x" * 900)
        now = clock.epoch_seconds(clock.now())
    claims = tokens.claims
    assert claims["sub"] == scene.person.id
    assert (claims["iat"], claims["exp"], claims["auth_time"]) == (now, now + 300, now)
    assert (claims["acr"], claims["amr"]) == ("pwd", ["pwd"])
    assert claims["nonce"] == "ñ ½ " + "x" * 900
    assert claims["sid"]
    assert "at_hash" in claims
    assert tokens.raw["expires_in"] == 300


def test_a_request_without_nonce_gets_an_id_token_without_nonce(scene):
    """V10.5.1: the token repeats the nonce of the request only."""
    assert "nonce" not in scene.tokens(scene.party(), nonce=None).claims


@pytest.mark.parametrize(("registered", "alg"), [({}, "RS256"), ({"id_token_signed_response_alg": "ES256"}, "ES256")])
def test_id_tokens_are_signed_as_the_client_registered(scene, registered, alg):
    """Registration §2: RS256 is the default. Authlib's default 3: one chosen key signs, and the header has its kid."""
    tokens = scene.tokens(scene.party(**registered))
    header = header_of(scene, tokens.id_token)
    assert header["alg"] == alg
    assert header["kid"]
    assert header_of(scene, tokens.access_token)["alg"] == "ES256"


def test_an_access_token_is_a_jwt_for_the_issuer(scene):
    """RFC 9068 §2, V10.3.4: resource servers read typ, acr and auth_time.
    It is valid for five minutes (Authlib's default 5).
    """
    party = scene.party()
    tokens = scene.tokens(party, scope="openid profile")
    claims = party.verify(tokens.access_token)
    assert header_of(scene, tokens.access_token)["typ"] == "at+jwt"
    assert claims["aud"] == claims["iss"] == scene.settings.issuer
    assert (claims["sub"], claims["client_id"], claims["scope"]) == (scene.person.id, party.client_id, "openid profile")
    assert (claims["acr"], claims["auth_time"]) == (tokens.acr, tokens.claims["auth_time"])
    assert claims["exp"] - claims["iat"] == 300
    assert claims["organisation_id"] == scene.person.organisation_id


def test_userinfo_returns_the_claims_of_the_granted_scopes(jan):
    """Core §5.4, OC-09: sub equals that of the ID token. An unchecked telephone number is not called verified."""
    party = jan.party()
    tokens = jan.tokens(party, scope=ALL)
    found = party.userinfo()
    assert found["sub"] == tokens.claims["sub"]
    assert (found["name"], found["given_name"], found["family_name"]) == ("Jan de Vries", "Jan", "de Vries")
    assert (found["preferred_username"], found["locale"]) == ("jan2", "nl")
    assert (found["email"], found["email_verified"]) == ("jan@shoes.example", True)
    assert (found["phone_number"], found["phone_number_verified"]) == ("+31201234567", False)
    assert found["address"] == {"locality": "Utrecht"}
    assert (found["organisation"], found["organisation_name"]) == ("example-shoes", "Example Shoes")
    assert (found["role"], found["groups"], found["shops"]) == ("employee", ["Tills"], [])


@pytest.mark.parametrize("scope", ["openid", "openid email", "openid profile", "openid phone"])
def test_userinfo_returns_no_claim_that_was_not_granted(jan, scope):
    """R97-10: an app gets only the claims of its scopes."""
    party = jan.party()
    jan.tokens(party, scope=scope)
    found = set(party.userinfo())
    assert ("email" in found) == ("email" in scope)
    assert ("name" in found) == ("profile" in scope)
    assert ("phone_number" in found) == ("phone" in scope)
    assert not {"role", "groups", "organisation", "address"} & found


def test_an_id_token_has_the_organisation_but_no_profile(jan):
    """design.md: scope organisation adds claims to it. Authlib's default 14: only userinfo has the profile by default."""
    claims = jan.tokens(jan.party(), scope=ALL).claims
    assert (claims["organisation"], claims["role"]) == ("example-shoes", "employee")
    assert not {"name", "email", "phone_number"} & set(claims)


def test_the_claims_parameter_puts_claims_into_the_id_token(jan):
    """Core §5.5: a claim comes without its scope. None replaces claims of the protocol, and unknown ones are ignored."""
    asked = {
        "id_token": {"email": None, "phone_number": {"essential": True}, "sub": None, "iss": {"value": "x"}, "x y": None}
    }
    claims = jan.tokens(jan.party(scope="openid email phone"), scope="openid email", claims=json.dumps(asked)).claims
    assert (claims["email"], "phone_number" in claims, "name" in claims) == ("jan@shoes.example", True, False)
    assert claims["iss"] == jan.settings.issuer


def test_unknown_and_unregistered_scopes_are_omitted(jan):
    """V10.4.11, OC-06: the answer names the granted scopes."""
    tokens = jan.tokens(jan.party(scope="openid email"), scope="openid profile email bogus")
    assert tokens.raw["scope"] == "openid email"


def test_plain_oauth_gets_only_an_access_token(jan):
    """RFC 6749: without openid there is no ID token, and userinfo requires openid."""
    party = jan.party()
    tokens = jan.tokens(party, scope="profile")
    assert tokens.id_token is None
    with pytest.raises(Refused, match="insufficient_scope"):
        party.userinfo()


def bearer(token):
    """Return an Authorization header with the token."""
    return {"Authorization": f"Bearer {token}"}


def test_userinfo_accepts_the_token_in_header_or_form(scene, ask):
    """Core §5.3.1, Authlib's default 16: GET and POST work, and so does the form body."""
    token = scene.tokens(scene.party()).access_token
    for answer in (
        ask("GET", "/oauth/userinfo", headers=bearer(token)),
        ask("GET", "/oauth/userinfo", headers={"Authorization": f"bearer {token}"}),
        ask("POST", "/oauth/userinfo", headers=bearer(token)),
        ask("POST", "/oauth/userinfo", data={"access_token": token}),
    ):
        assert answer.status_code == 200
        assert answer.json["sub"] == scene.person.id
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers


def test_userinfo_refuses_every_other_token_and_place(scene, ask):
    """V9.2.2, V9.2.3, O21-15, O21-16: other tokens, other places and two tokens at once all get one challenge."""
    tokens = scene.tokens(scene.party(grant_types=["authorization_code", "refresh_token"]), scope="openid offline_access")
    good = tokens.access_token
    path = "/oauth/userinfo"
    cases = {
        "nothing": (ask("GET", path), 401, None),
        "the query": (ask("GET", path, query_string={"access_token": good}), 401, None),
        "Basic": (ask("GET", path, headers={"Authorization": f"Basic {good}"}), 401, None),
        "two at once": (ask("POST", path, headers=bearer(good), data={"access_token": good}), 400, "invalid_request"),
        "twice": (ask("POST", path, data=f"access_token={good}&access_token={good}"), 401, None),
        "twice in a form": (
            ask("POST", path, data={"access_token": [good, good]}),
            400,
            "invalid_request",
        ),
        "an ID token": (ask("GET", path, headers=bearer(tokens.id_token)), 401, "invalid_token"),
        "a refresh token": (ask("GET", path, headers=bearer(tokens.refresh_token)), 401, "invalid_token"),
        "rubbish": (ask("GET", path, headers=bearer("a.b.c")), 401, "invalid_token"),
        "huge": (ask("GET", path, headers=bearer("A" * 20_000)), 401, "invalid_token"),
        "changed": (ask("GET", path, headers=bearer(good[:-6] + "AAAAAA")), 401, "invalid_token"),
        "DELETE": (ask("DELETE", path, headers=bearer(good)), 405, None),
    }
    for name, (answer, status, error) in cases.items():
        assert answer.status_code == status, name
        challenges = answer.headers.getlist("WWW-Authenticate")
        assert len(challenges) == (status != 405), name
        if error:
            assert f'error="{error}"' in challenges[0], name
        elif challenges:
            assert "error" not in challenges[0], name


def test_an_expired_access_token_is_refused(scene):
    """V9.2.1: userinfo checks the expiry."""
    party = scene.party()
    with time_machine.travel(clock.now(), tick=False) as turned:
        scene.tokens(party)
        turned.shift(299)
        assert party.userinfo()
        turned.shift(2)
        with pytest.raises(Refused, match="invalid_token"):
            party.userinfo()


def test_signing_out_ends_access_tokens_too(scene):
    """security.md 9: userinfo checks the session of the grant."""
    party = scene.party()
    scene.tokens(party)
    scene.browser.open("/oauth/logout").submit("choice=sign_out")
    with pytest.raises(Refused, match="invalid_token"):
        party.userinfo()
