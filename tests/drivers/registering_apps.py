"""Register apps over HTTP, as an app that registers itself does (RFC 7591, RFC 7592)."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from werkzeug.test import TestResponse

from idp.actors import System
from idp.audit import Origin
from idp.oauth import registration_tokens
from idp.oauth.registration_tokens import Terms
from idp.store.client_registrations import RegistrationToken
from tests.factories import Factory

Ask = Callable[..., TestResponse]
CLI = Origin(System("cli"))
PATH = "/oauth/register"
CALLBACK = "https://app.example/cb"
LEAST = {"redirect_uris": [CALLBACK]}
FULL: dict[str, Any] = {
    "redirect_uris": [CALLBACK, "https://app.example/other"],
    "post_logout_redirect_uris": ["https://app.example/bye"],
    "client_name": "Stock app",
    "client_name#nl": "Voorraad",
    "grant_types": ["authorization_code", "implicit", "refresh_token"],
    "response_types": ["code", "code id_token"],
    "application_type": "web",
    "token_endpoint_auth_method": "client_secret_post",
    "contacts": ["dev@app.example"],
    "logo_uri": "https://app.example/logo.png",
    "policy_uri": "https://app.example/policy",
    "backchannel_logout_uri": "https://app.example/logout",
    "default_max_age": 600,
    "scope": "openid profile offline_access",
}
ABOUT_IT = {
    "client_id", "client_secret", "client_secret_expires_at", "client_id_issued_at", "registration_access_token",
    "registration_client_uri",
}  # fmt: skip


def bearer(token: str) -> dict[str, str]:
    """Return the header that shows a token."""
    return {"Authorization": f"Bearer {token}"}


def register(ask: Ask, metadata: Any = None, token: str = "") -> TestResponse:
    """Register an app."""
    return ask("POST", PATH, json=LEAST if metadata is None else metadata, headers=bearer(token) if token else {})


def make_token(factory: Factory, **terms: Any) -> tuple[RegistrationToken, str]:
    """Make an initial access token as an operator."""
    with factory.context():
        return registration_tokens.make("apps", Terms(**{"days": 7, **terms}), CLI)


def at(made: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return an app's own address, with its header, as arguments for ``ask``."""
    parts = urlsplit(made["registration_client_uri"])
    return f"{parts.path}?{parts.query}", {"headers": bearer(made["registration_access_token"])}


def changed(made: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return a change of a registration: all of it but what only we may tell (RFC 7592 §2.2)."""
    kept = {name: value for name, value in made.items() if name not in ABOUT_IT or name == "client_id"}
    return {**kept, **members}
