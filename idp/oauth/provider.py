"""What every endpoint works with: the configuration, the clients and the keys, each read once and kept."""

from dataclasses import dataclass

from idp.config import Settings
from idp.keys import KeyRing
from idp.oauth.clients import Clients


@dataclass(frozen=True)
class Provider:
    """The provider's standing parts; one for each process."""

    settings: Settings
    clients: Clients
    keys: KeyRing

    @property
    def issuer(self) -> str:
        """The issuer identifier, always from the configuration, never from a Host header."""
        return self.settings.issuer


def make_provider(settings: Settings) -> Provider:
    """The parts, still empty: they read the database when first used."""
    return Provider(settings, Clients(), KeyRing(settings))
