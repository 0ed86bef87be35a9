"""List values that no form should accept, and the shape of a posted form."""

from urllib.parse import quote_plus

FORM = "application/x-www-form-urlencoded"


REFUSED = {"NUL": b"a%00b", "too long": b"x" * 20_001}
"""Values that no field may contain."""


STRANGE = {
    "empty": b"",
    "a space": b"+",
    "no UTF-8": b"%ff%fe%c0%ae",
    "a surrogate": b"%ed%a0%80",
    "raw bytes": b"\xff\xfe\x80",
    "control characters": b"%01%0d%0aSet-Cookie:%20evil=1%1b[31m",
    "not ASCII": quote_plus("ß𝕏ﷺ\u202e٣٣٣٣٣٣\U0001f600").encode(),
    "long": b"%F0%9F%98%80" * 1_500,
    "a number": b"-1e309",
    "SQL": quote_plus("' OR 1=1 --").encode(),
    "markup": quote_plus('"><b id="xss" onclick="1">').encode(),
    "a template": quote_plus("{{ 7*7 }}%(name)s%s{0}").encode(),
    "an array": b"%5B%22a%22%5D",
}
