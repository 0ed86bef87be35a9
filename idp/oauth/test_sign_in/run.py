"""Run a test sign-in: show what a client would get, by a real authorization request that comes back to a page of ours.

We act as the relying app (OpenID Connect Core §3.1): state, nonce and PKCE verifier travel sealed in a cookie, the answer is
checked as an app must check it, and the code is redeemed. ``permission`` lets the browser have the answer sent here, so
nothing is registered for it. Only the client's own authentication is left out: only the app knows its secret. So a code is
redeemed here only if it was sent to our own page. The grant ends at once. No token leaves this file; only its claims are
shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from idp import clock, crypto, db
from idp.audit import Event, Origin, record
from idp.errors import Message, Unreadable, say
from idp.oauth.authorization_response import add_query
from idp.oauth.clients import RegisteredClient
from idp.oauth.code_grant import Redeemed, redeem
from idp.oauth.provider import Provider
from idp.oauth.request_parameters import Parameters
from idp.oauth.test_sign_in import permission
from idp.oauth.token_request import TokenRequest
from idp.oauth.tokens import Particulars, half_hash, mint
from idp.signin.state import BrowserContext
from idp.store import grants
from idp.store.organisations import Organisation

PLACE = "trial:request"


@dataclass(frozen=True)
class Begun:
    """Hold the browser's next address, and the sealed state that it keeps until it is back."""

    address: str
    sealed: str


@dataclass(frozen=True)
class Outcome:
    """The result: the ID token's claims, or an OAuth ``error`` with its description.

    ``wrong``: why the answer counts for nothing.
    """

    client_id: str = ""
    store_url: str = ""
    claims: Mapping[str, Any] | None = None
    header: Mapping[str, Any] | None = None
    scope: str = ""
    error: str = ""
    description: str = ""
    wrong: Message | None = None


def begin(
    provider: Provider, client: RegisteredClient, organisation: Organisation, visit: BrowserContext, origin: Origin
) -> Begun:
    """Make an authorization request as the client would send it, with all its scopes, and record the administrator."""
    store_url = organisation.store_url if organisation.kind == "retailer" else ""
    kept = {
        "client_id": client.client_id, "store_url": store_url, "at": clock.epoch_seconds(clock.now()),
        "state": permission.give(provider, visit.browser_id, client.client_id),
        "nonce": crypto.new_secret(), "verifier": crypto.new_secret(),
    }  # fmt: skip
    sent = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": permission.callback(provider),
        "scope": " ".join(client.allowed_scopes(str(client.metadata.get("scope", "openid")))),
        "state": str(kept["state"]),
        "nonce": str(kept["nonce"]),
        "code_challenge": create_s256_code_challenge(str(kept["verifier"])),
        "code_challenge_method": "S256",
        "organisation": store_url,
    }
    with db.transaction():
        record(replace(origin, client_id=client.client_id), Event.CLIENT_TESTED, organisation_id=organisation.id)
    address = add_query(f"{provider.issuer}/oauth/authorize", tuple(pair for pair in sent.items() if pair[1]))
    return Begun(address, provider.settings.ring.seal_json(kept, PLACE))


def finish(provider: Provider, sealed: str, answer: Mapping[str, str], visit: BrowserContext) -> Outcome:
    """Check the answer in the order in which an app must, and end the grant."""
    kept = _opened(provider, sealed)
    if kept is None:
        return Outcome(wrong=say("This browser has no test under way, or it took too long. Start it again in the console."))
    about = {"client_id": kept["client_id"], "store_url": kept["store_url"]}
    # RFC 6749 §10.12: an answer with another state is not to this browser's request.
    if not crypto.same(answer.get("state", ""), kept["state"]):
        why = say("The state in the answer does not match the one that was sent: the answer belongs to another request.")
        return Outcome(**about, wrong=why)
    # RFC 9207 §2.4: "Clients MUST […] compare the result to the issuer identifier of the authorization server".
    if answer.get("iss") != provider.issuer:
        return Outcome(**about, wrong=say("The issuer in the answer is not this provider: this may be a mix-up attack."))
    if answer.get("error"):
        return Outcome(**about, error=answer["error"][:100], description=answer.get("error_description", "")[:300])
    return _redeemed(provider, kept, answer.get("code", ""), visit)


def _opened(provider: Provider, sealed: str) -> dict[str, Any] | None:
    try:
        kept: dict[str, Any] = provider.settings.ring.open_json(sealed, PLACE)
    except (Unreadable, ValueError):
        return None
    return kept if clock.epoch_seconds(clock.now()) - kept["at"] <= permission.LIVES else None


def _redeemed(provider: Provider, kept: Mapping[str, Any], code: str, visit: BrowserContext) -> Outcome:
    about = {"client_id": kept["client_id"], "store_url": kept["store_url"]}
    form = {"code": code, "redirect_uri": permission.callback(provider), "code_verifier": kept["verifier"]}
    request = TokenRequest(Parameters(form), address=visit.address, request_id=visit.request_id)
    client = provider.clients.get(kept["client_id"])
    if client is None:
        return Outcome(**about, error="invalid_client", description="The app is gone or disabled.")
    with db.transaction():
        found = redeem(provider, client, request, clock.now())
        if isinstance(found, Redeemed):
            grant = found.active.grant
            grants.revoke_grant(grant.organisation_id, grant.id, clock.now(), "trial")
    if isinstance(found, str):
        return Outcome(**about, error="invalid_grant", description=found)
    return _explained(provider, kept, found)


def _explained(provider: Provider, kept: Mapping[str, Any], found: Redeemed) -> Outcome:
    """Return the ID token's claims, checked as OpenID Connect Core §3.1.3.7 says."""
    about = {"client_id": kept["client_id"], "store_url": kept["store_url"]}
    scopes = found.active.scopes
    token = mint(provider, found.active, scopes, Particulars("", found.code.nonce or "", target=found.target))
    if "id_token" not in token:
        return Outcome(**about, scope=token["scope"], wrong=say("There is no ID token: the scope openid is not registered."))
    verified = provider.keys.verify(token["id_token"])
    claims = dict(verified.claims) if verified else {}
    expected = {
        "iss": provider.issuer,
        "aud": kept["client_id"],
        "nonce": kept["nonce"],
        "at_hash": half_hash(token["access_token"]),
    }
    if verified is None or any(claims.get(name) != value for name, value in expected.items()):
        return Outcome(**about, wrong=say("The ID token does not contain what was asked for."))
    return Outcome(**about, claims=claims, header=dict(verified.header), scope=token["scope"])
