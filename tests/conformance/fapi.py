"""Act as the FAPI 2.0 suite's clients: private_key_jwt, pushed requests (unsigned), PKCE, and tokens bound by DPoP."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from werkzeug.test import TestResponse

from tests.drivers.browser import Browser
from tests.drivers.client_key import ClientKey
from tests.drivers.dpop import ProofKey, redemption, url_of
from tests.drivers.relying_party import RelyingParty
from tests.oauth.conftest import Scene

PAR = "pushed_authorization_request_endpoint"
GRANTS = ["authorization_code", "refresh_token"]


class FapiClient:
    """A client of the plan. ``signer`` is the key that its registration has, ``key`` the one of its tokens."""

    def __init__(self, scene: Scene, client_id: str, alg: str = "ES256", **metadata: Any) -> None:
        self.client_id, self.signer, self.key = client_id, ClientKey(alg), ProofKey()
        known = {"security_profile": "fapi-2.0", "jwks": self.signer.jwks, "grant_types": GRANTS}
        made = scene.factory.make_client(client_id, **{**known, **metadata})
        self.party = RelyingParty(scene.app, scene.settings.issuer, client_id, made.redirect_uri)
        self.http = scene.app.test_client(use_cookies=False)

    def assertion(self, audience: Any = None, **over: Any) -> dict[str, str]:
        """Return the two parameters by which it authenticates; to the issuer, as the profile demands."""
        return self.signer.assertion(self.client_id, audience or self.party.issuer, **over)

    def request(self, **params: str | None) -> dict[str, str]:
        """Return the parameters of an authorization request."""
        sent = dict(parse_qsl(urlsplit(self.party.authorize_url(**params)).query))
        self.party.state = sent.get("state")  # type: ignore[assignment] # none is expected back where none was sent
        return sent

    def push(
        self, auth: dict[str, str] | None = None, key: ProofKey | None = None, iat: int | None = None, **params: str | None
    ) -> TestResponse:
        """Push a request, with a proof where a key is given."""
        form, url = self.request(**params), url_of(self.party, PAR)
        for _ in range(2):
            sent = {**form, **(self.assertion() if auth is None else auth)}
            moment = {} if iat is None else {"iat": iat}
            answer = self.party.ask(PAR, sent, {"DPoP": key.proof("POST", url, **moment)} if key else {})
            if not key or not _wants_nonce(key, answer):
                break
        return answer

    def address(self, request_uri: str, **more: str) -> str:
        """Return where the browser goes: only the client and the reference (RFC 9126 §4)."""
        return f"/oauth/authorize?{urlencode({'client_id': self.client_id, 'request_uri': request_uri, **more})}"

    def token(
        self, form: dict[str, str], auth: dict[str, str] | None = None, key: ProofKey | None = None, **proof: Any
    ) -> TestResponse:
        """Ask for tokens with a proof, twice where the server asks for its nonce. ``proof`` changes its claims."""
        key = key or self.key
        for _ in range(2):
            sent = {**form, **(self.assertion() if auth is None else auth)}
            answer = self.party.ask("token_endpoint", sent, {"DPoP": key.proof("POST", url_of(self.party), **proof)})
            if not _wants_nonce(key, answer):
                break
        return answer

    def redeem(self, code: str, **over: str) -> dict[str, str]:
        """Return the form that redeems a code."""
        return {**redemption(self.party, code), **over}

    def resource(self, token: str, scheme: str = "DPoP", key: ProofKey | None = None, **proof: Any) -> TestResponse:
        """Call userinfo with a proof, twice where the server asks for its nonce. ``proof`` changes the proof."""
        key = key or self.key
        for _ in range(2):
            made = key.proof("GET", url_of(self.party, "userinfo_endpoint"), token, **proof)
            answer = self.present(token, [("DPoP", made)], scheme)
            if not _wants_nonce(key, answer):
                break
        return answer

    def present(self, token: str, headers: list[tuple[str, str]], scheme: str = "DPoP", query: str = "") -> TestResponse:
        """Call userinfo with a token, and these headers."""
        path = url_of(self.party, "userinfo_endpoint").removeprefix(self.party.issuer)
        whole = [*headers, *([("Authorization", f"{scheme} {token}")] if scheme else [])]
        return self.http.get(path, base_url=self.party.issuer, headers=whole, query_string=query)


def _wants_nonce(key: ProofKey, answer: TestResponse) -> bool:
    key.nonce = answer.headers.get("DPoP-Nonce", key.nonce)
    return "use_dpop_nonce" in (answer.headers.get("WWW-Authenticate", "") + answer.get_data(as_text=True))


@dataclass
class Fapi:
    """The clients of the plan, and one person with a browser."""

    scene: Scene

    @cached_property
    def client(self) -> FapiClient:
        """Return the first client."""
        return FapiClient(self.scene, "client")

    @cached_property
    def second(self) -> FapiClient:
        """Return the second client, with keys of its own."""
        return FapiClient(self.scene, "client2")

    @property
    def browser(self) -> Browser:
        """Return the person's browser."""
        return self.scene.browser

    def sign_in(self, client: FapiClient, answer: TestResponse, **more: str) -> dict[str, str]:
        """Bring a pushed request by the browser, and answer the pages. Returns what came back. Raises ``Refused``."""
        assert answer.status_code == 201, answer.text
        self.browser.open(client.address(answer.json["request_uri"], **more))
        for _ in range(4):
            if self.browser.left_for:
                break
            self.scene._answer()
        return client.party.answer(self.browser.left_for)

    def code(self, client: FapiClient | None = None, **params: Any) -> str:
        """Return the code of a complete sign-in."""
        asking = client or self.client
        return self.sign_in(asking, asking.push(**params))["code"]

    def tokens(self, client: FapiClient | None = None, **params: Any) -> dict[str, Any]:
        """Return the token response of a complete sign-in, with the claims of the ID token as ``claims``."""
        asking = client or self.client
        return self.taken(asking, asking.token(asking.redeem(self.code(asking, **params))))

    @staticmethod
    def taken(client: FapiClient, answer: TestResponse) -> dict[str, Any]:
        """Check a token response (FAPI 2.0 §5.3.2.1, §5.4.1). Returns it with the claims of the ID token as ``claims``."""
        assert answer.status_code == 200, answer.text
        assert answer.json["token_type"] == "DPoP"
        assert answer.headers["Cache-Control"] == "no-store"
        claims = client.party.verify(answer.json["id_token"])
        assert (claims["iss"], claims["aud"]) == (client.party.issuer, client.client_id)
        return {**answer.json, "claims": claims}


def error_of(answer: TestResponse) -> tuple[int, str]:
    """Return the status and the error of an answer."""
    return answer.status_code, str(answer.json.get("error", ""))
