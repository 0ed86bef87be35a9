"""Request objects by value (RFC 9101, OpenID Connect Core §6)."""

import json
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import time_machine

from idp import clock, crypto
from idp.errors import Invalid
from idp.oauth.client_metadata import validate_metadata
from tests.drivers.client_keys import hmac_signed, jwks, key, signed
from tests.drivers.relying_party import Refused
from tests.oauth.conftest import Scene

KEY = key("ES256")
TAKEN = ("ES256", "Ed25519", "PS256", "RS256")


def app(scene: Scene, *keys, **options):
    """Return an app with registered keys."""
    return scene.party(jwks=jwks(*(keys or (KEY,))), **options)


def claims_of(party, **changes):
    """Return the claims of a good request object. ``None`` leaves one out, or a parameter."""
    over = {name: changes.pop(name) for name in ("iss", "aud", "exp", "nbf", "iat", "sub") if name in changes}
    sent = dict(parse_qsl(urlsplit(party.authorize_url()).query))
    at = clock.epoch_seconds(clock.now())
    whole = {**sent, "iss": party.client_id, "aud": party.issuer, "exp": at + 60, "nbf": at, **over, **changes}
    return {name: value for name, value in whole.items() if value is not None}


def address(party, text: str, **outer: str) -> str:
    """Return where the browser goes: RFC 9101 §5 needs the client_id outside, and the object."""
    return f"/oauth/authorize?{urlencode({'client_id': party.client_id, 'request': text, **outer})}"


def refusal(scene, party, text: str, **outer: str) -> str:
    """Return the error that the app is told, at the address that the browser names."""
    more = {"redirect_uri": party.redirect_uri, "state": party.state, **outer}
    with pytest.raises(Refused) as refused:
        party.answer(scene.browser.open(address(party, text, **more)).left_for)
    return refused.value.error


def come(scene, url: str) -> str:
    """Sign in, where asked to. Returns where the browser leaves for."""
    scene.browser.open(url)
    if scene.browser.left_for is None:
        scene._answer()
    assert scene.browser.left_for, scene.browser.text[:500]
    return scene.browser.left_for


@pytest.mark.parametrize("alg", TAKEN)
def test_a_signed_request_signs_in(scene, alg):
    """§5, §6.2: by each listed algorithm; the code belongs to the object's nonce and challenge."""
    party = app(scene, key(alg))
    url = address(party, signed(claims_of(party), key(alg), alg))
    assert party.redeem(party.answer(come(scene, url))["code"]).claims["nonce"] == party.nonce


@pytest.mark.parametrize("typ", [None, "JWT", "jwt", "oauth-authz-req+jwt", "application/oauth-authz-req+jwt"])
@pytest.mark.parametrize("kid", [None, "for-ES256"])
def test_the_types_that_libraries_send_are_taken(scene, typ, kid):
    """§10.8, Core §6.1: with and without typ and kid."""
    party = app(scene)
    scene.tokens(party)
    text = signed(claims_of(party), KEY, "ES256", typ=typ, kid=kid)
    assert party.answer(scene.browser.open(address(party, text)).left_for)["code"]


def test_parameters_outside_count_for_nothing(scene):
    """§6.3: the server MUST only use the parameters in the object. Core's duplicates may stand beside it."""
    party = app(scene)
    text = signed(claims_of(party, prompt=None, scope="openid"), KEY, "ES256")
    url = address(
        party, text, scope="openid email", response_type="code", state="evil", nonce="evil", prompt="none",
        redirect_uri="https://evil.example/cb", response_mode="fragment", max_age="0",
    )  # fmt: skip
    found = party.redeem(party.answer(come(scene, url))["code"])
    assert (found.claims["nonce"], found.raw["scope"]) == (party.nonce, "openid")


def test_what_the_object_lacks_is_not_taken_from_outside(scene):
    """§6.3: an attacker adds nothing to a signed request."""
    party = app(scene)
    text = signed(claims_of(party, redirect_uri=None, response_type=None), KEY, "ES256")
    page = scene.browser.open(address(party, text, redirect_uri=party.redirect_uri, response_type="code"))
    assert (page.status, page.left_for) == (400, None)


def test_structured_members_are_read(scene):
    """§4: numbers and objects are JSON in the object."""
    party = app(scene)
    scene.tokens(party)
    claims = claims_of(party, max_age=0, claims={"id_token": {"acr": {"essential": True, "value": "mfa"}}}, prompt="none")
    with pytest.raises(Refused) as refused:
        party.answer(scene.browser.open(address(party, signed(claims, KEY, "ES256"))).left_for)
    assert refused.value.error in ("login_required", "interaction_required")


WRONG_CLAIMS = {
    "no iss": {"iss": None},
    "another iss": {"iss": "back-office"},
    "no aud": {"aud": None},
    "another aud": {"aud": "https://other.example"},
    "another aud in a list": {"aud": ["https://other.example"]},
    "expired": {"exp": 1},
    "exp as text": {"exp": "2099-01-01"},
    "exp true": {"exp": True},
    "not yet valid": {"nbf": 4_000_000_000},
    "nbf as text": {"nbf": "now"},
    "an assertion of the client (§10.8)": {"sub": "webshop"},
    "another client_id": {"client_id": "back-office"},
    "a request in it": {"request": "x"},
    "a request_uri in it": {"request_uri": "https://app.example/r"},
}


@pytest.mark.parametrize("what", WRONG_CLAIMS)
def test_wrong_claims_are_refused(scene, what):
    """§4, §5, §6.3 and RFC 7519 §4.1: the object must be ours, of this client and of this time."""
    party = app(scene)
    text = signed(claims_of(party, **WRONG_CLAIMS[what]), KEY, "ES256")
    assert refusal(scene, party, text) == "invalid_request_object"


def test_an_aud_list_and_no_exp_are_taken(scene):
    """§4: ``aud`` may be a list; ``exp`` may be left out, as a request in the address has none."""
    party = app(scene)
    scene.tokens(party)
    text = signed(claims_of(party, aud=["https://other.example", party.issuer], exp=None, nbf=None), KEY, "ES256")
    assert party.answer(scene.browser.open(address(party, text)).left_for)["code"]


def test_response_type_and_client_id_outside_must_be_the_same(scene):
    """Core §6.1: "MUST match those in the Request Object, if present"."""
    party = app(scene)
    text = signed(claims_of(party), KEY, "ES256")
    assert refusal(scene, party, text, response_type="token") == "invalid_request_object"
    other = scene.party("back-office", redirect_uri=party.redirect_uri, jwks=jwks(KEY))
    assert refusal(scene, party, text, client_id=other.client_id) == "invalid_request_object"


def unsigned(party) -> str:
    """Return an object by the algorithm none (RFC 7515 appendix A.5)."""
    return ".".join(crypto.b64url(json.dumps(part).encode()) for part in ({"alg": "none"}, claims_of(party))) + "."


def test_unsigned_objects_are_refused(scene):
    """§6, §10.5: as the metadata says, which lists no ``none``."""
    party = app(scene)
    assert refusal(scene, party, unsigned(party)) == "invalid_request_object"


def test_keys_and_algorithms_are_the_client_s_own(scene, ask):
    """§6.2, RFC 8725 §3.1: neither the header's key, nor ours, nor a secret, nor an algorithm that is not listed."""
    party = app(scene, key("RS256"), KEY)
    stranger = key("ES256", "stranger")
    claims = claims_of(party)
    public = stranger.as_dict(private=False)
    texts = [
        signed(claims, stranger, "ES256"),
        signed(claims, stranger, "ES256", kid="for-ES256"),
        signed(claims, stranger, "ES256", jwk=public, kid=None),
        signed(claims, stranger, "ES256", jku="https://evil.example/jwks", kid=None),
        signed(claims, KEY, "ES256", kid="nobody"),
        signed(claims, KEY, "ES256", crit=["b64"], b64=True),
        signed(claims, KEY, "ES256", typ="at+jwt"),
        signed(claims, KEY, "ES256", typ="dpop+jwt"),
        signed(claims, key("RS512"), "RS512", kid=None),
        hmac_signed(claims, b"a secret of this client that is long enough"),
        hmac_signed(claims, key("RS256").as_pem(private=False), kid="for-RS256"),
        signed(claims, KEY, "ES256")[:-4] + "AAAA",
    ]
    for number, text in enumerate(texts):
        assert refusal(scene, party, text) == "invalid_request_object", number
    without = scene.party("back-office")
    assert refusal(scene, without, signed(claims_of(without), KEY, "ES256")) == "invalid_request_object"


def test_the_registered_algorithm_binds(scene):
    """Registration §2: objects by another algorithm MUST be rejected, also with a key of the client."""
    party = app(scene, KEY, key("PS256"), request_object_signing_alg="PS256")
    assert refusal(scene, party, signed(claims_of(party), KEY, "ES256")) == "invalid_request_object"
    assert party.answer(come(scene, address(party, signed(claims_of(party), key("PS256"), "PS256"))))["code"]


BODIES = (b"", b"[]", b"null", b"5", b"{", b'{"a": 1, "a": 2}', b'{"a": NaN}', b"[" * 20_000, b"\xff\xfe", b'"x"')


def test_anything_else_is_refused_without_a_fault_of_ours(scene):
    """§6: malformed objects, signed or not, are one error; nothing is parsed beyond its bound."""
    party = app(scene)
    good = signed(claims_of(party), KEY, "ES256")
    head, body, signature = good.split(".")
    texts = [signed(one, KEY, "ES256") for one in BODIES if len(one) < 5000]
    texts += ["x", "a.b", "a.b.c", "..", "a.b.c.d.e", good + ".x", f"{head}.{body}.", f".{body}.{signature}", "é.é.é", "%00"]
    texts += [f"{crypto.b64url(one)}.{body}.{signature}" for one in (b"[]", b"null", b'{"alg": []}', b'{"alg": {}}', b"{")]
    for text in texts:
        assert refusal(scene, party, text) in ("invalid_request_object", "invalid_request"), text[:50]
    for state in ("\ud800", "x" * 5000, "a\r\nb", 5.5, True, None, ["\ud800"]):
        claims = {**claims_of(party), "state": state}
        answer = scene.browser.open(address(party, signed(claims, KEY, "ES256")))
        assert answer.status < 500, state


def test_an_object_may_be_pushed(scene):
    """RFC 9126 §3: the parameters of a pushed object alone are used, and its errors are JSON."""
    party = app(scene, require_signed_request_object=True, require_pushed_authorization_requests=True)
    text = signed(claims_of(party), KEY, "ES256")
    answer = party.ask("pushed_authorization_request_endpoint", {"request": text, "state": "evil"})
    assert answer.status_code == 201
    url = f"/oauth/authorize?{urlencode({'client_id': party.client_id, 'request_uri': answer.json['request_uri']})}"
    assert party.answer(come(scene, url))["code"]
    answer = party.ask("pushed_authorization_request_endpoint", {"request": unsigned(party)})
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request_object")
    plain = dict(parse_qsl(urlsplit(party.authorize_url()).query))
    assert party.ask("pushed_authorization_request_endpoint", plain).json["error"] == "invalid_request"


def test_a_client_that_must_sign_is_refused_otherwise(scene):
    """§10.5: also after the sign-in, when its request is read again, a signed one is not refused."""
    party = app(scene, require_signed_request_object=True)
    for more in ({}, {"came_by": "signed"}):
        with pytest.raises(Refused, match="must send signed"):
            party.answer(scene.browser.open(party.authorize_url(**more)).left_for)
    assert party.answer(come(scene, address(party, signed(claims_of(party), KEY, "ES256"))))["code"]


def test_a_long_sign_in_outlives_the_object(scene):
    """S60: the object expires, and the sign-in goes on with what it said."""
    party = app(scene)
    with time_machine.travel(clock.now(), tick=False) as turned:
        scene.browser.open(address(party, signed(claims_of(party), KEY, "ES256")))
        turned.shift(1200)
        scene.browser.reload()
        scene._answer()
        assert party.redeem(party.answer(scene.browser.left_for)["code"]).claims["nonce"] == party.nonce


def test_both_forms_at_once_are_refused(scene):
    """§5: request and request_uri MUST NOT be used together."""
    party = app(scene)
    text = signed(claims_of(party), KEY, "ES256")
    assert refusal(scene, party, text, request_uri="urn:ietf:params:oauth:request_uri:x") == "invalid_request"


@pytest.mark.parametrize(
    "given",
    [
        [], {}, {"keys": []}, {"keys": "x"}, {"keys": ["x"]}, {"keys": [{}]}, "x", {"keys": [{"kty": "EC"}] * 11},
        {"keys": [KEY.as_dict(private=True)]}, {"keys": [{"kty": "oct", "k": "AAAA"}]},
        {"keys": [{"kty": "EC", "x": "A" * 20_000}]},
    ],
)  # fmt: skip
def test_only_public_key_sets_of_a_bounded_size_are_registered(settings, given):
    """RFC 7591 §2, RFC 7517 §5: a private key that was sent is compromised, and must not be used."""
    with pytest.raises(Invalid) as wrong:
        validate_metadata({"redirect_uris": ["https://app.example/cb"], "jwks": given}, settings)
    assert wrong.value.field == "jwks"


def test_keys_that_we_cannot_use_are_kept_and_ignored(scene):
    """RFC 7517 §5: a set may have keys for encryption, and kinds that we do not know."""
    known = key("ES256", "other").as_dict(private=False)
    others = [{**known, "use": "enc"}, {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}, {"kty": "AKP"}, {"kty": "RSA"}]
    party = scene.party(jwks={"keys": [*others, *jwks(KEY)["keys"]]})
    assert party.answer(come(scene, address(party, signed(claims_of(party), KEY, "ES256", kid=None))))["code"]
    assert refusal(scene, party, signed(claims_of(party), key("ES256", "other"), "ES256")) == "invalid_request_object"


def test_metadata_tells_what_is_taken(ask):
    """§9, Discovery §3: no ``none`` and no secret."""
    found = ask("GET", "/.well-known/openid-configuration").json
    assert found["request_parameter_supported"] is True
    assert found["request_object_signing_alg_values_supported"] == list(TAKEN)
    assert found["require_signed_request_object"] is False
