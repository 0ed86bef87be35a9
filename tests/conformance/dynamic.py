"""Act as the suite's clients of the Dynamic plan: they register themselves, and authenticate by private_key_jwt (RS256)."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from werkzeug.test import TestResponse

from tests.conformance.suite import WITHOUT_PKCE
from tests.drivers.client_key import ClientKey
from tests.drivers.registering_apps import Ask, register
from tests.drivers.relying_party import RelyingParty, Tokens
from tests.oauth.conftest import Scene

CALLBACK = "https://suite.example.com/callback"


@cache
def rsa_key(kid: str) -> ClientKey:
    """Return a key of a client, made once."""
    return ClientKey("RS256", kid)


class DynamicClient:
    """A client that has registered itself. ``made``: the answer to its registration."""

    def __init__(self, scene: Scene, made: dict[str, Any]) -> None:
        self.made, self.signer = made, rsa_key("one")
        self.party = RelyingParty(scene.app, scene.settings.issuer, made["client_id"], made["redirect_uris"][0])

    def token(self, form: dict[str, str], audience: str = "") -> TestResponse:
        """Ask the token endpoint, by an assertion for it, or for another audience."""
        party = self.party
        auth = self.signer.assertion(party.client_id, audience or party.metadata["token_endpoint"])
        return party.ask("token_endpoint", {**form, **auth})

    def redeem(self, code: str, audience: str = "") -> Tokens:
        """Redeem a code. Raises ``Refused``."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.party.redirect_uri}
        return self.party.take(self.token(form, audience))


@dataclass
class Dynamic:
    """The plan's clients, and one person with a browser. ``token``: by which an operator lets them publish on loopback."""

    scene: Scene
    ask: Ask
    token: str

    def register(self, **metadata: Any) -> TestResponse:
        """Register a client as the suite does; None leaves a member out."""
        known = {
            "client_name": "Suite", "redirect_uris": [CALLBACK], "contacts": ["dev@suite.example.com"],
            "grant_types": ["authorization_code"], "response_types": ["code"],
            "token_endpoint_auth_method": "private_key_jwt", "jwks": rsa_key("one").jwks,
        }  # fmt: skip
        given = {name: value for name, value in {**known, **metadata}.items() if value is not None}
        return register(self.ask, given, self.token)

    def client(self, **metadata: Any) -> DynamicClient:
        """Return a client that has registered itself."""
        answer = self.register(**metadata)
        assert answer.status_code == 201, answer.text
        assert {name: value for name, value in metadata.items() if value is not None}.items() <= answer.json.items()
        return DynamicClient(self.scene, answer.json)

    def open(self, client: DynamicClient, **params: str | None) -> Any:
        """Open an authorization request, and answer no page. Returns the browser."""
        return self.scene.browser.open(client.party.authorize_url(**{**WITHOUT_PKCE, **params}))

    def code(self, client: DynamicClient, **params: str | None) -> str:
        """Return the code of a complete sign-in."""
        self.scene.sign_in(client.party, **{**WITHOUT_PKCE, **params})
        return client.party.answer(self.scene.browser.left_for)["code"]

    def tokens(self, client: DynamicClient, **params: str | None) -> Tokens:
        """Return the tokens of a complete sign-in."""
        return client.redeem(self.code(client, **params))
