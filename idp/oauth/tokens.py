"""Make JWT access tokens (RFC 9068) and ID tokens (OpenID Connect Core §2), here only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from idp import clock, crypto
from idp.identity import assurance as assurance_levels
from idp.identity.scopes import only_scopes
from idp.oauth.active_grant import ActiveGrant
from idp.oauth.claims import for_access_token, for_id_token, issued_now
from idp.oauth.client_encryption import encrypt_for
from idp.oauth.clients import RegisteredClient
from idp.oauth.confirmation import as_claim, token_type
from idp.oauth.provider import Provider
from idp.oauth.resource_indicators import Target, ourselves

ACCESS_TOKEN_TYPE = "at+jwt"


@dataclass(frozen=True)
class Assurance:
    """Hold how the user was authenticated for a grant: worked out from its proofs and from the request, never stored."""

    acr: str
    amr: Sequence[str]
    auth_time: datetime

    def as_claims(self) -> dict[str, Any]:
        """Return ``acr`` and ``auth_time``: for both kinds of token."""
        return {"acr": self.acr, "auth_time": clock.epoch_seconds(self.auth_time)}


def assurance_of(provider: Provider, active: ActiveGrant) -> Assurance:
    """Return the assurance of a grant: a later step-up elsewhere never changes it."""
    names = provider.settings.acr.names
    answered = assurance_levels.acr(active.proofs, names, active.grant.asked)
    return Assurance(
        answered, assurance_levels.amr(active.proofs), assurance_levels.auth_time(active.proofs, names[answered])
    )


@dataclass(frozen=True)
class Particulars:
    """What of a token response comes from the requests that led to it, not from the grant.

    ``bound_to``: the key that the client proved to hold (``confirmation``).
    ``target``: the API that the access token is for; None for ourselves.
    """

    bound_to: str
    nonce: str = ""
    refresh_token: str = ""
    target: Target | None = None


def mint(provider: Provider, active: ActiveGrant, granted: Sequence[str], particulars: Particulars) -> dict[str, Any]:
    """Return a token response (RFC 6749 §5.1). No transaction may be open: signatures take time.

    ``granted``: the scopes and single claims of this response.
    """
    assurance = assurance_of(provider, active)
    target = particulars.target or ourselves(provider, granted)
    person = for_access_token(active.user, active.client, granted, target.claims)
    access = _access_token(provider, active, target, {**person, **assurance.as_claims(), **as_claim(particulars.bound_to)})
    response = _response(provider, access, only_scopes(target.scopes), particulars.bound_to)
    if target.details:
        response["authorization_details"] = list(target.details)
    if particulars.refresh_token:
        response["refresh_token"] = particulars.refresh_token
    if "openid" in granted:
        person = for_id_token(active.user, active.client, granted, active.grant.claims)
        nonce = {"nonce": particulars.nonce} if particulars.nonce else {}
        response["id_token"] = _id_token(provider, active, assurance, {**person, "at_hash": half_hash(access), **nonce})
    return response


def mint_beside_code(provider: Provider, active: ActiveGrant, code: str, nonce: str, state: str) -> str:
    """Return the ID token that comes with a code (OpenID Connect Core §3.3.2.11), bound to it and to ``state``.

    It comes through the browser, so it tells nothing about the person but who they are: the one that the code is redeemed
    for has the rest (§3.3.3.6).
    """
    hashes = {"c_hash": half_hash(code)} | ({"s_hash": half_hash(state)} if state else {})
    return _id_token(provider, active, assurance_of(provider, active), {"nonce": nonce, **hashes})


def mint_for_client(provider: Provider, client: RegisteredClient, target: Target, bound_to: str) -> dict[str, Any]:
    """Return a token response for a client that acts for itself. RFC 9068 §2.2: ``sub`` then identifies the client."""
    claims = {
        "sub": client.client_id,
        "client_id": client.client_id,
        "jti": crypto.new_secret(),
        **({"scope": " ".join(target.scopes)} if target.scopes else {}),
        **as_claim(bound_to),
    }
    return _response(provider, _signed(provider, claims, target), target.scopes, bound_to)


@dataclass(frozen=True)
class Acting:
    """The client that exchanges a token (RFC 8693), with the claim ``act``. ``exp``: that of both tokens."""

    client_id: str
    act: Mapping[str, Any]
    bound_to: str
    exp: int


def mint_exchanged(provider: Provider, active: ActiveGrant, target: Target, acting: Acting) -> dict[str, Any]:
    """Return a token response for a client that exchanged a token. Level and age are those of the grant."""
    person = for_access_token(active.user, active.client, target.scopes, target.claims)
    own = {"client_id": acting.client_id, "act": acting.act, **as_claim(acting.bound_to)}
    about = {**person, **assurance_of(provider, active).as_claims(), **own}
    access = _access_token(provider, active, target, about, acting.exp)
    seconds = max(0, acting.exp - clock.epoch_seconds(clock.now()))
    return _response(provider, access, target.scopes, acting.bound_to) | {"expires_in": seconds}


def _response(provider: Provider, access: str, scopes: Sequence[str], bound_to: str) -> dict[str, Any]:
    return {
        "access_token": access,
        "token_type": token_type(bound_to),
        "expires_in": provider.settings.lifetimes.access_token_seconds,
        **({"scope": " ".join(scopes)} if scopes else {}),
    }


def _access_token(
    provider: Provider, active: ActiveGrant, target: Target, about: Mapping[str, Any], exp: int | None = None
) -> str:
    """Return an access token for a user. ``jti`` begins with the id of its grant, which userinfo looks up."""
    grant = active.grant
    claims = {
        "client_id": grant.client_id,
        **about,
        "sub": provider.subjects.subject(active.client, grant.user_id),
        "jti": f"{grant.id}.{crypto.new_secret()}",
        "scope": " ".join(only_scopes(target.scopes)),
        "organisation_id": grant.organisation_id,
        **({"authorization_details": list(target.details)} if target.details else {}),
    }
    return _signed(provider, claims, target, exp)


def _signed(provider: Provider, claims: Mapping[str, Any], target: Target, exp: int | None = None) -> str:
    """Sign an access token for its target (RFC 9068 §2.2). ``exp``: its end, if it does not last as long as any other."""
    times = issued_now(provider.settings.lifetimes.access_token_seconds) | ({} if exp is None else {"exp": exp})
    whole = {**claims, "iss": provider.issuer, "aud": target.audience, **times}
    return provider.keys.sign(target.alg, whole, ACCESS_TOKEN_TYPE)


def _id_token(provider: Provider, active: ActiveGrant, assurance: Assurance, more: Mapping[str, Any]) -> str:
    grant = active.grant
    claims = {
        **more,
        "iss": provider.issuer,
        "sub": provider.subjects.subject(active.client, grant.user_id),
        "aud": grant.client_id,
        **issued_now(provider.settings.lifetimes.access_token_seconds),
        **assurance.as_claims(),
        "amr": list(assurance.amr),
        "sid": provider.subjects.sid(active.client, grant.login_id),
    }
    return encrypt_for(provider, active.client, "id_token", provider.keys.sign(active.client.id_token_alg, claims))


def half_hash(token: str) -> str:
    """Return the left half of the hash, base64url (OpenID Connect Core §3.1.3.6). All our algorithms end in 256."""
    return crypto.b64url(crypto.sha256(token.encode())[:16])
