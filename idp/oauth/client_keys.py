"""Keep the public keys that clients register (RFC 7591 §2), and check what they have signed.

The header of a JWT chooses neither key nor algorithm: both must be the client's own (RFC 8725 §3.1).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from idp import crypto
from idp.errors import Unreadable
from idp.keys import LONGEST_TOKEN
from idp.oauth import strict_json
from idp.oauth.clients import RegisteredClient
from idp.oauth.key_addresses import Jwk, KeyAddresses
from idp.oauth.public_keys import FORMER_NAMES, PublicKey, read_public_key


@dataclass(frozen=True)
class ClientJwt:
    """A JWT that a client has signed. Its claims are not checked yet."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def type(self) -> str:
        """Return ``typ`` in lower case, without the ``application/`` that RFC 7515 §4.1.9 makes optional."""
        return str(self.header.get("typ", "")).lower().removeprefix("application/")


def read_signed(addresses: KeyAddresses, client: RegisteredClient, token: str, algorithms: Collection[str]) -> ClientJwt:
    """Return a JWT that the client signed by one of these algorithms. Raises ``Unreadable`` for anything else."""
    header = crypto.jws_header(token, LONGEST_TOKEN)
    alg = header.get("alg")
    alg = FORMER_NAMES.get(alg, alg) if isinstance(alg, str) else ""
    if alg not in algorithms:
        raise Unreadable("another algorithm")
    if not any(key.has_signed(token) for key in _keys(addresses, client, alg, header)):
        raise Unreadable("no key of the client has signed it")
    return jwt_of(header, token)


def jwt_of(header: Mapping[str, Any], token: str) -> ClientJwt:
    """Return a JWT whose signature was checked. Raises ``Unreadable``."""
    try:
        claims = strict_json.read(crypto.from_b64url(token.split(".")[1]))
    except ValueError as error:
        raise Unreadable("its claims are not JSON") from error
    if not isinstance(claims, dict):
        raise Unreadable("its claims are no object")
    return ClientJwt(header, claims)


def keys_of(addresses: KeyAddresses, client: RegisteredClient, is_wanted: Callable[[Jwk], bool]) -> Iterator[Jwk]:
    """Yield those of a client's registered keys that are wanted, as they are: nothing of them is checked."""
    address = client.metadata.get("jwks_uri")
    given: Sequence[Jwk] = client.metadata.get("jwks", {}).get("keys", ())
    if address:
        given = addresses.keys_at(address, is_wanted, only_public=client.only_public)
    return filter(is_wanted, given)


def _keys(addresses: KeyAddresses, client: RegisteredClient, alg: str, header: Mapping[str, Any]) -> Iterator[PublicKey]:
    """Yield the client's keys that may have signed: those of the header's ``kid``, or all where it names none."""
    kid = header.get("kid")
    if "kid" in header and not isinstance(kid, str):
        return
    for jwk in keys_of(addresses, client, lambda key: "kid" not in header or key.get("kid") == kid):
        if jwk.get("use", "sig") != "sig":
            continue
        try:
            yield read_public_key(jwk, alg)
        except Unreadable:
            continue  # a key for another algorithm
