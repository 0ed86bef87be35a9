"""Mutate JWTs as an attacker does: texts that nobody signed, and claims and headers that the holder of a key signed."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey

from tests.drivers.dpop import b64url

VALUES = (
    "null", "true", "-1", "0", "1.5", "1e400", "-1e400", "NaN", "Infinity", "9" * 30, "1" * 5_000, '""', '"\\ud800"',
    '"\\u0000"', '"\\r\\nx: y"', '"é"', '"' + "A" * 2_900 + '"', "[]", "[[]]", '[null, 5, "x"]', "{}", '{"a": {"b": []}}',
    "[" * 900 + "]" * 900, '"a", "a": "b"', "tru",
)  # fmt: skip
"""Values as JSON, and texts that are nearly JSON."""
HEADERS = ("alg", "typ", "kid", "crit", "jwk", "jku", "x5c", "b64", "zip", "enc", "cty")
JUNK = (
    "", ".", "..", "...", "....", "a.b.c", "e30.e30.e30", "e30..", "=.=.=", "\u00e9.\u00e9.\u00e9", "\U0001f600.e30.e30",
    "%00.%00.%00", "null", "{}", "A" * 40_000, "." * 5_000, " ", "e30.e30.e30.e30.e30", "W10.W10.W10", "bnVsbA.bnVsbA.",
    b64url(b"[" * 3_000) + ".e30.x", b64url(b'{"alg":') + ".e30.x", b64url(b"\xff\xfe") + ".e30.x",
)  # fmt: skip


def altered(token: str, step: int = 23) -> Iterator[str]:
    """Yield texts that are not the JWT that somebody signed."""
    yield from JUNK
    parts = token.split(".")
    yield from (
        ".".join(parts[:2]),
        ".".join((*parts, "")),
        ".".join(reversed(parts)),
        token + "A",
        token[:-1],
        f" {token} ",
    )
    yield from (".".join(("", *parts[1:])), ".".join((parts[0], "", parts[2])), ".".join((*parts[:2], "")), token * 3)
    for place in range(0, len(token), step):
        for other in ("A", "!", ".", "\u00e9", ""):
            if token[place] != other:
                yield token[:place] + other + token[place + 1 :]
    for alg in ("none", "None", "HS256", "RS256", "ES384", "dir"):
        yield ".".join((b64url(json.dumps({"alg": alg}).encode()), *parts[1:]))


def signed(key: ECKey, header: bytes, payload: bytes) -> str:
    """Sign any bytes by ES256, whatever the header says."""
    text = f"{b64url(header)}.{b64url(payload)}"
    return f"{text}.{b64url(jws.JWSRegistry(algorithms=['ES256']).get_alg('ES256').sign(text.encode(), key))}"


def hostile(key: ECKey, header: Mapping[str, Any], claims: Mapping[str, Any], *more: str) -> Iterator[tuple[str, str]]:
    """Yield JWTs that the key signed, in which one member has another value. ``more``: claims that it lacks."""
    head, body = json.dumps(header).encode(), json.dumps(claims).encode()
    for name in (*claims, *more):
        for value in VALUES:
            yield f"claim {name} = {value[:40]}", signed(key, head, _with(claims, name, value))
    for name in dict.fromkeys((*header, *HEADERS)):
        for value in VALUES[::2]:
            yield f"header {name} = {value[:40]}", signed(key, _with(header, name, value), body)
    for payload in (b"", b"[]", b"null", b"5", b"{", b"\xff", b"\xef\xbb\xbf" + body, body + body, b"[" * 5_000, body[:-1]):
        yield f"payload {payload[:20]!r}", signed(key, head, payload)


def _with(members: Mapping[str, Any], name: str, value: str) -> bytes:
    kept = [f"{json.dumps(key)}: {json.dumps(held)}" for key, held in members.items() if key != name]
    return ("{" + ", ".join((*kept, f"{json.dumps(name)}: {value}")) + "}").encode()
