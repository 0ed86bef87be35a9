"""Imitate a relying app of an outside developer: code flow with PKCE, state and nonce. Every token is checked."""

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from idp import clock

ALGORITHMS = ["ES256", "RS256", "EdDSA"]


class Refused(Exception):
    """Report an OAuth error that came back: ``error``, ``description``, and the whole answer in ``values``."""

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__(f"{values.get('error')}: {values.get('error_description', '')}")
        self.error = str(values.get("error"))
        self.description = str(values.get("error_description", ""))
        self.values = values


def error_of(use: Callable[[], Any]) -> str:
    """Return the OAuth error of a call, or an empty text if it succeeds."""
    try:
        use()
    except Refused as refused:
        return refused.error
    return ""


@dataclass
class Tokens:
    """Hold the token endpoint's answer. ``claims`` are the ID token's, verified; ``raw`` is the answer."""

    access_token: str
    refresh_token: str | None
    id_token: str | None
    claims: dict[str, Any]
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def acr(self) -> str:
        """Return the level of the sign-in."""
        return str(self.claims.get("acr"))

    @property
    def amr(self) -> list[str]:
        """Return the methods used."""
        return list(self.claims.get("amr", []))


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge (RFC 7636 §4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


class RelyingParty:
    """Act as an app registered as ``client_id``. Without a secret it is a public client. ``post`` sends the secret in the
    body.
    """

    def __init__(
        self, app: Flask, issuer: str, client_id: str, redirect_uri: str, *, secret: str = "", post: bool = False
    ) -> None:
        self.issuer, self.client_id, self.redirect_uri = issuer, client_id, redirect_uri
        self._secret, self._post = secret, post
        self._http = app.test_client(use_cookies=False)
        self.metadata = self._get_json("/.well-known/openid-configuration")
        assert self.metadata["issuer"] == issuer
        self.state = self.nonce = self.verifier = ""
        self.tokens: Tokens | None = None
        self.opened: Callable[[str], str] = str
        """Decrypts what is encrypted for the app."""

    def authorize_url(self, **params: str | None) -> str:
        """Return the address to send a person to. ``None`` leaves a parameter out."""
        self.state, self.nonce, self.verifier = (secrets.token_urlsafe(32) for _ in range(3))
        wanted: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid",
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
            **params,
        }
        self.nonce = wanted["nonce"] or ""
        sent = {key: value for key, value in wanted.items() if value is not None}
        return f"{self.metadata['authorization_endpoint']}?{urlencode(sent)}"

    def answer(self, url: str | None, posted: dict[str, str] | None = None) -> dict[str, str]:
        """Return the parameters that came back to the redirect URI. ``state`` and ``iss`` (RFC 9207) are checked."""
        assert url is not None, "the browser did not leave the issuer"
        assert url.partition("?")[0].partition("#")[0] == self.redirect_uri, f"sent to {url}"
        parts = urlsplit(url)
        found = posted or dict(parse_qsl(parts.query or parts.fragment, keep_blank_values=True))
        assert found.get("state") == self.state, found
        assert found.get("iss") == self.issuer, found
        if "error" in found:
            raise Refused(found)
        return found

    def callback(self, url: str | None, posted: dict[str, str] | None = None) -> Tokens:
        """Redeem the code that came back. Raises ``Refused``."""
        return self.redeem(self.answer(url, posted)["code"])

    def redeem(self, code: str, **over: str) -> Tokens:
        """Redeem a code. Raises ``Refused``."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
            **over,
        }
        return self.take(self.token(form))

    def refresh(self, refresh_token: str | None = None, **over: str) -> Tokens:
        """Return new tokens for a refresh token, by default the latest one. Raises ``Refused``."""
        held = refresh_token or (self.tokens.refresh_token if self.tokens else None)
        assert held, "there is no refresh token: register the grant type"
        return self.take(self.token({"grant_type": "refresh_token", "refresh_token": held, **over}), refreshed=True)

    def token(self, form: dict[str, str]) -> TestResponse:
        """Ask the token endpoint as this client."""
        return self.ask("token_endpoint", form)

    def ask(self, endpoint: str, form: dict[str, str], headers: dict[str, str] | None = None) -> TestResponse:
        """Send a form to an endpoint of the metadata as this client, authenticated as it is registered."""
        headers = dict(headers or {})
        if not self._secret:
            form = {"client_id": self.client_id, **form}
        elif self._post:
            form = {"client_id": self.client_id, "client_secret": self._secret, **form}
        else:
            pair = base64.b64encode(f"{self.client_id}:{self._secret}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        return self._http.post(self._path(endpoint), base_url=self.issuer, data=form, headers=headers)

    def userinfo(self, access_token: str | None = None) -> dict[str, Any]:
        """Return claims about the person. Raises ``Refused``."""
        held = access_token or (self.tokens.access_token if self.tokens else "")
        answer = self._http.get(
            self._path("userinfo_endpoint"), base_url=self.issuer, headers={"Authorization": f"Bearer {held}"}
        )
        if answer.status_code != 200:
            raise Refused({"error": answer.headers.get("WWW-Authenticate", str(answer.status_code))})
        return dict(answer.get_json())

    def verify(self, token: str) -> dict[str, Any]:
        """Return the claims of a JWT of the issuer, after its signature is checked against the JWKS."""
        keys = KeySet.import_key_set(self._get_json(self.metadata["jwks_uri"].removeprefix(self.issuer)))
        return dict(jwt.decode(self.opened(token), keys, algorithms=ALGORITHMS).claims)

    def take(self, answer: TestResponse, *, refreshed: bool = False) -> Tokens:
        """Return the tokens of an answer, checked. Raises ``Refused``."""
        raw = answer.get_json(silent=True) or {"error": f"status {answer.status_code}"}
        if answer.status_code != 200:
            raise Refused(raw)
        assert raw["token_type"].lower() == "bearer"
        assert answer.headers["Cache-Control"] == "no-store"
        id_token = raw.get("id_token")
        claims = self._check_id_token(id_token, raw["access_token"], refreshed) if id_token else {}
        self.tokens = Tokens(raw["access_token"], raw.get("refresh_token"), id_token, claims, raw)
        return self.tokens

    def _check_id_token(self, id_token: str, access_token: str, refreshed: bool) -> dict[str, Any]:
        """Check the ID token (OpenID Connect Core §3.1.3.7)."""
        claims = self.verify(id_token)
        now = clock.epoch_seconds(clock.now())
        assert claims["iss"] == self.issuer
        assert claims["aud"] in (self.client_id, [self.client_id])
        assert claims["iat"] - 5 <= now < claims["exp"]
        assert refreshed or claims.get("nonce", "") == self.nonce
        if "at_hash" in claims:
            half = hashlib.sha256(access_token.encode()).digest()[:16]
            assert claims["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()
        return claims

    def _path(self, endpoint: str) -> str:
        return str(self.metadata[endpoint]).removeprefix(self.issuer)

    def _get_json(self, path: str) -> dict[str, Any]:
        answer = self._http.get(path, base_url=self.issuer)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return dict(answer.get_json())
