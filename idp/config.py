"""Read the configuration once: TOML, overridden by the environment, as frozen models that are passed to callers.

Environment names are ``IDP_`` + the path with ``__`` between (``IDP_DATABASE__URL``). Wrong input raises ``ConfigError``,
which names file, key and remedy. Docstrings under the fields are the reference: ``config.example.toml`` is generated from
them.
"""

import base64
import os
import re
import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from idp.crypto import Hasher, Ring, random_bytes
from idp.languages import Language
from idp.sections import Tables
from idp.server_sections import Texts

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class ConfigError(Exception):
    """The configuration cannot be used. The text names file, key and remedy."""


class Settings(Tables):
    """Hold the whole configuration."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix="IDP_",
        env_nested_delimiter="__",
        use_attribute_docstrings=True,
        enable_decoding=False,
    )

    issuer: str
    """The public address, exactly as clients see it in ``iss``: https, without path and final slash; http for loopback
    only.
    """
    name: str = "Sleutel"
    """The name of this installation on pages."""
    default_language: Language = "en"
    """The language of pages and mails if person, app, browser and organisation choose none, for example `nl`."""
    secrets: Texts = Field(min_length=1)
    """Sealing keys as ``name:base64 of 32 bytes``. The first seals, all open. To rotate: put a new one in front, and remove
    the old one when ``idp doctor`` says so."""
    security_contact: str = Field("", pattern=r"^((mailto:|https://|tel:)[!-~]+)?$")
    """Contact in ``security.txt``: ``mailto:…``, ``https://…`` or ``tel:…``; empty: security@ the issuer's host."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """How much is logged (JSON lines on standard error)."""
    folder: str = "."
    """Where relative paths start; set by the reader to the configuration file's folder."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, then environment, then the file."""
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

    @model_validator(mode="after")
    def _roots_are_there(self) -> Self:
        if self.passkeys.attestation_roots and not self._read_roots():
            raise ValueError("passkeys.attestation_roots holds no certificate (-----BEGIN CERTIFICATE-----)")
        return self

    def _read_roots(self) -> tuple[bytes, ...]:
        try:
            text = self.path(self.passkeys.attestation_roots).read_bytes()
        except OSError:
            return ()
        return tuple(re.findall(rb"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----", text))

    @cached_property
    def attestation_roots(self) -> tuple[bytes, ...]:
        """Return the trusted root certificates (PEM) of makers of hardware keys; none by default."""
        return self._read_roots() if self.passkeys.attestation_roots else ()

    @property
    def is_secure(self) -> bool:
        """Check if people reach us by https: then cookies are ``Secure`` and ``__Host-``."""
        return self.issuer.startswith("https:")

    @cached_property
    def ring(self) -> Ring:
        """Return the sealing keys."""
        return Ring([_secret(entry) for entry in self.secrets])

    @cached_property
    def hasher(self) -> Hasher:
        """Return the password hasher with its slots."""
        return Hasher(
            memory_kib=self.passwords.argon2_memory_kib,
            passes=self.passwords.argon2_passes,
            slots=self.hash_slots,
            patience=self.passwords.hash_patience_seconds,
        )

    @property
    def hash_slots(self) -> int:
        """Return how many passwords one process hashes at a time."""
        return self.passwords.hash_slots or max(1, (cores() - 1) // self.server_processes)

    @property
    def server_processes(self) -> int:
        """Return how many processes of ``idp run`` answer requests."""
        return self.server.workers or (1 if self.database.url.startswith("sqlite:") else cores())

    def path(self, name: str) -> Path:
        """Return ``name`` as a path; relative ones start at the configuration file's folder."""
        return Path(self.folder) / name

    @property
    def database_url(self) -> str:
        """Return the database's address for SQLAlchemy, with a named driver and an absolute path of SQLite's file."""
        url = self.database.url
        for short in ("postgresql://", "postgres://"):
            if url.startswith(short):
                return url.replace(short, "postgresql+psycopg://", 1)
        if url.startswith("sqlite:///"):
            return f"sqlite:///{self.path(url.removeprefix('sqlite:///')).resolve()}"
        return url


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _secret(entry: str) -> tuple[str, bytes]:
    name, _, text = entry.partition(":")
    try:
        return name, base64.b64decode(text, validate=True) if name else b""
    except ValueError:
        return name, b""


def new_ring_entry(name: str) -> str:
    """Return a fresh sealing key in the form that ``secrets`` takes."""
    return f"{name}:{base64.b64encode(random_bytes(32)).decode()}"


def read(file: Path) -> Settings:
    """Read the settings of ``file``, overridden by the environment. Raises ``ConfigError``."""
    try:
        with file.open("rb") as stream:
            tomllib.load(stream)
    except FileNotFoundError as error:
        raise ConfigError(f"{file}: no such file; `idp init {file} --issuer URL` makes one") from error
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read as TOML: {error}") from error

    if unknown := _unknown_variables():
        raise ConfigError(f"environment: {', '.join(unknown)}: is not a known key; unset it or check its spelling")

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=file)

    try:
        return FromFile(folder=str(file.resolve().parent))  # the rest comes from the file
    except ValidationError as error:
        raise ConfigError(_explain(file, error)) from error


def make(values: Mapping[str, Any]) -> Settings:
    """Return settings from values alone (for tests and the demo)."""
    return Settings(**values)


def locate(option: str | None) -> Path:
    """Return the configuration file that ``--config`` or ``IDP_CONFIG`` names. Raises ``ConfigError``."""
    name = option or os.environ.get("IDP_CONFIG", "")
    if not name:
        raise ConfigError("no configuration: give --config FILE or set IDP_CONFIG; `idp init` makes a file")
    return Path(name)


def _unknown_variables() -> list[str]:
    """Return unknown names in the environment that look like ours: a misspelt one must not be ignored."""
    known = {"config", *Settings.model_fields}
    return [
        name for name in os.environ if name.upper().startswith("IDP_") and name[4:].lower().partition("__")[0] not in known
    ]


FORMS = {
    "extra_forbidden": "is not a known key; remove it or check its spelling",
    "missing": "is missing",
    "model_type": "must be a table of keys",
    "tuple_type": 'must be a list of texts: ["…", "…"], in the environment also a,b',
    "string_type": "must be text in quotes",
}
"""Pydantic's kinds of errors, in words for people."""


def _explain(file: Path, error: ValidationError) -> str:
    lines = []
    for fault in error.errors():
        path = [str(part) for part in fault["loc"]]
        what = FORMS.get(fault["type"], fault["msg"].removeprefix("Value error, "))
        lines.append(f"{_place(file, path)}: {what}")
    return "\n".join(lines)


def _place(file: Path, path: list[str]) -> str:
    """Return the source of a value: the environment overrides the file."""
    for length in range(len(path), 0, -1):
        name = "IDP_" + "__".join(path[:length]).upper()
        if any(variable.upper() == name for variable in os.environ):
            return f"environment: {name}"
    return f"{file}: {'.'.join(path) or '(top)'}"
