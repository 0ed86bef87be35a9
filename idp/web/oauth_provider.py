"""Keep the provider of the protocol in the application, with its discovery document ready to send."""

from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app

from idp.config import Settings
from idp.oauth import discovery
from idp.oauth.provider import Provider, make_provider

NAME = "sleutel.oauth"


@dataclass
class OAuth:
    """Hold what ``app.extensions["sleutel.oauth"]`` has."""

    provider: Provider
    discovery_document: bytes


def setup_oauth(app: Flask, settings: Settings) -> Provider:
    """Give the application its provider; keys and clients are read when first needed."""
    provider = make_provider(settings)
    app.extensions[NAME] = OAuth(provider, discovery.ready_bytes(provider))
    return provider


def provider() -> Provider:
    """Return the provider of this application."""
    return _kept().provider


def discovery_document() -> bytes:
    """Return the discovery document of this application."""
    return _kept().discovery_document


def _kept() -> OAuth:
    return cast(OAuth, current_app.extensions[NAME])
