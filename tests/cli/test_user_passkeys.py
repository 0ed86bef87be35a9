"""``idp user`` lists the passkeys and authenticator apps of a user, and removes a passkey."""

from collections.abc import Iterator

import pytest

from idp.store import audit, outbox
from tests.cli.conftest import Idp
from tests.drivers.applications import bare_app
from tests.drivers.security_key import BE, UV, SecurityKey
from tests.factories import Factory, MadePerson

YUBIKEY = bytes.fromhex("cb69481e8ff7403993ec0a2729a154a8")
ISSUER = "https://id.example.com"


@pytest.fixture
def factory(idp: Idp) -> Iterator[Factory]:
    """Make users in the database that the command works on."""
    with bare_app(idp.settings) as app:
        yield Factory(idp.settings, app)


@pytest.fixture
def jan(factory: Factory) -> MadePerson:
    """Return a user with a security key and a synced passkey, and without an authenticator app."""
    made = factory.make_user(factory.make_organisation(), "jan", email="jan@shoes.example")
    factory.give_passkey(made, SecurityKey(ISSUER, aaguid=YUBIKEY), "Desk")
    factory.give_passkey(made, SecurityKey(ISSUER, flags=UV | BE))
    return made


def test_support_lists_passkeys_and_removes_one(idp: Idp, factory: Factory, jan: MadePerson) -> None:
    """S28, S53: it shows name, maker, since and last use. A removal is in the audit log and mailed to the user."""
    assert " passkey " in idp("user", "list", jan.store_url).stdout
    desk, synced = idp.json("user", "show", jan.store_url, "jan")["passkeys"]
    assert (desk["name"], desk["maker"], desk["last_used"], desk["can_be_copied"]) == ("Desk", "YubiKey 5", None, False)
    assert (synced["name"], synced["maker"], synced["can_be_copied"]) == ("", "", True)
    idp("user", "remove-passkey", jan.store_url, "jan", desk["id"])
    assert idp.json("user", "show", jan.store_url, "jan")["passkeys"] == [synced]
    idp("user", "remove-passkey", jan.store_url, "jan", synced["id"])
    assert " - " in idp("user", "list", jan.store_url).stdout
    with factory.context():
        assert [row.event for row in audit.rows(jan.organisation_id)].count("passkey:removed") == 2
        assert [mail.template for mail in outbox.mails()].count("passkey_removed") == 2


def test_another_users_passkey_gets_one_clear_line(idp: Idp, factory: Factory, jan: MadePerson) -> None:
    """Unknown passkeys and those of another user are refused. The message says where to look."""
    eve = factory.make_user(jan.organisation_id, "eve")
    (first, _) = idp.json("user", "show", jan.store_url, "jan")["passkeys"]
    for passkey in ("nobody", first["id"]):
        output = idp("user", "remove-passkey", jan.store_url, eve.username, passkey, code=1).stderr
        assert "eve has no passkey" in output
    assert len(idp.json("user", "show", jan.store_url, "jan")["passkeys"]) == 2


def test_support_sees_each_authenticator_app(idp: Idp, factory: Factory, jan: MadePerson) -> None:
    """S25: number, name, since and last use, so that support can say which app a person means. No secret is shown."""
    assert idp.json("user", "show", jan.store_url, "jan")["second_factor"]["apps"] == []
    factory.give_app(jan)
    factory.give_app(jan, "Tablet")
    shown = idp.json("user", "show", jan.store_url, "jan")["second_factor"]
    assert [(app["number"], app["name"], app["last_used"]) for app in shown["apps"]] == [(1, "", None), (2, "Tablet", None)]
    assert shown["since"] == shown["apps"][0]["since"]
    assert set(shown["apps"][0]) == {"id", "number", "name", "since", "last_used"}
