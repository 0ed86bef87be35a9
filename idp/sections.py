"""Define the tables of the configuration file, one frozen model each. Their docstrings make ``config.example.toml``."""

import re
from email.utils import parseaddr
from functools import cached_property
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings

from idp.on_use import OnUse
from idp.server_sections import Clients, Database, Metrics, Outgoing, Section, Server

if TYPE_CHECKING:
    import email_validator
else:
    email_validator = OnUse("email_validator")

EHLO_NAME = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def _is_literal(text: str) -> bool:
    """Check if this is an address literal: ``[192.0.2.1]`` or ``[IPv6:2001:db8::1]`` (RFC 5321 §4.1.3)."""
    inner = text[1:-1] if text.startswith("[") and text.endswith("]") else ""
    try:
        return ip_address(inner.removeprefix("IPv6:")).version == (6 if inner.startswith("IPv6:") else 4)
    except ValueError:
        return False


ACR_NAME = re.compile(r"[!#-\[\]-~]{1,100}")
"""The form of a scope's name (RFC 6749 §3.3): a list has a space between two."""
LEVELS = 5


class Acr(Section):
    """The names of the assurance levels, as clients request them and find them in ``acr``."""

    level_1: str = "pwd"
    """Password."""
    level_2: str = "mfa-remembered"
    """Password on a device that was remembered after a second factor."""
    level_3: str = "mfa"
    """Password and a current code, or a recovery code."""
    level_4: str = "phr"
    """Phishing-resistant: a passkey with user verification, or password and passkey."""
    level_5: str = "phrh"
    """Phishing-resistant with a hardware key that cannot be copied."""

    @field_validator("level_1", "level_2", "level_3", "level_4", "level_5")
    @classmethod
    def _one_word(cls, value: str) -> str:
        if not ACR_NAME.fullmatch(value):
            raise ValueError("must be 1 to 100 ASCII characters without spaces, quotes and backslashes")
        return value

    @model_validator(mode="after")
    def _all_different(self) -> Self:
        if len(self.names) < LEVELS:
            raise ValueError("must give each level a name of its own")
        return self

    @cached_property
    def names(self) -> dict[str, int]:
        """Return the levels by name, in their order."""
        return {
            self.level_1: 1, self.level_2: 2, self.level_3: 3, self.level_4: 4, self.level_5: 5,
        }  # fmt: skip


class Passwords(Section):
    """Which passwords are accepted and how they are hashed."""

    min_length: int = Field(12, ge=8, le=64)
    """Fewest characters for someone without a second factor, unless the organisation says otherwise."""
    min_length_with_factor: int = Field(8, ge=8, le=64)
    """Fewest characters for someone who has a second factor."""
    argon2_memory_kib: int = Field(19_456, ge=8)
    """Memory of one hash."""
    argon2_passes: int = Field(2, ge=1)
    """Passes of one hash."""
    hash_slots: int = Field(0, ge=0)
    """Concurrent hashes in one server process. 0 divides the cores among the processes and leaves one for everything else.
    """
    hash_patience_seconds: float = Field(3.0, gt=0)
    """How long a sign-in waits for a slot before it answers 503."""


class Passkeys(Section):
    """Passkeys and security keys. They belong to the issuer's host name: after a change of it none of them works."""

    attestation_roots: str = ""
    """PEM file of makers' root certificates. Passkeys in these models cannot be copied, so only they reach level 5."""


class Leaked(Section):
    """Where leaked passwords are looked up, beside the built-in list."""

    file: str = ""
    """A file made by ``idp leaked import``. Leave empty for none."""
    range_service: str = ""
    """Address of a range service (``https://…/range/``), asked with five characters of the hash. Leave empty for none."""
    timeout_seconds: float = Field(0.5, gt=0, le=5)
    """The time limit of a request to the service, with connecting. After it the check counts as unavailable."""


class Mail(Section):
    """How mail leaves."""

    sender: str = "Sleutel <no-reply@localhost>"
    """The address in From."""
    host: str = ""
    """SMTP server. If empty, mails are written to ``folder``."""
    port: int = Field(587, ge=1, le=65535)
    """SMTP port."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """``none`` is only for a relay on this machine."""
    username: str = ""
    """SMTP user. Leave empty for no authentication."""
    password: str = ""
    """SMTP password."""
    ehlo_name: str = ""
    """The host name for EHLO. If empty: the issuer's host."""
    envelope_sender: str = ""
    """The address for bounces (MAIL FROM): one address, or `<>` for none. If empty: the address in ``sender``."""
    folder: str = "mail"
    """The folder for mails if there is no ``host`` (relative to the configuration file)."""

    @field_validator("sender")
    @classmethod
    def _one_sender(cls, value: str) -> str:
        address = parseaddr(value)[1]
        whole = address if "." in address.rpartition("@")[2] else f"{address}.test"  # a machine's own name, as localhost
        try:
            email_validator.validate_email(whole, check_deliverability=False, test_environment=True)
        except email_validator.EmailNotValidError as error:
            raise ValueError(
                "must be one address, or `Name <address>`, like Example Shoes <no-reply@example.com>"
            ) from error
        return value

    @field_validator("ehlo_name")
    @classmethod
    def _greetable(cls, value: str) -> str:
        if value and not (len(value) <= 255 and (EHLO_NAME.fullmatch(value) or _is_literal(value))):
            raise ValueError("must be a host name like mail.example.com, or an address like [192.0.2.1]")
        return value

    @field_validator("envelope_sender")
    @classmethod
    def _one_address(cls, value: str) -> str:
        if value in ("", "<>"):
            return value
        try:
            found = email_validator.validate_email(
                value, check_deliverability=False, allow_smtputf8=False, test_environment=True
            )
        except email_validator.EmailNotValidError as error:
            raise ValueError("must be one plain address like bounces@example.com, or <> for none") from error
        return f"{found.local_part}@{found.ascii_domain}"


class Lifetimes(Section):
    """How long things last. Organisations may shorten sessions and remembered devices."""

    code_seconds: int = Field(60, ge=10, le=600)
    """Authorization code."""
    pushed_request_seconds: int = Field(60, ge=5, le=600)
    """A pushed authorization request (RFC 9126), until a browser brings it."""
    device_code_minutes: int = Field(10, ge=1, le=60)
    """The code that a device without a keyboard shows."""
    access_token_seconds: int = Field(300, ge=30, le=3600)
    """Access token and ID token."""
    login_idle_minutes: int = Field(60, ge=1)
    """A session ends after this time without use."""
    login_hours: int = Field(24, ge=1)
    """A session ends after this time, used or not."""
    refresh_idle_days: int = Field(30, ge=1)
    """A refresh token ends after this time without use."""
    refresh_days: int = Field(90, ge=1)
    """A refresh token ends after this time, used or not."""
    attempt_minutes: int = Field(60, ge=5)
    """A sign-in in progress."""
    stay_signed_in_days: int = Field(30, ge=0, le=365)
    """A session of somebody who chose to stay signed in on their device, where an organisation offers it; 0: nowhere."""
    remember_device_days: int = Field(30, ge=1, le=365)
    """A remembered device, counted from the tick."""
    profile_minutes: int = Field(10, ge=1)
    """How old a proof may be for a sensitive change, in the profile and in the console."""
    confirmation_seconds: int = Field(60, ge=10, le=600)
    """How long after a reauthentication its password also confirms the change that it was for."""
    link_minutes: int = Field(30, ge=5)
    """A link in an e-mail."""
    one_time_password_hours: int = Field(24, ge=1)
    """A one-time password sent by e-mail."""
    invitation_hours: int = Field(72, ge=1, le=336)
    """An invitation by e-mail or on paper."""
    owner_recovery_hours: int = Field(24, ge=1, le=720)
    """How long the recovery of an owner waits for objections after the owner has confirmed it."""
    refresh_grace_seconds: int = Field(10, ge=0, le=60)
    """A public client that lost the answer gets the same successor within this time."""


class Limits(Section):
    """Rate limits. Failures are counted for each user and authenticator and for each address."""

    free_failures: int = Field(4, ge=1)
    """Failures in a row without a wait."""
    first_wait_seconds: int = Field(2, ge=1)
    """The wait after the next failure. Each further failure doubles it."""
    longest_wait_seconds: int = Field(900, ge=1)
    """The longest wait."""
    hard_stop: int = Field(100, ge=10)
    """Failures in a row that lock an authenticator. An administrator unlocks it, or an e-mailed link
    and the other factor."""
    address_failures: int = Field(50, ge=5)
    """Failures from one address within the window that block the address."""
    address_window_minutes: int = Field(15, ge=1)
    """The window for addresses."""
    client_failures: int = Field(50, ge=5)
    """Wrong client secrets from one address within the window."""
    mails_for_account: int = Field(5, ge=1)
    """Mails with a link or a password to one account or address within the window, over all senders."""
    mails_by_person: int = Field(100, ge=1)
    """Mails with a link or a password that one person, administrators too, may cause within the window."""
    mails_from_address: int = Field(20, ge=1)
    """Requests for such mails from one address within the window."""
    registrations_from_address: int = Field(20, ge=1)
    """Apps that register themselves, or change that, from one address within the window, without a token."""


class Tables(BaseSettings):
    """Hold every table of the file, in its order. A new table is a model and a line here."""

    server: Server = Server()
    metrics: Metrics = Metrics()
    database: Database = Database()
    clients: Clients = Clients()
    outgoing: Outgoing = Outgoing()
    acr: Acr = Acr()
    passwords: Passwords = Passwords()
    passkeys: Passkeys = Passkeys()
    leaked: Leaked = Leaked()
    mail: Mail = Mail()
    lifetimes: Lifetimes = Lifetimes()
    limits: Limits = Limits()
