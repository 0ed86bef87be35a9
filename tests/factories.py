"""Make organisations, people and relying apps for tests, through the functions that the command line uses."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask import Flask

from idp import clock, crypto
from idp.actors import System
from idp.audit import Origin
from idp.config import Settings
from idp.db import transaction
from idp.identity.accounts import accounts
from idp.identity.credentials import authenticator_apps, passkeys, totp
from idp.identity.credentials import recovery_codes as code_sets
from idp.identity.organisations import groups, shops
from idp.identity.organisations import organisations as organisation_changes
from idp.identity.user_fields import PersonDraft
from idp.store import organisations as organisation_store
from idp.store import users as user_store
from idp.store.organisations import Organisation
from idp.store.users import User
from tests.drivers.authenticator import Authenticator
from tests.drivers.security_key import SecurityKey

BY_TESTS = Origin(System("cli"))
PASSWORD = "a sturdy kettle sings 42"
CALLBACK = "https://shop.example.com/callback"


@dataclass(frozen=True)
class MadePerson:
    """Hold what a person knows: what they type, the app on their phone, and their recovery codes."""

    organisation_id: str
    id: str
    store_url: str
    username: str
    password: str
    totp_secret: str = ""
    recovery_codes: tuple[str, ...] = ()
    authenticator: Authenticator = field(default_factory=lambda: Authenticator(totp.new_secret()), compare=False)


@dataclass(frozen=True)
class MadeClient:
    """Hold a relying app's registration, as its developer knows it."""

    client_id: str
    secret: str
    redirect_uri: str


class Factory:
    """Make what a test needs, in its database. Every method may be called with or without an open context."""

    def __init__(self, settings: Settings, app: Flask) -> None:
        self.settings, self._app = settings, app

    @contextmanager
    def context(self) -> Iterator[None]:
        """Open the database."""
        with self._app.app_context():
            yield

    def make_organisation(self, store_url: str = "example-shoes", *, owner: bool = False, **values: Any) -> str:
        """Make an organisation and return its id. ``owner=True`` adds an owner (username ``owner``) with a verified
        address and a factor.
        """
        with self.context(), transaction():
            row = organisation_changes.create({"store_url": store_url, "name": "Example Shoes", **values}, BY_TESTS)
        if owner:
            made = self.make_user(row.id, "owner", role="owner", email="owner@shoes.example", totp=True)
            with self.context(), transaction():
                organisation_changes.set_owner(self.organisation(row.id), self.user(made), BY_TESTS)
        return row.id

    def make_group(self, organisation_id: str, name: str = "2FA", *, requires_mfa: bool = True) -> str:
        """Make a group and return its name."""
        with self.context(), transaction():
            groups.create(organisation_id, {"name": name, "requires_mfa": requires_mfa}, BY_TESTS)
        return name

    def make_shop(self, organisation_id: str, code: str = "utrecht-1", name: str = "Utrecht Station") -> None:
        """Make a shop."""
        with self.context(), transaction():
            shops.create(organisation_id, {"code": code, "name": name}, BY_TESTS)

    def make_user(
        self,
        organisation_id: str,
        username: str = "jan",
        *,
        password: str = PASSWORD,
        with_totp: bool = False,
        recovery_codes: int = 0,
        **details: Any,
    ) -> MadePerson:
        """Make a person. Details are those of ``PersonDraft.of``. An address is verified unless ``email_verified=False``."""
        secret = totp.new_secret() if with_totp or details.pop("totp", False) else ""
        codes = tuple(code_sets.new_codes()[:recovery_codes])
        details.setdefault("email_verified", bool(details.get("email")))
        draft = PersonDraft.of(username=username, password=password, totp_secret=secret, recovery_codes=codes, **details)
        with self.context():
            organisation = self.organisation(organisation_id)
            user = accounts.create(self.settings, organisation, draft, BY_TESTS)
            store_url = organisation.store_url
        known = {"totp_secret": secret, "recovery_codes": codes}
        phone = {"authenticator": Authenticator(secret)} if secret else {}
        return MadePerson(organisation_id, user.id, store_url, username, password, **known, **phone)

    def give_app(self, person: MadePerson, name: str = "") -> Authenticator:
        """Add an authenticator app beside those that the person has, without walking through the pages."""
        secret = totp.new_secret()
        with self.context(), transaction():
            user = self.user(person)
            number = authenticator_apps.free_number(user)
            assert totp.activate(
                self.settings, user, totp.NewApp(crypto.new_id(), secret, number=number, name=name), clock.now()
            )
        return Authenticator(secret)

    def give_passkey(self, person: MadePerson, key: SecurityKey, name: str = "") -> None:
        """Make a passkey with this key, without walking through the pages."""
        with self.context():
            user, now = self.user(person), clock.now()
            ceremony = passkeys.make(self.settings, "passkey", now, user)
            made = passkeys.read_made(self.settings, ceremony, key.make(ceremony.options), now)
            assert made is not None
            assert passkeys.add(self.settings, user, made, name, BY_TESTS, now)

    def make_client(
        self,
        client_id: str = "webshop",
        *,
        redirect_uri: str = CALLBACK,
        public: bool = False,
        first_party: bool = True,
        minimum_acr: str = "",
        remember_device: bool = True,
        shared_device: bool = False,
        organisations: tuple[str, ...] = (),
        **metadata: Any,
    ) -> MadeClient:
        """Make a relying app. ``metadata`` has the registered names. A public app has no secret."""
        from idp.oauth.client_metadata import validate_metadata
        from idp.oauth.clients import secret_digest
        from idp.store import client_secrets, clients

        given = {"client_name": client_id.title(), "redirect_uris": [redirect_uri], **metadata}
        if public:
            given["token_endpoint_auth_method"] = "none"
        secret, now = "" if public else crypto.new_secret(), clock.now()
        row = clients.Client(
            client_id=client_id,
            metadata_=validate_metadata(given, self.settings),
            first_party=first_party,
            minimum_acr=minimum_acr,
            remember_device=remember_device,
            shared_device=shared_device,
            organisations=list(organisations),
            created_at=now,
        )
        with self.context(), transaction():
            clients.add_client(row)
            if secret:
                digest = secret_digest(client_id, secret)
                client_secrets.add_secret(
                    client_secrets.ClientSecret(id=crypto.new_id(), client_id=client_id, digest=digest, created_at=now)
                )
        return MadeClient(client_id, secret, redirect_uri)

    def organisation(self, organisation_id: str) -> Organisation:
        """Return the row. Needs an open context."""
        row = organisation_store.organisation(organisation_id)
        assert row is not None
        return row

    def user(self, person: MadePerson) -> User:
        """Return the row. Needs an open context."""
        row = user_store.user(person.organisation_id, person.id)
        assert row is not None
        return row
