"""Hold a client to the FAPI 2.0 Security Profile (Final): one member of its registration demands all of it.

Most of the profile are members that any client may have: they are set at registration, and read where they are read of any
client. What no other member says is asked here. Always on for everybody: PKCE by S256 alone, ``iss`` in answers, 303 for
redirects, no rotation of a confidential client's refresh tokens.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from idp.errors import Invalid, say

MEMBER = "security_profile"
FAPI = "fapi-2.0"
ALGORITHMS = ("ES256", "Ed25519", "PS256")
"""§5.4.1: what JWTs are signed by."""
OURS = "ES256"
PROOFS = ("private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth")
"""§5.3.2.1 (6): how clients authenticate."""
SIGNED_BY_US = ("id_token_signed_response_alg", "authorization_signed_response_alg", "introspection_signed_response_alg")
LONGEST_CODE = timedelta(seconds=60)
LONGEST_PUSHED = timedelta(seconds=599)
"""§5.3.2.2: a code lasts 60 seconds at most, a pushed request less than 600."""


def is_fapi(metadata: Mapping[str, Any]) -> bool:
    """Check if a client is registered for the profile."""
    return metadata.get(MEMBER) == FAPI


def complete(found: dict[str, Any]) -> None:
    """Set what the profile demands, and refuse what it does not allow. Raises ``Invalid``."""
    if not is_fapi(found):
        return
    _one_of(found, "token_endpoint_auth_method", PROOFS)
    if found.setdefault("require_pkce", True) is not True:
        raise _refusal("require_pkce", ("true",))
    if any(one != "code" for one in found["response_types"]):
        raise _refusal("response_types", ("code",))
    for name in SIGNED_BY_US:
        found.setdefault(name, OURS)
    for name in [one for one in found if one.endswith("_alg") and found[one] == "RS256"]:
        raise _refusal(name, ALGORITHMS)
    found["require_pushed_authorization_requests"] = True
    # §5.3.2.1 (4): tokens are bound, by TLS where the client says so, else by DPoP.
    if not found.get("tls_client_certificate_bound_access_tokens"):
        found["dpop_bound_access_tokens"] = True


def allowed(metadata: Mapping[str, Any], algorithms: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the algorithms by which this client may sign."""
    return tuple(one for one in algorithms if one in ALGORITHMS) if is_fapi(metadata) else algorithms


def code_lifetime(metadata: Mapping[str, Any], usual: timedelta) -> timedelta:
    """Return how long a code of this client lasts."""
    return min(usual, LONGEST_CODE) if is_fapi(metadata) else usual


def pushed_lifetime(metadata: Mapping[str, Any], usual: timedelta) -> timedelta:
    """Return how long a pushed request of this client waits for a browser."""
    return min(usual, LONGEST_PUSHED) if is_fapi(metadata) else usual


def _one_of(found: dict[str, Any], name: str, values: tuple[str, ...]) -> None:
    if found.setdefault(name, values[0]) not in values:
        raise _refusal(name, values)


def _refusal(name: str, values: tuple[str, ...]) -> Invalid:
    return Invalid(name, say("The profile %(profile)s allows only %(allowed)s.", profile=FAPI, allowed=", ".join(values)))
