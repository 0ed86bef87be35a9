"""Proof Key for Code Exchange (RFC 7636): S256 only, for every client (RFC 9700 §2.1.1)."""

import re

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from idp import crypto
from idp.oauth.errors import invalid_request
from idp.oauth.request_parameters import Parameters

# A SHA-256 digest in base64url is 43 characters, and the last of them holds four bits.
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


def challenge_of(parameters: Parameters) -> str:
    """Return the challenge of an authorization request; raises ``invalid_request``.

    RFC 7636 §4.3: the method "defaults to plain if not present", so leaving it out asks for what we do not do.
    """
    challenge, method = parameters.get("code_challenge"), parameters.get("code_challenge_method")
    if not challenge:
        raise invalid_request("A code_challenge is required (PKCE, RFC 7636).")
    if method != "S256":
        raise invalid_request("The code_challenge_method must be S256.")
    if not CHALLENGE.fullmatch(challenge):
        raise invalid_request("The code_challenge is not 43 characters of base64url.")
    return challenge


def verifier_matches(verifier: str, challenge: str) -> bool:
    """Check if BASE64URL-ENCODE(SHA256(ASCII(code_verifier))) == code_challenge (RFC 7636 §4.6)."""
    if not VERIFIER.fullmatch(verifier):
        return False
    return crypto.same(create_s256_code_challenge(verifier), challenge)
