"""Act as the FAPI-CIBA suite's clients: private_key_jwt, signed requests, and tokens bound to the TLS certificate."""

import itertools
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from werkzeug.test import TestResponse

from idp import clock
from idp.db import transaction
from idp.mail.letters import compose
from idp.store import outbox
from idp.store import users as user_rows
from tests.conformance.fapi import error_of
from tests.conformance.suite import header_of
from tests.drivers.approvals import CIBA, open_approval
from tests.drivers.certificates import Certificate
from tests.drivers.client_key import ClientKey
from tests.drivers.relying_party import RelyingParty
from tests.oauth.conftest import Scene

ENDPOINT = "backchannel_authentication_endpoint"
TO_WAIT = {(400, "authorization_pending"), (400, "slow_down")}
NUMBERS = itertools.count()


class CibaClient:
    """A client of the plan. ``signer`` signs its assertions and its requests, ``certificate`` is that of its connections."""

    def __init__(self, scene: Scene, client_id: str, alg: str = "ES256") -> None:
        self.client_id, self.signer, self.certificate = client_id, ClientKey(alg), Certificate()
        scene.factory.make_client(
            client_id, grant_types=[CIBA, "refresh_token"], redirect_uris=[], jwks=self.signer.jwks,
            token_endpoint_auth_method="private_key_jwt", token_endpoint_auth_signing_alg=alg,
            backchannel_authentication_request_signing_alg=alg, id_token_signed_response_alg="ES256",
            tls_client_certificate_bound_access_tokens=True,
        )  # fmt: skip
        self.party = RelyingParty(scene.app, scene.settings.issuer, client_id, "")

    def assertion(self, endpoint: str = ENDPOINT, **over: Any) -> dict[str, str]:
        """Return the two parameters by which it authenticates, for the endpoint that it calls."""
        return self.signer.assertion(self.client_id, self.party.metadata[endpoint], **over)

    def claims(self, **over: Any) -> dict[str, Any]:
        """Return the claims of a right request; None leaves one out."""
        at = now()
        wanted = {"scope": "openid", "login_hint": "jan", "organisation": "example-shoes", "binding_message": "1234"}
        known = {"iss": self.client_id, "aud": self.party.issuer, "iat": at, "nbf": at, "exp": at + 300}
        whole = {**wanted, **known, "jti": f"{self.client_id}-{at}-{next(NUMBERS)}", **over}
        return {name: value for name, value in whole.items() if value is not None}

    def ask(self, jwt: str = "", auth: dict[str, str] | None = None, **over: Any) -> TestResponse:
        """Ask for an approval, by a request that is signed as it must be, or by this one."""
        sent = {"request": jwt or self.signer.sign(self.claims(**over)), **(self.assertion() if auth is None else auth)}
        return self.party.ask(ENDPOINT, sent)

    def token(
        self, form: dict[str, str], auth: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> TestResponse:
        """Ask the token endpoint, with the certificate."""
        sent = {**form, **(self.assertion("token_endpoint") if auth is None else auth)}
        return self.party.ask("token_endpoint", sent, self.certificate.passed() if headers is None else headers)

    def poll(self, auth_req_id: str, **over: Any) -> TestResponse:
        """Poll for tokens."""
        return self.token({"grant_type": CIBA, "auth_req_id": auth_req_id}, **over)


def now() -> int:
    """Return the time as a NumericDate."""
    return clock.epoch_seconds(clock.now())


@dataclass
class Ciba:
    """The clients of the plan, and the person who is asked."""

    scene: Scene
    decided: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Give the person an address."""
        person, factory = self.scene.person, self.scene.factory
        with factory.context(), transaction():
            address = {"email": "jan@shoes.example", "email_verified_at": clock.now()}
            user_rows.change_user(person.organisation_id, person.id, **address)

    @cached_property
    def client(self) -> CibaClient:
        """Return the first client."""
        return CibaClient(self.scene, "client")

    @cached_property
    def second(self) -> CibaClient:
        """Return the second client, with keys of its own."""
        return CibaClient(self.scene, "client2")

    def begun(self, client: CibaClient, **over: Any) -> str:
        """Ask for an approval that is still open. Returns what the client polls with."""
        answer = client.ask(**over)
        assert answer.status_code == 200, answer.text
        assert answer.json["expires_in"] > 0
        assert error_of(client.poll(answer.json["auth_req_id"])) in TO_WAIT
        return str(answer.json["auth_req_id"])

    def decide(self, choice: str = "approve") -> None:
        """Decide the request that was not decided yet, from its mail."""
        with self.scene.factory.context():
            mails = [str(compose(self.scene.settings, one).get_body(("plain",)).get_content()) for one in outbox.mails()]
        links = {"/approve/" + text.partition("/approve/")[2].split()[0] for text in mails}
        (link,) = links - self.decided
        self.decided.add(link)
        open_approval(self.scene, link)
        self.scene.browser.submit(f"choice={choice}")

    def tokens(self, client: CibaClient, **over: Any) -> dict[str, Any]:
        """Return the token response of an approval, checked."""
        auth_req_id = self.begun(client, **over)
        self.decide()
        answer = client.poll(auth_req_id)
        assert answer.status_code == 200, answer.text
        claims = client.party.verify(answer.json["id_token"])
        assert (claims["iss"], claims["aud"]) == (client.party.issuer, client.client_id)
        assert header_of(answer.json["id_token"])["alg"] in ("ES256", "PS256")
        return {**answer.json, "claims": claims, "auth_req_id": auth_req_id}
