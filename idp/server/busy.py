"""Answer 503 with ``Retry-After`` when a process has too much to do. It is made here, since no thread is free for it."""

import json

from idp.web.oauth_api import ENDPOINTS

READY = "/readyz"
RETRY_SECONDS = 5
WORDS = "Very busy just now. Please try again in a moment.\nHet is nu erg druk. Probeer het zo opnieuw.\n"
"""No catalogue is read: an answer in a flood must cost next to nothing."""
HEADERS = [("retry-after", str(RETRY_SECONDS)), ("cache-control", "no-store"), ("x-content-type-options", "nosniff")]


def busy(path: str) -> tuple[list[tuple[str, str]], bytes]:
    """Return headers and body for a request to ``path``."""
    if path in ENDPOINTS:  # RFC 6749 §5.2's form; apps in browsers may read it as any other answer
        body = json.dumps({"error": "temporarily_unavailable", "error_description": "Please try again."})
        kind = [("content-type", "application/json"), ("access-control-allow-origin", "*")]
    elif path == READY:
        body, kind = json.dumps({"status": "unavailable"}), [("content-type", "application/json")]
    else:
        body, kind = WORDS, [("content-type", "text/plain; charset=utf-8")]
    return [*HEADERS, *kind, ("content-length", str(len(body.encode())))], body.encode()
