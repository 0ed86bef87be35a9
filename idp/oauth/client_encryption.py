"""Find the keys by which clients want their tokens and answers encrypted, in time.

A key may have to be fetched from the client's address. That is done before a request uses anything up: a code, a proof, a
sign-in. Afterwards the keys are taken from memory.
"""

from functools import partial

from idp.errors import Unreadable
from idp.oauth import encryption
from idp.oauth.client_keys import keys_of
from idp.oauth.clients import RegisteredClient
from idp.oauth.encryption import alg_member, enc_member
from idp.oauth.errors import OAuthError
from idp.oauth.provider import Provider


def require_keys(provider: Provider, client: RegisteredClient, *kinds: str) -> None:
    """Have the keys for what this client gets encrypted; raises ``temporarily_unavailable`` where there are none.

    It may wait for the network: no transaction may be open. Raises ``MustCall`` where others need this thread.
    """
    for kind in kinds:
        alg = client.metadata.get(alg_member(kind))
        if alg and not any(keys_of(provider.key_addresses, client, partial(encryption.is_for, alg=alg))):
            raise _no_key(client, alg)


def encrypt_for(provider: Provider, client: RegisteredClient, kind: str, text: str, *, is_jwt: bool = True) -> str:
    """Return a text encrypted for a client, or as it is if the client is not registered for that.

    ``require_keys`` was asked before.
    """
    alg = client.metadata.get(alg_member(kind))
    if not alg:
        return text
    address = client.metadata.get("jwks_uri")
    keys = client.metadata.get("jwks", {}).get("keys", ())
    if address:
        keys = provider.key_addresses.held(address, only_public=client.only_public)
    try:
        return encryption.encrypt(text, keys, alg, client.metadata[enc_member(kind)], is_jwt=is_jwt)
    except Unreadable as error:
        raise _no_key(client, alg) from error


def _no_key(client: RegisteredClient, alg: str) -> OAuthError:
    why = "No key of the client for encryption can be read from its jwks_uri."
    return OAuthError("temporarily_unavailable", why, status=503, detail=f"{client.client_id} has no key for {alg}")
