"""What a proof must be (DPoP, RFC 9449 §4.3, §8 and §11.1), and that each counts once."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from idp import clock
from tests.drivers.dpop import MACHINE, ProofKey, machine, nonce_of, post, url_of
from tests.drivers.relying_party import RelyingParty
from tests.drivers.statements import counted
from tests.oauth.conftest import Scene

GRANTS = ["client_credentials"]


@pytest.fixture
def party(scene: Scene) -> RelyingParty:
    """Return a client with a secret."""
    return scene.party(grant_types=GRANTS)


@pytest.fixture
def key(party: RelyingParty) -> ProofKey:
    """Return a key of an app that has the server's nonce."""
    made = ProofKey()
    made.nonce = nonce_of(party)
    return made


def now() -> int:
    """Return the time as a proof tells it."""
    return clock.epoch_seconds(clock.now())


WRONG: dict[str, Callable[[], dict[str, Any]]] = {
    "no jti": lambda: {"jti": None},
    "jti no text": lambda: {"jti": 7},
    "jti empty": lambda: {"jti": ""},
    "jti half a character": lambda: {"jti": "\ud800"},
    "jti too long": lambda: {"jti": "x" * 257},
    "no htm": lambda: {"htm": None},
    "another method": lambda: {"htm": "GET"},
    "method in lower case": lambda: {"htm": "post"},
    "no htu": lambda: {"htu": None},
    "htu no text": lambda: {"htu": ["x"]},
    "another host": lambda: {"htu": "https://evil.example/oauth/token"},
    "another path": lambda: {"htu": "https://id.example.com/oauth/tokens"},
    "htu unreadable": lambda: {"htu": "https://[::1/oauth/token"},
    "a port out of range": lambda: {"htu": "https://id.example.com:99999/oauth/token"},
    "no iat": lambda: {"iat": None},
    "iat no number": lambda: {"iat": "now"},
    "iat true": lambda: {"iat": True},
    "iat not a number": lambda: {"iat": float("nan")},
    "iat endless": lambda: {"iat": float("inf")},
    "iat huge": lambda: {"iat": 10**400},
    "too old": lambda: {"iat": now() - 301},
    "of the future": lambda: {"iat": now() + 302},
    "another type": lambda: {"header": {"typ": "JWT"}},
    "no type": lambda: {"header": {"typ": None}},
    "no key": lambda: {"header": {"jwk": None}},
    "key no object": lambda: {"header": {"jwk": "x"}},
    "no algorithm": lambda: {"header": {"alg": None}},
    "alg none": lambda: {"header": {"alg": "none"}},
    "alg HS256": lambda: {"header": {"alg": "HS256"}},
    "alg no text": lambda: {"header": {"alg": ["ES256"]}},
    "alg of another key": lambda: {"header": {"alg": "PS256"}},
    "critical extension": lambda: {"header": {"crit": ["b64"]}},
    "another key in the header": lambda: {"header": {"jwk": ProofKey().key.as_dict(private=False)}},
    "a private key": lambda: {"header": {"jwk": ProofKey().key.as_dict(private=True)}},
    "a symmetric key": lambda: {"header": {"jwk": {"kty": "oct", "k": "AAAA"}, "alg": "HS256"}},
    "no point": lambda: {"header": {"jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}}},
    "a coordinate of another kind": lambda: {"header": {"jwk": {"kty": "EC", "crv": "P-256", "x": 1, "y": None}}},
    "a coordinate too long": lambda: {"header": {"jwk": {"kty": "EC", "crv": "P-256", "x": "A" * 700, "y": "AA"}}},
    "a short modulus": lambda: {"header": {"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, "alg": "PS256"}},
    "a large exponent": lambda: {"header": {"jwk": {"kty": "RSA", "n": "A" * 342, "e": "A" * 342}, "alg": "PS256"}},
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_proof_is_refused(scene: Scene, party: RelyingParty, key: ProofKey, what: str, turned: Any) -> None:
    """§4.3: each of the checks, with the error that §5 names; the answer always brings a nonce."""
    answer = machine(party, key, **WRONG[what]())
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_dpop_proof")
    assert answer.headers["DPoP-Nonce"]


@pytest.mark.parametrize(
    "proof", ["", "x", "a.b.c", "e30.e30.e30", "." * 9_000, "é", "eyJ0eXAiOiJkcG9wK2p3dCJ9.e30.", "a.b.c, a.b.c"]
)
def test_junk_is_no_proof(party: RelyingParty, proof: str) -> None:
    """§4.3, 1 and 2: one header with one well-formed JWT. Sizes are bounded before anything is parsed."""
    answer = post(party, MACHINE, proof)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_dpop_proof")


@pytest.mark.parametrize("payload", [b"", b"[]", b"null", b"\xff", b"{", b"[" * 2_000, b'{"jti": ' + b"1" * 2_500])
def test_a_payload_that_is_no_object_is_no_proof(party: RelyingParty, key: ProofKey, payload: bytes) -> None:
    """§4.2: a JWT's payload is a JSON object; a deep one must not end the process."""
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.key.as_dict(private=False)}
    assert post(party, MACHINE, key.sign(header, payload)).json["error"] == "invalid_dpop_proof"


@pytest.mark.parametrize(
    "change",
    [
        str.lower,
        str.upper,
        lambda url: url + "?a=b",
        lambda url: url + "#x",
        lambda url: url.replace("/oauth", ":443/oauth"),
    ],
)
def test_addresses_are_compared_as_addresses(party: RelyingParty, key: ProofKey, change: Callable[[str], str]) -> None:
    """§4.3, 9: query and fragment are ignored, after "Syntax-Based Normalization and Scheme-Based Normalization"."""
    url = url_of(party)
    sent = change(url)
    if change is str.upper:
        sent = sent.partition("/OAUTH")[0] + "/oauth/token"
    assert machine(party, key, url=sent).status_code == 200


def test_a_proof_works_once(party: RelyingParty, key: ProofKey) -> None:
    """§11.1: the ``jti`` is remembered; another proof of the same key works."""
    proof = key.proof("POST", url_of(party))
    assert post(party, MACHINE, proof).status_code == 200
    assert post(party, MACHINE, proof).json["error"] == "invalid_dpop_proof"
    assert machine(party, key).status_code == 200


@pytest.mark.both_engines
def test_of_many_copies_at_once_one_works(scene: Scene, engine: str) -> None:
    """§11.1: one INSERT decides."""
    party, key = scene.party(grant_types=GRANTS), ProofKey()
    key.nonce = nonce_of(party)
    proof = key.proof("POST", url_of(party))
    with ThreadPoolExecutor(8) as pool:
        found = sorted(answer.status_code for answer in pool.map(lambda _: post(party, MACHINE, proof), range(8)))
    assert found == [200] + [400] * 7


def test_the_server_gives_the_nonce(party: RelyingParty, turned: Any) -> None:
    """§8: without a nonce of ours the answer is ``use_dpop_nonce`` and brings one; it ends after five minutes."""
    key = ProofKey()
    answer = machine(party, key)
    assert (answer.status_code, answer.json["error"]) == (400, "use_dpop_nonce")
    assert answer.headers["Cache-Control"] == "no-store"
    key.nonce = answer.headers["DPoP-Nonce"]
    assert machine(party, key).headers["DPoP-Nonce"] == key.nonce
    turned.shift(4 * 60)
    answer = machine(party, key)
    assert answer.status_code == 200
    assert answer.headers["DPoP-Nonce"] != key.nonce
    turned.shift(61)
    assert machine(party, key).json["error"] == "use_dpop_nonce"


@pytest.mark.parametrize("nonce", ["x", ".", "1.x", "99999999999.x", "-1.x", "²." + "x" * 43, "x" * 1_000])
def test_nobody_else_makes_a_nonce(party: RelyingParty, nonce: str) -> None:
    """§8: a nonce is a MAC of ours."""
    key = ProofKey()
    key.nonce = nonce
    assert machine(party, key).json["error"] == "use_dpop_nonce"


def test_a_client_that_uses_no_proof_pays_nothing(scene: Scene, party: RelyingParty, key: ProofKey) -> None:
    """One more INSERT with a proof, no more statement without."""

    def count(do: Callable[[], object]) -> int:
        with counted(scene.app) as seen:
            do()
        return len([one for one in seen if one.startswith(("SELECT", "INSERT", "UPDATE", "DELETE"))])

    machine(party, key)
    assert count(lambda: machine(party, key)) - count(lambda: party.token(MACHINE)) == 1


def test_nothing_of_a_proof_reaches_the_log(party: RelyingParty, key: ProofKey, capsys: pytest.CaptureFixture[str]) -> None:
    """V16.2.5: a proof is a credential."""
    proof = key.proof("POST", url_of(party), jti=None)
    assert post(party, MACHINE, proof).status_code == 400
    output = capsys.readouterr()
    assert proof not in output.out + output.err
    assert json.dumps(key.thumbprint) not in output.out + output.err
