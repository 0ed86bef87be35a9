"""Act as the client of the conformance suite: OpenID Connect as of 2014, with state and nonce and without PKCE."""

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from joserfc import jws

from tests.drivers.browser import Browser
from tests.drivers.relying_party import RelyingParty, Tokens
from tests.oauth.conftest import Scene

WITHOUT_PKCE: dict[str, str | None] = {"code_challenge": None, "code_challenge_method": None}
BYE = "https://shop.example.com/bye"
OFFLINE = {"grant_types": ["authorization_code", "refresh_token"]}
BOTH = {"response_types": ["code", "code id_token"]}


@dataclass
class Suite:
    """The suite's clients at the provider. ``plan``: the certification plan that is walked through."""

    scene: Scene
    plan: str

    @property
    def client(self) -> RelyingParty:
        """Return the client that authenticates by client_secret_basic."""
        return self.scene.party("client", require_pkce=False, post_logout_redirect_uris=[BYE], **OFFLINE, **BOTH)

    @property
    def second(self) -> RelyingParty:
        """Return another client, for tokens that are not its own."""
        return self.scene.party("client2", require_pkce=False, **OFFLINE, **BOTH)

    @property
    def posting(self) -> RelyingParty:
        """Return the client that authenticates by client_secret_post."""
        method = "client_secret_post"
        return self.scene.party("client-post", require_pkce=False, token_endpoint_auth_method=method, **BOTH)

    @property
    def browser(self) -> Browser:
        """Return the person's browser."""
        return self.scene.browser

    @property
    def metadata(self) -> dict[str, Any]:
        """Return the provider's metadata."""
        return self.client.metadata

    @property
    def is_hybrid(self) -> bool:
        """Return whether an ID token comes with the code (Core §3.3). The other hybrid types are not supported."""
        return "hybrid" in self.plan

    @property
    def variant(self) -> dict[str, str]:
        """Return the response type and mode that the plan's variant sends."""
        mode = {"response_mode": "form_post"} if "formpost" in self.plan else {}
        return {"response_type": "code id_token", **mode} if self.is_hybrid else mode

    def url(self, party: RelyingParty | None = None, **params: str | None) -> str:
        """Return the address of an authorization request."""
        return (party or self.client).authorize_url(**{**WITHOUT_PKCE, **self.variant, **params})

    def open(self, party: RelyingParty | None = None, **params: str | None) -> Browser:
        """Open an authorization request, and answer no page."""
        return self.browser.open(self.url(party, **params))

    def answer(self, party: RelyingParty | None = None) -> dict[str, str]:
        """Return the parameters that came back to the client. Raises ``Refused``."""
        return (party or self.client).answer(self.browser.left_for, self.browser.left_with or None)

    def code(self, party: RelyingParty | None = None, **params: str | None) -> str:
        """Return the code of a complete sign-in."""
        asking = party or self.client
        self.scene.sign_in(asking, **{**WITHOUT_PKCE, **self.variant, **params})
        return self.answer(asking)["code"]

    def redeem(self, code: str, party: RelyingParty | None = None) -> Tokens:
        """Redeem a code without a verifier. Raises ``Refused``."""
        return (party or self.client).redeem(code, code_verifier="")

    def tokens(self, party: RelyingParty | None = None, **params: str | None) -> Tokens:
        """Return the tokens of a complete sign-in. The ID token was checked as OpenID Connect Core §3.1.3.7 says."""
        code = self.code(party, **params)
        front = self._front_claims(party or self.client) if self.is_hybrid else {}
        tokens = self.redeem(code, party)
        # Core §3.3.3.6: "The iss and sub Claim Values MUST be identical in both ID Tokens."
        assert not [name for name in ("iss", "sub") if front and front[name] != tokens.claims[name]]
        return tokens

    def _front_claims(self, party: RelyingParty) -> dict[str, Any]:
        """Return the claims of the ID token that came with the code, checked (Core §3.3.2.11)."""
        found = self.answer(party)
        assert self.browser.left_with or urlsplit(self.browser.left_for or "").fragment, "the answer is in the query"
        claims = party.verify(found["id_token"])
        assert (claims["iss"], claims["aud"], claims["nonce"]) == (party.issuer, party.client_id, party.nonce)
        assert claims["c_hash"] == half_hash(found["code"])
        assert header_of(found["id_token"])["alg"] == "RS256"
        return claims


def half_hash(text: str) -> str:
    """Return the left half of the SHA-256 of a text (Core §3.3.2.11), for ``c_hash`` and ``s_hash``."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).rstrip(b"=").decode()


def header_of(token: str) -> dict[str, Any]:
    """Return the header of a JWT."""
    return dict(jws.extract_compact(token.encode()).protected)


def unsigned(claims: dict[str, Any]) -> str:
    """Return a JWT with ``alg`` none."""
    parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."
