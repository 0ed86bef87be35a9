"""Check the member ``jwks`` of a client (RFC 7591 §2, RFC 7517 §5): public keys alone, few and of a bounded size."""

import json
from typing import Any

from idp.errors import Invalid, say
from idp.oauth import strict_json
from idp.oauth.public_keys import PRIVATE_MEMBERS

MOST_KEYS = 10
LONGEST_SET = 16_384


def check_jwks(field: str, value: Any) -> dict[str, Any]:
    """Return the key set; raises ``Invalid``. Keys for algorithms that we do not know are kept, and never used."""
    keys = value.get("keys") if isinstance(value, dict) else None
    no_set = Invalid(field, say("This must be a JSON Web Key Set of at most ten keys."))
    if not isinstance(keys, list) or not 0 < len(keys) <= MOST_KEYS or not all(isinstance(key, dict) for key in keys):
        raise no_set
    if any(PRIVATE_MEMBERS & set(key) for key in keys):
        raise Invalid(field, say("This set has a private or secret key. Make new keys, and give only the public ones."))
    if not all(isinstance(key.get("kty"), str) for key in keys) or len(json.dumps(keys)) > LONGEST_SET:
        raise no_set
    try:
        strict_json.require_text(keys)
    except ValueError as error:
        raise no_set from error
    return {"keys": keys}
