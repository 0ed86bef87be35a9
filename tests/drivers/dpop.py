"""Prove possession of a key as an app does (RFC 9449)."""

import base64
import hashlib
import json
import secrets
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey
from werkzeug.test import TestResponse

from idp import clock
from tests.drivers.relying_party import RelyingParty

KINDS = {
    "ES256": lambda: ECKey.generate_key("P-256"),
    "Ed25519": lambda: OKPKey.generate_key("Ed25519"),
    "PS256": lambda: RSAKey.generate_key(2048),
}

MACHINE = {"grant_type": "client_credentials"}


def b64url(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class ProofKey:
    """Hold a key, and the latest nonce of the server."""

    def __init__(self, alg: str = "ES256") -> None:
        self.alg, self.key, self.nonce = alg, KINDS[alg](), ""

    @property
    def thumbprint(self) -> str:
        """Return the SHA-256 thumbprint of the key (RFC 7638)."""
        return str(self.key.thumbprint())

    def proof(self, method: str, url: str, access_token: str = "", *, header: Any = None, **over: Any) -> str:
        """Return a proof. ``over`` replaces its claims and ``header`` its header's members; None leaves one out."""
        claims: dict[str, Any] = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": url,
            "iat": clock.epoch_seconds(clock.now()),
            "nonce": self.nonce or None,
            "ath": b64url(hashlib.sha256(access_token.encode()).digest()) if access_token else None,
            **over,
        }
        members = {"typ": "dpop+jwt", "alg": self.alg, "jwk": self.key.as_dict(private=False), **(header or {})}
        return self.sign(
            {name: value for name, value in members.items() if value is not None},
            json.dumps({name: value for name, value in claims.items() if value is not None}).encode(),
        )

    def sign(self, header: dict[str, Any], payload: bytes) -> str:
        """Sign any payload under any header by this key's own algorithm."""
        signed = f"{b64url(json.dumps(header).encode())}.{b64url(payload)}"
        registry = jws.JWSRegistry(algorithms=[self.alg])
        return f"{signed}.{b64url(registry.get_alg(self.alg).sign(signed.encode(), self.key))}"


def nonce_of(party: RelyingParty) -> str:
    """Return the nonce that the server gives with the answer to a useless proof."""
    return str(party.ask("token_endpoint", MACHINE, {"DPoP": "x"}).headers["DPoP-Nonce"])


def url_of(party: RelyingParty, endpoint: str = "token_endpoint") -> str:
    """Return the address of an endpoint."""
    return str(party.metadata[endpoint])


def post(party: RelyingParty, form: dict[str, str], proof: str) -> TestResponse:
    """Ask for tokens with a proof."""
    return party.ask("token_endpoint", form, {"DPoP": proof})


def machine(party: RelyingParty, key: ProofKey, **over: Any) -> TestResponse:
    """Ask for a token with a proof that the arguments may change."""
    return post(party, MACHINE, key.proof(over.pop("method", "POST"), over.pop("url", url_of(party)), **over))


def bound(party: RelyingParty, key: ProofKey, code: str, **over: str) -> dict[str, Any]:
    """Return the token response for a code, bound to a key."""
    answer = post(party, redemption(party, code) | over, key.proof("POST", url_of(party)))
    assert answer.status_code == 200, answer.json
    return dict(answer.json)


def redemption(party: RelyingParty, code: str) -> dict[str, str]:
    """Return the form that redeems a code."""
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": party.redirect_uri,
        "code_verifier": party.verifier,
    }
