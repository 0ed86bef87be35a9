"""Replace ids by others that only a key leads back from."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from idp import crypto
from idp.errors import Unreadable


class Pseudonyms:
    """Replace an id by text that is the same each time, for each context another, and that only the key leads back from.

    AES-SIV (RFC 5297): encryption without a nonce, which tells whether two texts are equal and nothing else.
    """

    KEY_BYTES = 64

    def __init__(self, key: bytes) -> None:
        self._cipher = AESSIV(key)

    def hide(self, name: str, context: str) -> str:
        """Return the pseudonym."""
        return crypto.b64url(self._cipher.encrypt(name.encode(), [context.encode()]))

    def reveal(self, pseudonym: str, context: str) -> str:
        """Return what ``hide`` was given. Raises ``Unreadable``."""
        try:
            return self._cipher.decrypt(crypto.from_b64url(pseudonym), [context.encode()]).decode()
        except (InvalidTag, ValueError) as error:
            raise Unreadable("no pseudonym for this context") from error
