"""Write settings for the libraries and products that apps are built with, filled in for one client.

Each has a file beside this module: files of the app and commands, one after the other. The tests run those that can be
installed, from exactly this text. Not here: the command that prints it (``cli.client``) and the console's panel.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from idp.config import Settings
from idp.errors import Message, say
from idp.oauth.client_metadata import TLS_METHODS, accepted_methods
from idp.oauth.pkce import Demand, demand_of
from idp.resources import PACKAGE
from idp.store.clients import Client, usable_scopes

ASKED = ("openid", "profile", "email", "offline_access", "organisation")
"""The scopes that the text asks for, as far as the client may have them."""
COMMANDS = "$"
EXAMPLE = "https://app.example.com"
EXAMPLE_API = {"identifier": "https://api.example.com", "scopes": {}}
EXAMPLE_SCOPE = "stock.read"
USUAL_PORT = 8000
ALG_OF = {"EC": "ES256", "RSA": "PS256", "OKP": "Ed25519"}
IMPORTS = {
    "ES256": "{ name: 'ECDSA', namedCurve: 'P-256' }",
    "PS256": "{ name: 'RSA-PSS', hash: 'SHA-256' }",
    "RS256": "{ name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }",
    "Ed25519": "'Ed25519'",
}
"""The arguments of WebCrypto for keys of each algorithm by which a client may sign."""
PART = re.compile(r"^==> (.+)\n", re.MULTILINE)


@dataclass(frozen=True)
class Stack:
    """Describe a library or product.

    ``callback``: the only path at which it takes answers; empty if any will do. ``secret``: whether its clients have one,
    or None if both will do. ``signed_out``: the path to which people return after signing out; None without signing out.
    ``is_native``: whether it takes answers at a private scheme. ``signs`` and ``dpop``: whether its text shows how to prove
    itself by a key (``private_key_jwt``), and how to bind tokens to one (RFC 9449). ``is_api``: nobody signs in to it; it
    checks access tokens (RFC 9068).
    """

    title: str
    callback: str = ""
    secret: bool | None = True
    pkce: bool = True
    signed_out: str | None = "/"
    is_native: bool = False
    signs: bool = False
    dpop: bool = False
    is_api: bool = False


STACKS: Mapping[str, Stack] = {
    "openid-client": Stack("openid-client (Node.js)", secret=None, signs=True, dpop=True),
    "oauth4webapi": Stack("oauth4webapi (JavaScript)", secret=None, signs=True, dpop=True),
    "authjs": Stack("Auth.js (Node.js)", "/auth/callback/sleutel", signed_out=None),
    "passport": Stack("passport-openidconnect (Node.js)", pkce=False),
    "oidc-client-ts": Stack("oidc-client-ts (browser)", secret=False, dpop=True),
    "authlib": Stack("Authlib (Flask)", secret=None),
    "requests-oauthlib": Stack("requests-oauthlib (Python)", signed_out=None),
    "mozilla-django-oidc": Stack("mozilla-django-oidc (Django)", "/oidc/callback/"),
    "social-auth": Stack("social-auth (Django)", "/complete/oidc/"),
    "allauth": Stack("allauth (Django)", "/accounts/oidc/sleutel/login/callback/"),
    "spring-boot": Stack("Spring Boot", "/login/oauth2/code/sleutel", secret=None),
    "aspnet": Stack("ASP.NET Core", secret=None, signed_out="/signout-callback-oidc"),
    "league": Stack("league/oauth2-client (PHP)", secret=None, signed_out=None),
    "go-oidc": Stack("go-oidc (Go)", secret=None),
    "mod_auth_openidc": Stack("mod_auth_openidc (Apache)"),
    "oauth2-proxy": Stack("oauth2-proxy", "/oauth2/callback", signed_out=None),
    "nginx-lua": Stack("lua-resty-openidc (nginx)"),
    "grafana": Stack("Grafana", "/login/generic_oauth"),
    "appauth": Stack("AppAuth (Android, iOS)", secret=False, signed_out=None, is_native=True),
    "express-jwt": Stack("express-oauth2-jwt-bearer (API in Node.js)", is_api=True),
    "pyjwt": Stack("PyJWT (API in Flask)", is_api=True),
    "spring-api": Stack("Spring Boot (API)", is_api=True),
    "aspnet-api": Stack("ASP.NET Core (API)", is_api=True),
}
"""The stacks by the names that the command takes."""
APIS = tuple((name, stack.title) for name, stack in STACKS.items() if stack.is_api)
"""The libraries that check access tokens, by name and title."""


@dataclass(frozen=True)
class Part:
    """Hold a file of the app by its name, or ``COMMANDS``."""

    name: str
    text: str


@dataclass(frozen=True)
class Guide:
    """Hold the text for one client. ``notes``: what must change at the client first."""

    title: str
    notes: tuple[Message, ...]
    parts: tuple[Part, ...]


def guide(settings: Settings, row: Client, name: str) -> Guide:
    """Return the text of ``STACKS[name]`` for a client. It never has the secret, which only the app knows."""
    stack, values = STACKS[name], _values(settings, row, STACKS[name])
    _, *found = PART.split(_environment().get_template(f"{name}.guide").render(values))
    parts = tuple(Part(title, text.rstrip("\n")) for title, text in zip(found[::2], found[1::2], strict=True))
    return Guide(stack.title, tuple(_notes(settings, row, stack, values)), parts)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(PACKAGE / "oauth" / "guides"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 — none of it is HTML. Registered addresses have no quotes, but for PHP's.
    )
    made.filters["php"] = lambda text: text.replace("'", "\\'")
    return made


def _values(settings: Settings, row: Client, stack: Stack) -> dict[str, Any]:
    metadata, api = row.metadata_, row.metadata_.get("resource") or EXAMPLE_API
    redirect_uri = _address(metadata.get("redirect_uris", []), stack)
    parts = urlsplit(redirect_uri)
    origin = f"{parts.scheme}://{parts.netloc}" if parts.netloc else EXAMPLE
    scopes = [scope for scope in ASKED if scope in usable_scopes(metadata)]
    return {
        "issuer": settings.issuer,
        "issuer_host": urlsplit(settings.issuer).netloc,
        "is_https": settings.issuer.startswith("https:"),
        "discovery": f"{settings.issuer}/.well-known/openid-configuration",
        "jwks": f"{settings.issuer}/oauth/jwks",
        "audience": api["identifier"],
        "token_alg": api.get("alg", "RS256"),
        "token_scope": next(iter(api["scopes"]), EXAMPLE_SCOPE),
        "client_id": row.client_id,
        "is_public": row.is_public,
        "is_dpop": bool(metadata.get("dpop_bound_access_tokens")),
        "key_import": _key_import(metadata),
        "method": accepted_methods(metadata)[0],
        "alg": metadata.get("id_token_signed_response_alg", "RS256"),
        "id_token_claims": metadata.get("id_token_claims", False),
        "has_refresh": "offline_access" in scopes,
        "scope": " ".join(scopes),
        "scopes": scopes,
        "scope_without_openid": " ".join(scopes[1:]),
        "extra_scopes": [scope for scope in scopes if scope not in ("openid", "profile", "email")],
        "redirect_uri": redirect_uri,
        "callback": parts.path or "/",
        "origin": origin,
        "port": (parts.port if parts.scheme == "http" else None) or USUAL_PORT,  # http is registered on loopback only
        "signed_out_uri": _signed_out(metadata.get("post_logout_redirect_uris", []), origin, stack),
    }


def _key_import(metadata: Mapping[str, Any]) -> str:
    """Return how WebCrypto imports the client's key; empty for a client without one."""
    if accepted_methods(metadata)[0] != "private_key_jwt":
        return ""
    kinds = [key.get("kty") for key in metadata.get("jwks", {}).get("keys", ())]
    named = metadata.get("token_endpoint_auth_signing_alg") or ALG_OF.get(kinds[0] if kinds else "EC", "ES256")
    return IMPORTS[named]


def _address(registered: list[str], stack: Stack) -> str:
    """Return the registered address at which a stack can take answers, or the one to register."""
    usable = [address for address in registered if stack.is_native or urlsplit(address).netloc]
    fitting = [address for address in usable if not stack.callback or urlsplit(address).path == stack.callback]
    if fitting:
        return fitting[0]
    web = urlsplit(usable[0] if usable else EXAMPLE)
    return f"{web.scheme}://{web.netloc}{stack.callback or '/callback'}"


def _signed_out(registered: list[str], origin: str, stack: Stack) -> str:
    """Return the address to return to after signing out: any that is registered, unless the stack has a path of its own."""
    path = stack.signed_out or "/"
    fitting = [address for address in registered if path == "/" or urlsplit(address).path == path]
    return fitting[0] if fitting else f"{origin}{path}"


def _notes(settings: Settings, row: Client, stack: Stack, values: Mapping[str, Any]) -> list[Message]:
    metadata, notes = row.metadata_, []
    if stack.is_api:
        return [] if metadata.get("resource") else [say("This checks access tokens at an API. Your app is not an API.")]
    if "authorization_code" not in metadata.get("grant_types", ()):
        notes.append(say("Add authorization_code to the app's grant types first."))
    if values["redirect_uri"] not in metadata.get("redirect_uris", ()):
        notes.append(say("Register this redirect address first: %(address)s", address=values["redirect_uri"]))
    if stack.signed_out and values["signed_out_uri"] not in metadata.get("post_logout_redirect_uris", ()):
        notes.append(say("For signing out, register this address first: %(address)s", address=values["signed_out_uri"]))
    if stack.secret is True and row.is_public:
        notes.append(say("This needs an app with a secret. Your app is public."))
    if stack.secret is False and not row.is_public:
        notes.append(say("This keeps no secret: register an app of its own with the authentication method none."))
    notes += _notes_on_keys(metadata, stack)
    if not stack.pkce and demand_of(metadata, settings) is Demand.ALWAYS:
        notes.append(say("This cannot do PKCE, which the app is set to need."))
    if "openid" not in values["scopes"]:
        notes.append(say("Add openid to the app's scopes first."))
    return notes


def _notes_on_keys(metadata: Mapping[str, Any], stack: Stack) -> list[Message]:
    """Return what the text leaves to the reader about keys and certificates that the client has or must show."""
    notes, method = [], accepted_methods(metadata)[0]
    if stack.secret is not False and method == "private_key_jwt" and not stack.signs:
        notes.append(say("These settings send a secret. Your app has a key of its own: give the library that key instead."))
    if stack.secret is not False and method == "client_secret_jwt":
        notes.append(say("These settings send the secret. Your app signs with it: set the library to client_secret_jwt."))
    if method in TLS_METHODS or metadata.get("tls_client_certificate_bound_access_tokens"):
        notes.append(say("Have the library connect with the TLS certificate of the app: these settings have none."))
    if metadata.get("dpop_bound_access_tokens") and not stack.dpop:
        notes.append(say("The app is set to bind its tokens to a key (DPoP), and these settings cannot do that."))
    return notes
