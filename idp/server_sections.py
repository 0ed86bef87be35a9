"""Define the tables of the configuration file about machines, and what all tables share."""

import json
from functools import cached_property
from ipaddress import ip_network
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from idp.addresses import Network, unmapped_network
from idp.database_url import check_database_url


def _listed(value: Any) -> Any:
    """Read a list as the environment writes it: ``a,b``, or JSON."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError as error:
            raise ValueError('must be a list: a,b or ["a", "b"]') from error
    return [part.strip() for part in value.split(",") if part.strip()]


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]
"""A list of texts."""


class Section(BaseModel):
    """Hold a table of the file: frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _checked_address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError("must be HOST:PORT, for example 127.0.0.1:8000")
    return value


def _checked_networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for entry in value:
        try:
            ip_network(entry)
        except ValueError as error:
            raise ValueError(f"{entry!r} must be an address or a network: 10.0.0.1 or 10.0.0.0/8") from error
    return value


class Server(Section):
    """How ``idp run`` listens."""

    bind: str = "127.0.0.1:8000"
    """Host and port to listen on."""
    workers: int = Field(0, ge=0, le=256)
    """Server processes. 0: one with SQLite, which allows one writer; one for each core with PostgreSQL."""
    trusted_proxies: Texts = ()
    """Addresses or networks of the reverse proxies whose X-Forwarded-For is believed. No others are believed."""
    client_certificate_header: str = Field("", pattern=r"^([A-Za-z][A-Za-z0-9-]{0,63})?$")
    """The header in which those proxies pass the TLS certificate of an app, such as Client-Cert (RFC 9440, or URL-encoded
    PEM); they must overwrite what comes from outside. Empty: no certificate counts.
    """
    client_certificate_verified_header: str = Field("", pattern=r"^([A-Za-z][A-Za-z0-9-]{0,63})?$")
    """The header in which those proxies write SUCCESS if an authority that they trust has issued the certificate
    (``$ssl_client_verify`` of nginx). Apps that prove themselves by ``tls_client_auth`` need it. They must overwrite it too.
    """
    client_certificate_address: str = ""
    """The address at which those proxies ask for a certificate, such as https://mtls.id.example.com: elsewhere browsers
    would ask people for one. Apps find it in discovery. Empty: the issuer's own.
    """
    max_body_bytes: int = Field(131_072, ge=1024)
    """Larger request bodies get 413."""
    timing: bool = False
    """For measurements: answers tell how long database and hashes took (Server-Timing). Attackers can use that."""

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _checked_networks(value)

    @cached_property
    def proxies(self) -> tuple[Network, ...]:
        """Return ``trusted_proxies`` as networks."""
        return tuple(unmapped_network(ip_network(entry)) for entry in self.trusted_proxies)

    @property
    def passes_certificates(self) -> bool:
        """Return whether the certificates of apps can count: a proxy that is trusted passes them."""
        return bool(self.client_certificate_header and self.trusted_proxies)

    @property
    def verifies_certificates(self) -> bool:
        """Return whether that proxy tells if an authority has issued them."""
        return self.passes_certificates and bool(self.client_certificate_verified_header)

    @property
    def address(self) -> tuple[str, int]:
        """Return host and port of ``bind``."""
        return split_address(self.bind)

    @field_validator("bind")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        return _checked_address(value)

    @field_validator("client_certificate_address")
    @classmethod
    def _https(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme != "https" or not parts.hostname or value != f"https://{parts.netloc}"):
            raise ValueError("must be an address like https://mtls.id.example.com, without path and final slash")
        return value


class Outgoing(Section):
    """Requests to addresses that apps have registered: where they are told of ended sessions, and of approvals."""

    allow: Texts = ()
    """Addresses or networks inside your own network that may be called, such as 10.1.0.0/16: for apps of operators, and
    those that register themselves by an operator's token.
    """

    @field_validator("allow")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _checked_networks(value)

    @cached_property
    def networks(self) -> tuple[Network, ...]:
        """Return ``allow`` as networks."""
        return tuple(unmapped_network(ip_network(entry)) for entry in self.allow)


class Metrics(Section):
    """What Prometheus reads: ``/metrics`` with counts, latencies and queues, without names or ids of anybody."""

    listen: str = ""
    """Host and port for Prometheus alone, for example 127.0.0.1:9100; empty: none. Keep it off public networks."""

    @field_validator("listen")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        return _checked_address(value) if value else value


class Clients(Section):
    """What is demanded of all relying apps, whatever their registration says, and which may register themselves."""

    require_pkce: bool = False
    """Every app must use PKCE. If false, an app with a secret may send ``openid`` and a nonce instead, unless its own
    ``require_pkce`` says otherwise."""
    require_pushed_authorization_requests: bool = False
    """Every app must push its requests (RFC 9126). If false, an app decides that by a member of its own of this name."""
    registration: Literal["off", "token", "open"] = "off"
    """Which apps may register themselves (RFC 7591): none, those with a token of ``idp registration-token create``, or any.
    """


class Database(Section):
    """Where all data is stored."""

    url: str = "sqlite:///sleutel.sqlite3"
    """``sqlite:///file`` (embedded; relative to the configuration file) or ``postgresql://USER@HOST/NAME``. Options of libpq
    may follow (``?sslmode=verify-full``, ``?options=-csearch_path%3Dsleutel``), and ``?prepare_threshold=0``.
    """
    synchronous: Literal["NORMAL", "FULL"] = "NORMAL"
    """SQLite only. NORMAL may lose the last commits when the power fails (never corrupts); FULL is durable and slower."""

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        check_database_url(value)
        return value

    pool_size: int = Field(5, ge=1, le=100)
    """PostgreSQL connections for each process."""
    patience_seconds: float = Field(10.0, ge=0.1, le=120)
    """How long a lock or a statement may take. After it people and apps get 503."""
