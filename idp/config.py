"""The configuration: read once from TOML, environment over it, into frozen models that are handed in.

Environment names are ``IDP_`` + the path with ``__`` between (``IDP_DATABASE__URL``). Wrong input raises ``ConfigError``,
which names file, key and remedy. Docstrings under the fields are the reference: ``config.example.toml`` is made from them.
"""

import base64
import os
import tomllib
from collections.abc import Mapping
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from idp.crypto import Hasher, Ring, random_bytes

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class ConfigError(Exception):
    """The configuration cannot be used; the text names file, key and remedy."""


class Section(BaseModel):
    """A table of the file: frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Server(Section):
    """How ``idp run`` listens."""

    bind: str = "127.0.0.1:8000"
    """Host and port to listen on."""
    workers: int = Field(0, ge=0, le=256)
    """Server processes; 0 means one for each core."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks of the reverse proxy whose X-Forwarded-For is believed; nobody else's is."""
    max_body_bytes: int = Field(131_072, ge=1024)
    """Larger request bodies get 413."""

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            ip_network(entry)
        return value

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of ``bind``."""
        host, _, port = self.bind.rpartition(":")
        return host.strip("[]"), int(port)

    @field_validator("bind")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65535:
            raise ValueError("must be HOST:PORT, as 127.0.0.1:8000")
        return value


class Database(Section):
    """Where everything is kept."""

    url: str = "sqlite:///sleutel.sqlite3"
    """``sqlite:///file`` (embedded; relative to the configuration file) or ``postgresql://…``."""
    synchronous: Literal["NORMAL", "FULL"] = "NORMAL"
    """SQLite only. NORMAL may lose the last commits when the power fails (never corrupts); FULL is durable and slower."""
    pool_size: int = Field(5, ge=1, le=100)
    """PostgreSQL connections for each process."""


class Acr(Section):
    """The names of the assurance levels, as clients ask for them and find them in ``acr``."""

    level_1: str = "pwd"
    """Password."""
    level_2: str = "mfa-remembered"
    """Password on a device that is trusted after a second factor."""
    level_3: str = "mfa"
    """Password and a code of now, or a recovery code."""
    level_4: str = "phr"
    """Phishing-resistant: a passkey with user verification, or password and passkey."""
    level_5: str = "phrh"
    """Phishing-resistant with a hardware key that cannot be copied."""

    @cached_property
    def names(self) -> dict[str, int]:
        """Name → level, ordered by level."""
        return {
            self.level_1: 1, self.level_2: 2, self.level_3: 3, self.level_4: 4, self.level_5: 5,
        }  # fmt: skip


class Passwords(Section):
    """What passwords are taken and how they are hashed."""

    min_length: int = Field(12, ge=8, le=64)
    """Fewest characters for someone without a second factor, unless the organisation says otherwise."""
    min_length_with_factor: int = Field(8, ge=8, le=64)
    """Fewest characters for someone who has a second factor."""
    argon2_memory_kib: int = Field(19_456, ge=8)
    """Memory of one hash."""
    argon2_passes: int = Field(2, ge=1)
    """Passes of one hash."""
    hash_slots: int = Field(1, ge=1)
    """Hashes at a time in one server process."""
    hash_patience_seconds: float = Field(3.0, gt=0)
    """How long a sign-in waits for a slot before it is told to come back (503)."""


class Leaked(Section):
    """Where leaked passwords are looked up, beside the list that is built in."""

    file: str = ""
    """A file made by ``idp leaked import``; empty: none."""
    range_service: str = ""
    """Address of a range service (``https://…/range/``), asked with five characters of the hash; empty: none."""
    timeout_seconds: float = Field(0.5, gt=0, le=5)
    """The service's time in all, connecting included; after it the check counts as down."""


class Mail(Section):
    """How mail leaves."""

    sender: str = "Sleutel <no-reply@localhost>"
    """From."""
    host: str = ""
    """SMTP server; empty: mails are written to ``folder``."""
    port: int = Field(587, ge=1, le=65535)
    """SMTP port."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """``none`` is for a relay on this very machine."""
    username: str = ""
    """SMTP user; empty: no authentication."""
    password: str = ""
    """SMTP password."""
    folder: str = "mail"
    """Where mails are written when there is no ``host`` (relative to the configuration file)."""


class Lifetimes(Section):
    """How long things live. Organisations may shorten logins and remembered devices."""

    code_seconds: int = Field(60, ge=10, le=600)
    """Authorization code."""
    access_token_seconds: int = Field(300, ge=30, le=3600)
    """Access token and ID token."""
    login_idle_minutes: int = Field(60, ge=1)
    """A login that is not used ends."""
    login_hours: int = Field(24, ge=1)
    """A login ends, used or not."""
    refresh_idle_days: int = Field(30, ge=1)
    """A refresh token that is not used ends."""
    refresh_days: int = Field(90, ge=1)
    """A refresh token ends, used or not."""
    attempt_minutes: int = Field(60, ge=5)
    """A sign-in in progress."""
    remember_device_days: int = Field(30, ge=1, le=365)
    """A remembered device, from the tick."""
    profile_minutes: int = Field(10, ge=1)
    """How old a proof may be for a change of sign-in details."""
    link_minutes: int = Field(30, ge=5)
    """A link in a mail."""
    one_time_password_hours: int = Field(24, ge=1)
    """A one-time password sent by mail."""
    refresh_grace_seconds: int = Field(10, ge=0, le=60)
    """A public client that lost the answer gets the same successor within this time."""


class Limits(Section):
    """Throttles. Failures are counted for each user and authenticator and for each address."""

    free_failures: int = Field(4, ge=1)
    """Failures in a row that cost no waiting."""
    first_wait_seconds: int = Field(2, ge=1)
    """The wait after the next failure; it doubles from there."""
    longest_wait_seconds: int = Field(900, ge=1)
    """The wait grows no further than this."""
    hard_stop: int = Field(100, ge=10)
    """Failures in a row that disable the authenticator until an administrator clears it (NIST SP 800-63B-4 §3.2.2)."""
    address_failures: int = Field(50, ge=5)
    """Failures from one address within the window that close it."""
    address_window_minutes: int = Field(15, ge=1)
    """The window for addresses."""
    client_failures: int = Field(50, ge=5)
    """Wrong client secrets from one address within the window."""


class Settings(BaseSettings):
    """Everything that is configured."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="IDP_", env_nested_delimiter="__", use_attribute_docstrings=True
    )

    issuer: str
    """The public address, exactly as clients see it in ``iss``: https, no path end slash; http for loopback only."""
    name: str = "Sleutel"
    """What the pages call this installation."""
    secrets: tuple[str, ...] = Field(min_length=1)
    """Sealing keys as ``name:base64 of 32 bytes``. The first seals, all open: put a new one in front to rotate."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """How much is logged (JSON lines on standard error)."""
    folder: str = "."
    """Where relative paths start; set by the reader to the configuration file's folder."""

    server: Server = Server()
    database: Database = Database()
    acr: Acr = Acr()
    passwords: Passwords = Passwords()
    leaked: Leaked = Leaked()
    mail: Mail = Mail()
    lifetimes: Lifetimes = Lifetimes()
    limits: Limits = Limits()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then environment, then the file."""
        file = settings_cls.model_config.get("toml_file")
        toml = (TomlConfigSettingsSource(settings_cls),) if file else ()
        return (init_settings, env_settings, *toml)

    @field_validator("issuer")
    @classmethod
    def _issuer(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be an address like https://id.example.com, without query or fragment")
        if parts.path or "?" in value or "#" in value or "@" in parts.netloc:
            raise ValueError("must not have a path, a user or a final slash: https://id.example.com")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ValueError("must be https; plain http is for loopback addresses only")
        return value

    @field_validator("secrets")
    @classmethod
    def _secrets(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            if len(_secret(entry)[1]) != 32:
                raise ValueError("each must be NAME:BASE64 of 32 random bytes; `idp init` writes one")
        return value

    @property
    def is_secure(self) -> bool:
        """Whether people reach us by https: cookies are ``Secure`` and ``__Host-`` then."""
        return self.issuer.startswith("https:")

    @cached_property
    def ring(self) -> Ring:
        """The sealing keys."""
        return Ring([_secret(entry) for entry in self.secrets])

    @cached_property
    def hasher(self) -> Hasher:
        """The password hasher with its slots."""
        return Hasher(
            memory_kib=self.passwords.argon2_memory_kib,
            passes=self.passwords.argon2_passes,
            slots=self.passwords.hash_slots,
            patience=self.passwords.hash_patience_seconds,
        )

    def path(self, name: str) -> Path:
        """``name`` as a path, relative ones from the configuration file's folder."""
        return Path(self.folder) / name

    @property
    def database_url(self) -> str:
        """The database's address for SQLAlchemy: driver named, SQLite's file made absolute."""
        url = self.database.url
        if url.startswith("postgresql://"):
            return url.replace("postgresql://", "postgresql+psycopg://", 1)
        if url.startswith("sqlite:///"):
            return f"sqlite:///{self.path(url.removeprefix('sqlite:///')).resolve()}"
        return url


def _secret(entry: str) -> tuple[str, bytes]:
    name, _, text = entry.partition(":")
    try:
        return name, base64.b64decode(text, validate=True) if name else b""
    except ValueError:
        return name, b""


def new_ring_entry(name: str) -> str:
    """A fresh sealing key in the form that ``secrets`` takes."""
    return f"{name}:{base64.b64encode(random_bytes(32)).decode()}"


def read(file: Path) -> Settings:
    """The settings of ``file`` with the environment over it; raises ``ConfigError``."""
    try:
        with file.open("rb") as stream:
            tomllib.load(stream)
    except FileNotFoundError as error:
        raise ConfigError(f"{file}: no such file; `idp init {file} --issuer URL` makes one") from error
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read as TOML: {error}") from error

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=file)

    try:
        return FromFile(folder=str(file.resolve().parent))  # the rest comes from the file
    except ValidationError as error:
        raise ConfigError(_explain(file, error)) from error


def make(values: Mapping[str, Any]) -> Settings:
    """Settings from values alone (tests and the demo)."""
    return Settings(**values)


def locate(option: str | None) -> Path:
    """The configuration file that ``--config`` or ``IDP_CONFIG`` names; raises ``ConfigError``."""
    name = option or os.environ.get("IDP_CONFIG", "")
    if not name:
        raise ConfigError("no configuration: give --config FILE or set IDP_CONFIG; `idp init` makes a file")
    return Path(name)


def _explain(file: Path, error: ValidationError) -> str:
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"]) or "(top)"
        what = {"extra_forbidden": "is not a known key; remove it or check its spelling", "missing": "is missing"}
        lines.append(f"{file}: {key}: {what.get(fault['type'], fault['msg'].removeprefix('Value error, '))}")
    return "\n".join(lines)
