"""Strict reading of form-encoded parameters, and the request as Authlib takes it.

RFC 6749 §3.1: "Parameters sent without a value MUST be treated as if they were omitted from the request. The authorization
server MUST ignore unrecognized request parameters. Request and response parameters MUST NOT be included more than once."
Nothing raises here: what is wrong with a parameter is noted beside it, since who may be told depends on which one it is.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request

from idp.actors import Client, Person
from idp.audit import Origin
from idp.keys import LONGEST_TOKEN
from idp.oauth.errors import OAuthError

LONGEST_BODY = 65_536
"""Bytes of a query or a body."""
LONGEST_VALUE = 4_096
LONGEST_VALUES = {"claims": 8_192, "id_token_hint": LONGEST_TOKEN, "access_token": LONGEST_TOKEN, "request": LONGEST_TOKEN}
LONGEST_KEPT = 12_000
"""Bytes of a request that a page's sealed form must carry. An ``id_token_hint`` does not count: its short form is kept."""
LONGEST_NONCE = 1_024
"""Characters as JSON: it comes back in the ID token, which must fit where apps send it."""
MOST_PARAMETERS = 100
WHOLE = ""
"""The name under which a fault of the whole stands."""


@dataclass(frozen=True)
class Parameters:
    """Recognised parameters that are present, and by name what is wrong with those that cannot be taken."""

    values: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """The value; empty where omitted."""
        return self.values.get(name, "")

    def insist(self) -> "Parameters":
        """Itself, where nothing is wrong with it; raises ``invalid_request``."""
        for name, what in self.faults.items():
            raise OAuthError("invalid_request", f"The parameter {name} {what}." if name else f"The request {what}.")
        return self


def read(raw: bytes, known: Collection[str]) -> Parameters:
    """The parameters of a query or a form-encoded body."""
    if len(raw) > LONGEST_BODY or raw.count(b"&") >= MOST_PARAMETERS:
        return Parameters(faults={WHOLE: "is too long"})
    values: dict[str, str] = {}
    faults: dict[str, str] = {}
    seen: set[str] = set()
    for pair in raw.split(b"&"):
        name, value = (_decode(part) for part in _halves(pair))
        if name is None or name not in known:
            continue
        what = "is given more than once" if name in seen else _fault_of(name, value)
        seen.add(name)
        if what:
            faults[name] = what
        elif value:
            values[name] = value
    return Parameters({name: value for name, value in values.items() if name not in faults}, faults)


def _halves(pair: bytes) -> tuple[bytes, bytes]:
    name, _, value = pair.partition(b"=")
    return name, value


def _decode(part: bytes) -> str | None:
    """Decoded once; None where it is no UTF-8."""
    try:
        return unquote_to_bytes(part.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        return None


def _fault_of(name: str, value: str | None) -> str:
    if value is None:
        return "is not encoded as UTF-8"
    if len(value) > LONGEST_VALUES.get(name, LONGEST_VALUE):
        return "is too long"
    # No parameter of ours has room for control characters; in a header or a page they would do harm.
    if any(character < " " or character == "\x7f" for character in value):
        return "has control characters"
    return ""


class Payload(OAuth2Payload):  # type: ignore[misc]  # Authlib is untyped
    """Authlib's view of the parameters."""

    def __init__(self, parameters: Parameters) -> None:
        self._data = dict(parameters.values)

    @property
    def data(self) -> dict[str, str]:
        """By name."""
        return self._data

    @property
    def datalist(self) -> dict[str, list[str]]:
        """By name, in lists of one."""
        return {name: [value] for name, value in self._data.items()}


class ProtocolRequest(OAuth2Request):  # type: ignore[misc]  # Authlib is untyped
    """A request to the protocol. ``address`` is the network address it came from, for limits and the audit.

    ``browser_id`` and ``label``: the browser's row and its name in words, where a person's browser brings it.
    """

    def __init__(
        self,
        method: str,
        parameters: Parameters,
        *,
        headers: Mapping[str, str] | None = None,
        address: str = "",
        request_id: str = "",
        label: str = "",
        browser_id: str = "",
    ) -> None:
        # Authlib insists on https here; the issuer was judged when the configuration was read, and behind a proxy the
        # scheme of the inner connection says nothing.
        super().__init__(method, "https://issuer.invalid", headers=dict(headers or {}))
        self.parameters = parameters
        self.payload = Payload(parameters)
        self.address = address
        self.request_id = request_id
        self.label = label
        self.browser_id = browser_id

    def origin(self, user_id: str, client_id: str) -> Origin:
        """Return who does this, and from where: a person in their browser, or without one (an empty id) the client."""
        actor = Person(user_id) if user_id else Client(client_id)
        return Origin(actor, address=self.address, request_id=self.request_id, client_id=client_id, label=self.label)

    @property
    def form(self) -> dict[str, str]:
        """The parameters."""
        return dict(self.parameters.values)

    @property
    def args(self) -> dict[str, str]:
        """Nothing: no endpoint of ours reads two places."""
        return {}
