"""Settings to copy into an app: as lines for any app, and as the panel for the library that it is built with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import request

from idp.errors import Message
from idp.oauth import client_kinds, guides
from idp.oauth.client_metadata import accepted_methods
from idp.store.clients import Client
from idp.web import request_context

CHOICE = "for"
"""The parameter that names the library."""
SECRET = "OIDC_CLIENT_SECRET"


@dataclass(frozen=True)
class Piece:
    """Hold a file of the app by its name, empty for commands."""

    name: str
    text: str


@dataclass(frozen=True)
class GuidePanel:
    """Hold the libraries by name and title, the ``chosen`` one (empty: none yet), and its text."""

    stacks: tuple[tuple[str, str], ...]
    chosen: str = ""
    notes: tuple[Message, ...] = ()
    pieces: tuple[Piece, ...] = ()

    @property
    def reads_secret(self) -> bool:
        """Return whether the text names the secret."""
        return any(SECRET in piece.text for piece in self.pieces)


def signs_in_at_a_browser(row: Client) -> bool:
    """Return whether people sign in to the app at a browser."""
    return "authorization_code" in row.metadata_.get("grant_types", ())


def api_of(row: Client) -> Mapping[str, Any]:
    """Return the API that the app is: its identifier, its scopes and how its access tokens are signed; empty for others."""
    found: Mapping[str, Any] = row.metadata_.get("resource") or {}
    return found


def panel(row: Client, stack: str = "") -> GuidePanel:
    """Return the panel for an app, with the text for a library: ``stack``, or the one that the address names.

    Libraries that do not fit the app's kind are not offered. Some kinds have none.
    """
    stacks = client_kinds.stacks_for(row.metadata_, shared=row.shared_device)
    chosen = stack or request.args.get(CHOICE, "")
    if chosen not in dict(stacks):
        return GuidePanel(stacks)
    found = guides.guide(request_context.settings(), row, chosen)
    pieces = tuple(Piece("" if part.name == guides.COMMANDS else part.name, part.text) for part in found.parts)
    return GuidePanel(stacks, chosen, found.notes, pieces)


def lines(row: Client, issuer: str) -> tuple[str, ...]:
    """Return what the developer of an app needs, as lines of NAME=value. An API needs what its access tokens look like."""
    metadata, api = row.metadata_, api_of(row)
    has_id_tokens = bool(metadata.get("grant_types"))
    at_browser = signs_in_at_a_browser(row)
    values = {
        "OIDC_ISSUER": issuer,
        "OIDC_DISCOVERY": f"{issuer}/.well-known/openid-configuration",
        "OIDC_CLIENT_ID": row.client_id,
        "OIDC_REDIRECT_URI": next(iter(metadata.get("redirect_uris", ())), ""),
        "OIDC_SCOPE": metadata.get("scope", ""),
        "OIDC_AUDIENCE": api.get("identifier", ""),
        "OIDC_API_SCOPES": " ".join(api.get("scopes", ())),
        "OIDC_ACCESS_TOKEN_SIGNING_ALG": api.get("alg", ""),
        "OIDC_RESPONSE_TYPE": "code" if at_browser else "",
        "OIDC_PKCE": "S256" if at_browser else "",
        "OIDC_TOKEN_ENDPOINT_AUTH_METHOD": accepted_methods(metadata)[0],
        "OIDC_ID_TOKEN_SIGNING_ALG": metadata.get("id_token_signed_response_alg", "") if has_id_tokens else "",
        "OIDC_POST_LOGOUT_REDIRECT_URI": next(iter(metadata.get("post_logout_redirect_uris", ())), ""),
    }
    return tuple(f"{name}={value}" for name, value in values.items() if value)
