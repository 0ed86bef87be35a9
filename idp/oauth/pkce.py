"""Proof Key for Code Exchange (RFC 7636), S256 only, and the clients that must use it (RFC 9700 §2.1.1)."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from idp import crypto
from idp.config import Settings
from idp.oauth.errors import invalid_request
from idp.oauth.request_parameters import Parameters
from idp.store.clients import is_public

# A SHA-256 digest in base64url is 43 characters, and the last of them holds four bits.
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


class Demand(StrEnum):
    """When a client must send a challenge."""

    ALWAYS = "always"
    UNLESS_NONCE = "unless-nonce"
    NEVER = "never"


def demand_of(metadata: Mapping[str, Any], settings: Settings) -> Demand:
    """Return when a client must use PKCE: a public client always, any other as its ``require_pkce`` says.

    RFC 9700 §2.1.1: "Public clients MUST use PKCE". Confidential clients of OpenID Connect may rely on the nonce instead,
    so that is the rule for a client that says nothing.
    """
    stated = metadata.get("require_pkce")
    if is_public(metadata) or settings.clients.require_pkce or stated is True:
        return Demand.ALWAYS
    return Demand.UNLESS_NONCE if stated is None else Demand.NEVER


def challenge_of(parameters: Parameters, demand: Demand, *, has_nonce: bool) -> str:
    """Return the challenge of an authorization request, empty where it has none; raises ``invalid_request``.

    ``has_nonce``: an ID token will carry the request's nonce. RFC 7636 §4.3: the method "defaults to plain if not present",
    so leaving it out asks for what we do not do.
    """
    challenge, method = parameters.get("code_challenge"), parameters.get("code_challenge_method")
    if not challenge:
        if demand is Demand.ALWAYS or method:
            raise invalid_request("A code_challenge is required (PKCE, RFC 7636).")
        if demand is Demand.UNLESS_NONCE and not has_nonce:
            raise invalid_request("A code_challenge is required (PKCE, RFC 7636), or the scope openid with a nonce.")
        return ""
    if method != "S256":
        raise invalid_request("The code_challenge_method must be S256.")
    if not CHALLENGE.fullmatch(challenge):
        raise invalid_request("The code_challenge is not 43 characters of base64url.")
    return challenge


def mismatch(verifier: str, challenge: str) -> str:
    """Return why a verifier does not redeem a code with this challenge (empty: a code without one); empty where it does.

    RFC 9700 §4.8.2: "if there was no code_challenge in the authorization request, a request to the token endpoint containing
    a code_verifier is rejected". Else an attacker removes the challenge from a request, and injects the code of the answer.
    """
    if not challenge:
        return "verifier_without_challenge" if verifier else ""
    return "" if _matches(verifier, challenge) else "wrong_verifier"


def _matches(verifier: str, challenge: str) -> bool:
    """Check if BASE64URL-ENCODE(SHA256(ASCII(code_verifier))) == code_challenge (RFC 7636 §4.6)."""
    if not VERIFIER.fullmatch(verifier):
        return False
    return crypto.same(create_s256_code_challenge(verifier), challenge)
