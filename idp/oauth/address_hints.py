"""Say how an address that was refused differs from a registered one, for the developer who reads the error page.

The page may be read by strangers, so a sentence names parts of the address that was sent, never those of a registered one.
"""

from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

PARTS = ("scheme", "host", "port", "path", "query")
MOST_APART = 2
"""An address with more parts that differ is not close."""


def describe(sent: str, registered: Sequence[str]) -> str:
    """Return a sentence about the registered address that is closest; empty where none is close."""
    alike = next(filter(None, (_alike(sent, one) for one in registered)), "")
    if alike:
        return f"A registered address is the same {alike}."
    wanted = _split(sent)
    differing = min((_differing(wanted, _split(one)) for one in registered), key=len, default=list(PARTS))
    # Most addresses share the scheme and have neither port nor query. So that alone is not close.
    if len(differing) > MOST_APART or {"host", "path"} <= set(differing):
        return ""
    return f"A registered address is the same but for its {' and its '.join(differing)}."


def _split(address: str) -> dict[str, str]:
    try:
        found = urlsplit(address)
        port = str(found.port or "")
    except ValueError:
        return dict.fromkeys(PARTS, address)
    query = found.query + (f"#{found.fragment}" if found.fragment else "")
    return dict(zip(PARTS, (found.scheme, found.hostname or "", port, found.path, query), strict=True))


def _differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    return [name for name in PARTS if one[name] != other[name]]


def _alike(sent: str, registered: str) -> str:
    """Return the small difference that is easily overlooked; empty where it is another one."""
    if sent.strip() == registered:
        return "without the spaces around it"
    if sent.rstrip("/") == registered.rstrip("/"):
        return "without the final slash" if sent.endswith("/") else "with a final slash"
    if sent.partition("#")[0] == registered:
        return "without the fragment"
    if unquote(sent) == unquote(registered):
        return "with other characters percent-encoded"
    if sent.casefold() == registered.casefold():
        return "with other capitals"
    return ""
