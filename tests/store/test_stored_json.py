"""Stored JSON is read tolerantly, so that two versions of the program can run side by side.

Each sample is frozen: a version of the program stored it so.
This version ignores members that it does not know, and uses defaults for members that a sample lacks.
A sample is never changed.
A new shape gets a sample of its own.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from idp import clock, crypto
from idp.config import Settings
from idp.db import transaction
from idp.errors import NotFound
from idp.identity import assurance, email_links
from idp.identity.assurance import Proof
from idp.identity.credentials import password_reset
from idp.identity.organisations.settings import settings_of
from idp.identity.policy.dated_rules import rule_of
from idp.mail.letters import Letter
from idp.oauth.clients import RegisteredClient
from idp.store import email_links as store_links
from idp.store import names, organisations, outbox, password_resets, sealed
from idp.store.dated_rules import StoredRule
from idp.web import post_redirect_get, stash, unsaved
from tests.factories import Factory, MadePerson

UNKNOWN: Mapping[str, Any] = {"a_later_member": {"of": ["any", "kind"]}}
LETTER = {
    "template": "reset_password", "name": "Anna", "username": "anna", "organisation": "Example Shoes", "for_owner": False,
    "values": {"link": "https://id.example.com/reset/x"}, "zone": "Europe/Amsterdam", "browser": "Firefox", "address": "",
    "by": "administrator",
}  # fmt: skip
PROOF = {
    "method": "passkey", "at": "2026-03-01T12:00:00+00:00", "credential": "01K0", "user_verified": True, "hardware": True,
    "copyable": False,
}  # fmt: skip
ORGANISATION = {"remember_device_days": 7, "offer_set_up": False, "password_min_length": 16, "languages": ["nl"]}
CLIENT = {
    "client_name": "Till", "redirect_uris": ["https://pos.example.com/callback"], "grant_types": ["authorization_code"],
    "response_types": ["code"], "scope": "openid profile", "token_endpoint_auth_method": "none",
}  # fmt: skip
UNSAVED = {"to": "/profile", "path": "/profile/name", "fields": [["name", "Anna"]], "had_file": False}
KEPT = {"path": "/profile", "status": 200, "headers": [["X-One", "1"]], "language": "en", "html": {"en": "<p>kept"}}


@pytest.fixture
def anna(factory: Factory) -> MadePerson:
    """Return a user with a verified address."""
    return factory.make_user(factory.make_organisation(), "anna", email="anna@example.com")


def test_mail_values_of_another_release_are_read() -> None:
    """They fill in a mail that waits in the outbox."""
    letter = Letter.opened("other", {**LETTER, **UNKNOWN})
    assert (letter.template, letter.values, letter.by) == ("reset_password", LETTER["values"], "administrator")
    assert Letter.opened("reset_password", {}) == Letter("reset_password")


def test_proofs_of_another_release_are_read() -> None:
    """Sessions and grants store them. A proof without method or time does not count."""
    at = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    whole = Proof("passkey", at, "01K0", user_verified=True, hardware=True, copyable=False)
    least = {"method": "password", "at": PROOF["at"]}
    read = assurance.from_json([{**PROOF, **UNKNOWN}, least, {"at": PROOF["at"]}, {"method": "totp"}, UNKNOWN])
    assert read == (whole, Proof("password", at))
    other = assurance.from_json([{"method": "a later one", "at": PROOF["at"]}])
    assert assurance.level(other) == assurance.NOTHING


def test_organisation_settings_of_another_release_are_read(app: Flask, settings: Settings, factory: Factory) -> None:
    """The console and ``idp apply`` set them."""
    organisation_id = factory.make_organisation()
    with app.app_context():
        read = []
        for stored in ({}, {**ORGANISATION, **UNKNOWN}):
            with transaction():
                names.change_organisation(organisation_id, settings=stored)
            row = organisations.organisation(organisation_id)
            assert row is not None
            read.append(settings_of(settings, row))
    assert [one.password_min_length for one in read] == [settings.passwords.min_length, 16]
    assert (read[1].remember_device_days, read[1].offer_set_up, read[1].languages) == (7, False, ("nl",))


def test_client_metadata_of_another_release_is_read() -> None:
    """It has the names of RFC 7591, and those of a later standard."""

    def client(metadata: Mapping[str, Any]) -> RegisteredClient:
        return RegisteredClient("pos", metadata, (), True, "", True, False, frozenset(), False)

    whole, least = client({**CLIENT, **UNKNOWN}), client({})
    assert (whole.name, whole.is_public, whole.redirect_uris) == ("Till", True, ("https://pos.example.com/callback",))
    assert (least.name, least.is_public, least.redirect_uris) == ("pos", False, ())
    assert least.post_logout_redirect_uris == ()


def test_dated_rule_conditions_of_another_release_are_read() -> None:
    """Each list is a column of its own."""
    lists = {name: [] for name in ("countries", "integrations", "groups", "organisations", "clients")}
    row = StoredRule(name="r", starts=date(2026, 1, 1), ends=None, require="second_factor", roles=["owner"], **lists)
    assert (rule_of(row).roles, rule_of(row).groups) == (("owner",), ())


@pytest.mark.parametrize(("values", "found"), [({"email": "a@b.nl", **UNKNOWN}, "a@b.nl"), ({}, None), (UNKNOWN, None)])
def test_mailed_link_values_of_another_release_are_read(
    app: Flask, settings: Settings, anna: MadePerson, values: Mapping[str, Any], found: str | None
) -> None:
    """A link without its address opens nothing. Otherwise it would set an empty address."""
    token, now = f"{anna.organisation_id}.{crypto.new_secret()}", clock.now()
    digest = email_links.digest_of("undo", token)
    row = {"organisation_id": anna.organisation_id, "digest": digest, "user_id": anna.id, "purpose": "undo"}
    with app.app_context():
        packed = sealed.EMAIL_LINKS.seal_json(settings.ring, digest, values)
        dates = {"created_at": now, "expires_at": now + timedelta(hours=1)}
        with transaction():
            store_links.add_link(store_links.EmailLink(**row, **dates, sealed_values=packed))
        link = email_links.opened(settings, token, "undo")
        if found is None:
            with pytest.raises(NotFound):
                link.text("email")
        else:
            assert link.text("email") == found


@pytest.mark.parametrize("lacks", ["", "address", "label", "username", "store_url"])
def test_password_reset_requests_of_another_release_are_read(
    app: Flask, settings: Settings, anna: MadePerson, lacks: str
) -> None:
    """The worker handles requests that another version stored, and drops those that name no user."""
    asked = {"store_url": "example-shoes", "username": "anna", "address": "192.0.2.1", "request_id": "r", "label": "Firefox"}
    values = {name: value for name, value in asked.items() if name != lacks}
    with app.app_context():
        packed = sealed.PASSWORD_RESETS.seal_json(settings.ring, "r", {**values, **UNKNOWN})
        with transaction():
            row = password_resets.PasswordReset(id="r", sealed_values=packed, created_at=clock.now())
            password_resets.add_password_reset(row)
        sent = password_reset.answer_requests(settings)
        assert sent == len(outbox.mails()) == (0 if lacks in ("username", "store_url") else 1)
        assert password_resets.next_password_reset() is None


@pytest.mark.parametrize("lacks", ["", *UNSAVED])
def test_unconfirmed_forms_of_another_release_are_read(app: Flask, monkeypatch: pytest.MonkeyPatch, lacks: str) -> None:
    """The stash keeps them for a day at most."""
    kept = {name: value for name, value in {**UNSAVED, **UNKNOWN}.items() if name != lacks}
    monkeypatch.setattr(stash, "get", lambda *_: kept)
    monkeypatch.setattr(unsaved, "_author", lambda: "")
    with app.test_request_context(f"/profile?{unsaved.REFERENCE}=x"):
        found = unsaved._find()
        assert (found is None) == (lacks == "to")


@pytest.mark.parametrize("lacks", ["", *KEPT])
def test_stashed_pages_of_another_release_are_read(app: Flask, monkeypatch: pytest.MonkeyPatch, lacks: str) -> None:
    """The stash keeps them for a day at most."""
    kept = {name: value for name, value in {**KEPT, **UNKNOWN}.items() if name != lacks}
    monkeypatch.setattr(stash, "get", lambda *_: kept)
    monkeypatch.setattr(post_redirect_get, "_login_id", lambda: "")
    with app.test_request_context(f"/profile?{post_redirect_get.REFERENCE}=x"):
        shown = post_redirect_get._show_kept()
        assert (shown is None) == bool(lacks)
