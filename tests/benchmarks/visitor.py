"""The lightest browser and relying app that can sign in: the load must cost the machine less than the server does."""

import base64
import hashlib
import json
import re
import secrets
from html import unescape
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.benchmarks.server import CALLBACK, PASSWORD, SECRET, Target

BASIC = "Basic " + base64.b64encode(f"bench:{SECRET}".encode()).decode()
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
FORM = re.compile(r'<form method="post" action="([^"]*)".*?</form>', re.DOTALL)


class Visitor:
    """One keep-alive connection with its cookies, and the relying app's side of the conversation."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._http = HTTPConnection("127.0.0.1", target.port, timeout=30)
        self._cookies: dict[str, str] = {}
        self.refresh_token = self.access_token = ""
        _, body = self.ask("GET", "/.well-known/openid-configuration")
        self._metadata: dict[str, Any] = json.loads(body)

    def ask(self, method: str, path: str, form: dict[str, str] | None = None, **headers: str) -> tuple[HTTPResponse, bytes]:
        """One request; cookies are kept."""
        sent = {"Host": urlsplit(self._target.issuer).netloc, **headers}
        if self._cookies and "Authorization" not in headers:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        if form is not None:
            sent |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self._target.issuer}
        self._http.request(method, path, urlencode(form) if form is not None else None, sent)
        answer = self._http.getresponse()
        body = answer.read()
        for header in answer.headers.get_all("Set-Cookie", []):
            name, _, value = header.partition(";")[0].partition("=")
            self._cookies[name] = value
        return answer, body

    def sign_in(self, number: int) -> None:
        """A full sign-in of somebody who is new here: authorize, password, code, tokens."""
        self._cookies.clear()
        verifier, path = self._authorize()
        answer, body = self._follow(path)
        for _ in range(3):
            if answer.status != 200:
                break
            answer, body = self._fill_in(body.decode(), number)
            if answer.status in (302, 303):
                answer, body = self._follow(self._location(answer))
        self._redeem(answer, body, verifier)

    def silent(self) -> None:
        """A single sign-on: authorize with a live session, code, tokens."""
        verifier, path = self._authorize()
        answer, body = self._follow(path)
        self._redeem(answer, body, verifier)

    def refresh(self) -> None:
        """New tokens for the refresh token."""
        self._tokens({"grant_type": "refresh_token", "refresh_token": self.refresh_token})

    def userinfo(self) -> None:
        """Claims for the access token."""
        self.get(self._path("userinfo_endpoint"), Authorization=f"Bearer {self.access_token}")

    def get(self, path: str, **headers: str) -> None:
        """A GET that must succeed."""
        answer, body = self.ask("GET", path, **headers)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")

    def _authorize(self) -> tuple[str, str]:
        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": "bench",
            "redirect_uri": CALLBACK,
            "scope": "openid profile offline_access",
            "state": secrets.token_urlsafe(16),
            "nonce": secrets.token_urlsafe(16),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return verifier, f"{self._path('authorization_endpoint')}?{urlencode(asked)}"

    def _path(self, endpoint: str) -> str:
        return str(self._metadata[endpoint]).removeprefix(self._target.issuer)

    def _follow(self, path: str) -> tuple[HTTPResponse, bytes]:
        """GET, and on through redirects of the issuer; stops at a page or at the way out."""
        while True:
            answer, body = self.ask("GET", path)
            if answer.status not in (302, 303) or self._location(answer).startswith(CALLBACK):
                return answer, body
            path = self._location(answer)

    def _location(self, answer: HTTPResponse) -> str:
        return str(answer.headers["Location"]).removeprefix(self._target.issuer)

    def _fill_in(self, page: str, number: int) -> tuple[HTTPResponse, bytes]:
        form = next((one for one in FORM.finditer(page) if 'name="password"' in one[0]), None)
        if form is None:
            raise RuntimeError(f"no password is asked for: {page[:3000]}")
        hidden = {name: unescape(value) for name, value in HIDDEN.findall(form[0])}
        typed = {"username": f"person{number}", "password": PASSWORD}
        return self.ask("POST", unescape(form[1]).removeprefix(self._target.issuer), {**hidden, **typed})

    def _redeem(self, answer: HTTPResponse, body: bytes, verifier: str) -> None:
        if answer.status not in (302, 303):
            raise RuntimeError(f"{answer.status} {body[:2000]!r}")
        found = parse_qs(urlsplit(str(answer.headers["Location"])).query)
        if "code" not in found:
            raise RuntimeError(f"no code came back: {found}")
        sent = {"grant_type": "authorization_code", "code": found["code"][0], "redirect_uri": CALLBACK}
        self._tokens({**sent, "code_verifier": verifier})

    def _tokens(self, form: dict[str, str]) -> None:
        answer, body = self.ask("POST", self._path("token_endpoint"), form, Authorization=BASIC)
        if answer.status != 200:
            raise RuntimeError(f"/token: {answer.status} {body[:300]!r}")
        given: dict[str, Any] = json.loads(body)
        self.access_token = given["access_token"]
        self.refresh_token = given.get("refresh_token", self.refresh_token)
