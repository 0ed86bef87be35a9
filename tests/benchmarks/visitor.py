"""Act as the lightest browser and relying app that can sign in at any provider. A wrong answer ends the run."""

import base64
import hashlib
import json
import re
import secrets
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.benchmarks.target import CALLBACK, PASSWORD, SECRET, Target
from tests.benchmarks.wire import Answer, Wire

BASIC = "Basic " + base64.b64encode(f"bench:{SECRET}".encode()).decode()
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
FORM = re.compile(r'<form method="post" action="([^"]*)".*?</form>', re.DOTALL)
TAGS = re.compile(r"<[^>]*>")
REDIRECTS = (302, 303)


class WrongAnswer(RuntimeError):
    """The server's answer is not the one that the operation expects."""

    def __init__(self, what: str, answer: Answer) -> None:
        text = " ".join(TAGS.sub(" ", answer.body.decode()).split())[:300]
        super().__init__(f"{what}: {answer.status} {answer.header('location')} {text}")
        self.status = answer.status


class Visitor:
    """Hold one kept connection with its cookies, and the relying app's side of the conversation."""

    def __init__(self, target: Target, number: int) -> None:
        self._issuer, self._host = target.issuer, urlsplit(target.issuer).netloc
        self._wire = Wire(target.port)
        self._cookies: dict[str, str] = {}
        self.number = number
        self.refresh_token = self.access_token = ""
        self.metadata: dict[str, Any] = json.loads(self._get("/.well-known/openid-configuration").body)

    def close(self) -> None:
        """Close the connection."""
        self._wire.close()

    def sign_in(self) -> None:
        """Sign in on a new browser: authorize, password, code, tokens."""
        self._cookies.clear()
        verifier, path = self._authorize()
        answer = self._visit(path)
        for _ in range(3):
            if answer.status != 200:
                break
            answer = self._follow(self._fill_in(answer, f"person{self.number}", PASSWORD))
        self._redeem(answer, verifier)

    def sign_in_wrongly(self) -> None:
        """Try a wrong password on a new browser, from a new address and under a new name."""
        self._cookies.clear()
        address = {"X-Forwarded-For": ".".join(["10", *(str(secrets.randbelow(250) + 1) for _ in range(3))])}
        answer = self._visit(self._authorize()[1])
        answer = self._follow(self._fill_in(answer, f"nobody{secrets.token_hex(8)}", PASSWORD, **address))
        if answer.status in REDIRECTS or answer.status >= 500:
            raise WrongAnswer("a wrong password", answer)

    def silent(self) -> None:
        """Sign in at an app by the live session: authorize, code, tokens."""
        verifier, path = self._authorize()
        self._redeem(self._visit(path), verifier)

    def refresh(self) -> None:
        """Get new tokens for the refresh token."""
        self._tokens({"grant_type": "refresh_token", "refresh_token": self.refresh_token})

    def client_credentials(self) -> None:
        """Get an access token for the app itself."""
        form = {"grant_type": "client_credentials"}
        answer = self._machine("token_endpoint", form)
        if answer.status != 200 or not json.loads(answer.body).get("access_token"):
            raise WrongAnswer("client credentials", answer)

    def introspect(self) -> None:
        """Ask whether the access token is active."""
        answer = self._machine("introspection_endpoint", {"token": self.access_token})
        if answer.status != 200 or json.loads(answer.body).get("active") is not True:
            raise WrongAnswer("introspection", answer)

    def userinfo(self) -> None:
        """Get the claims for the access token."""
        answer = self._get(self._path("userinfo_endpoint"), Authorization=f"Bearer {self.access_token}")
        if b'"sub"' not in answer.body:
            raise WrongAnswer("userinfo", answer)

    def discovery(self) -> None:
        """Get the metadata."""
        self._get("/.well-known/openid-configuration")

    def jwks(self) -> None:
        """Get the signing keys."""
        self._get(self._path("jwks_uri"))

    def live(self) -> None:
        """Ask whether the process is alive."""
        self._get("/livez")

    def _get(self, path: str, **headers: str) -> Answer:
        answer = self._ask("GET", path, None, **headers)
        if answer.status != 200:
            raise WrongAnswer(path, answer)
        return answer

    def _ask(self, method: str, path: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}"]
        if self._cookies and "Authorization" not in headers:
            lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in self._cookies.items()))
        body = urlencode(form) if form is not None else ""
        if form is not None:
            lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
            if "Authorization" not in headers:  # a browser sends the origin of a form; a server does not
                lines.append(f"Origin: {self._issuer}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        answer = self._wire.ask(("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1"))
        for name, header in answer.headers:
            if name == "set-cookie":
                self._keep(header)
        return answer

    def _keep(self, header: str) -> None:
        name, _, value = header.partition(";")[0].partition("=")
        if value:
            self._cookies[name] = value
        else:
            self._cookies.pop(name, None)

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
        return str(self.metadata[endpoint]).removeprefix(self._issuer)

    def _visit(self, path: str) -> Answer:
        return self._follow(self._ask("GET", path))

    def _follow(self, answer: Answer) -> Answer:
        """Follow redirects of the issuer. Returns a page, or the redirect to the app."""
        while answer.status in REDIRECTS and not self._location(answer).startswith(CALLBACK):
            answer = self._ask("GET", self._location(answer))
        return answer

    def _location(self, answer: Answer) -> str:
        return answer.header("location").removeprefix(self._issuer)

    def _fill_in(self, page: Answer, username: str, password: str, **headers: str) -> Answer:
        form = next((one for one in FORM.finditer(page.body.decode()) if 'name="password"' in one[0]), None)
        if form is None:
            raise WrongAnswer("no password is asked for", page)
        hidden = {name: unescape(value) for name, value in HIDDEN.findall(form[0])}
        entered = {**hidden, "username": username, "password": password}
        return self._ask("POST", unescape(form[1]).removeprefix(self._issuer), entered, **headers)

    def _redeem(self, answer: Answer, verifier: str) -> None:
        found = parse_qs(urlsplit(answer.header("location")).query)
        if answer.status not in REDIRECTS or "code" not in found:
            raise WrongAnswer("no code came back", answer)
        sent = {"grant_type": "authorization_code", "code": found["code"][0], "redirect_uri": CALLBACK}
        self._tokens({**sent, "code_verifier": verifier})

    def _machine(self, endpoint: str, form: dict[str, str]) -> Answer:
        return self._ask("POST", self._path(endpoint), form, Authorization=BASIC)

    def _tokens(self, form: dict[str, str]) -> None:
        answer = self._machine("token_endpoint", form)
        given: dict[str, Any] = json.loads(answer.body) if answer.status == 200 else {}
        if not given.get("access_token") or not given.get("id_token"):
            raise WrongAnswer("tokens", answer)
        self.access_token = given["access_token"]
        self.refresh_token = given.get("refresh_token", self.refresh_token)
