"""Keep what every endpoint works with: the configuration, the clients and the keys, each read once."""

from dataclasses import dataclass

from idp.config import Settings
from idp.keys import KeyRing
from idp.oauth.clients import Clients
from idp.oauth.key_addresses import KeyAddresses
from idp.oauth.request_documents import RequestDocuments
from idp.oauth.subjects import Subjects


@dataclass(frozen=True)
class Provider:
    """What does not belong to a request; one for each process."""

    settings: Settings
    clients: Clients
    keys: KeyRing
    key_addresses: KeyAddresses
    subjects: Subjects
    request_documents: RequestDocuments

    @property
    def issuer(self) -> str:
        """Return the issuer identifier, always from the configuration, never from a Host header."""
        return self.settings.issuer

    @property
    def bases(self) -> tuple[str, ...]:
        """Return how addresses of endpoints begin: with the issuer, or the address for certificates if there is one."""
        return tuple(filter(None, (self.issuer, self.settings.server.client_certificate_address)))


def make_provider(settings: Settings) -> Provider:
    """Return a provider whose parts are empty: they read the database when first used."""
    return Provider(
        settings, Clients(), KeyRing(settings), KeyAddresses(settings), Subjects(settings), RequestDocuments(settings)
    )
