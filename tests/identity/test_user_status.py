"""Disable users, end their sessions, and give or remove factors and passwords. Tests check what ends and what stays."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from idp import clock, crypto
from idp.config import Settings
from idp.db import release, transaction
from idp.errors import Forbidden, Invalid
from idp.factors import APP
from idp.identity.accounts import accounts
from idp.identity.credentials import imported, password_reset, passwords, recovery_codes, second_factor, totp
from idp.identity.user_fields import PersonDraft
from idp.identity.users import lookup, status
from idp.identity.users.status import Kept
from idp.store import outbox, users
from idp.store import recovery_codes as factor_rows
from idp.store import totp as store_totp
from idp.store.organisations import Organisation
from idp.store.users import User
from tests.identity.conftest import CLI
from tests.identity.traces import SECRET, Presence, add_group, by, events, fresh


def test_disabling_a_user_ends_all_access(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User], presence: Callable[[User], Presence]
) -> None:
    """security.md 9 and 17, I3."""
    user, bob = make_user(password="a password of anna"), make_user("bob")
    here, other = presence(user), presence(bob)
    assert status.disable(settings, organisation, user, CLI)
    assert here.left() == set()
    assert other.left() == {"login", "grant", "attempt", "device"}
    assert not passwords.verify(settings, fresh(user), "a password of anna")
    assert not status.disable(settings, organisation, fresh(user), CLI)
    assert status.enable(settings, organisation, fresh(user), CLI)
    assert passwords.verify(settings, fresh(user), "a password of anna")
    assert here.left() == set()


def test_ending_sessions_keeps_trust_in_devices(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User], presence: Callable[[User], Presence]
) -> None:
    """S37: signing out never affects a remembered device."""
    user = make_user()
    here = presence(user)
    assert status.end_sessions(settings, organisation, user, by(user)) == 1
    assert here.left() == {"device"}


def _factor(settings: Settings, user: User) -> None:
    with transaction():
        totp.activate(settings, user, totp.NewApp(crypto.new_id(), SECRET), clock.now())
        recovery_codes.put(user.organisation_id, user.id, b"s" * 16, [b"d" * 32], clock.now())


def test_a_reset_makes_a_set_up_compulsory(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User], presence: Callable[[User], Presence]
) -> None:
    """S40, S47, S53, S54: open sessions end. The owner gets the notice for a user without an address."""
    make_user("owner", role="owner")
    user = make_user()
    _factor(settings, user)
    here = presence(user)
    second_factor.reset_factor(settings, organisation, user, CLI)
    assert here.left() == set()
    person = lookup.person_of(settings, organisation, fresh(user))
    assert (person.owns(APP), person.recovery_codes_left, person.must_set_up) == (False, 0, True)
    assert lookup.rules_of(settings, organisation, person, clock.now()).must_own
    assert [(mail.template, mail.recipient) for mail in outbox.mails()] == [("factor_reset", "owner@shoes.example")]
    assert events(organisation)[-1] == "factor:reset"


def test_a_user_may_not_switch_off_a_compulsory_factor(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """S7: the refusal names what makes it compulsory. S9: after the user left the group, it may be switched off."""
    add_group(organisation, "2FA")
    user = make_user(groups=("2FA",))
    _factor(settings, user)
    with pytest.raises(Forbidden) as refused:
        second_factor.remove_factor(settings, organisation, user, by(user))
    assert refused.value.message.values == {"group": "2FA"}
    accounts.change(settings, organisation, user, {"groups": []}, CLI)
    person = lookup.person_of(settings, organisation, fresh(user))
    assert person.owns(APP)
    assert second_factor.remove_factor(settings, organisation, user, by(user))


def test_removing_a_factor_ends_codes_and_trust(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User], presence: Callable[[User], Presence]
) -> None:
    """S27, S28, S40: the session that removes it may continue."""
    user = make_user(email="anna@shoes.example", email_verified=True)
    _factor(settings, user)
    here, elsewhere = presence(user), presence(user)
    keep = Kept(here.login_id, here.attempt)
    assert second_factor.remove_factor(settings, organisation, user, by(user), keep)
    assert here.left() == {"login", "grant", "attempt"}
    assert elsewhere.left() == set()
    assert store_totp.active_totps(organisation.id, user.id) == []
    assert factor_rows.active_recovery_set(organisation.id, user.id) is None
    assert [(mail.template, mail.recipient) for mail in outbox.mails()] == [("factor_removed", "anna@shoes.example")]
    assert not second_factor.remove_factor(settings, organisation, user, by(user))


def test_a_one_time_password_is_mailed_only_to_its_user(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User], presence: Callable[[User], Presence]
) -> None:
    """S49, S50, S54: it works once, expires, must be changed and affects no factor.
    For a user without an address nothing changes.
    """
    make_user("owner", role="owner")
    bob = make_user("bob", password="a password of bob")
    with pytest.raises(Invalid):
        password_reset.send_one_time_password(settings, organisation, bob, CLI)
    assert passwords.verify(settings, fresh(bob), "a password of bob")
    assert outbox.mails() == []
    user = make_user(email="anna@shoes.example", email_verified=True, password="a password of anna")
    _factor(settings, user)
    here = presence(user)
    password_reset.send_one_time_password(settings, organisation, user, CLI)
    mail = outbox.mails()[0]
    assert (mail.template, mail.recipient) == ("one_time_password", "anna@shoes.example")
    assert here.left() == set()
    now_ = fresh(user)
    assert now_.must_change_password
    assert not passwords.verify(settings, now_, "a password of anna")
    assert store_totp.active_totps(organisation.id, user.id)
    assert events(organisation)[-1] == "password:one_time_sent"


@pytest.mark.both_engines
def test_a_one_time_password_works_once(
    engine: str, settings: Settings, make_user: Callable[..., User], at_once: Callable[..., list[bool]]
) -> None:
    """S49, I2."""
    user, now = make_user(password="a password of anna"), clock.now()
    with transaction():
        users.change_user(user.organisation_id, user.id, password_expires_at=now + timedelta(hours=24))
    row = fresh(user)

    def act() -> bool:
        with transaction():
            return passwords.spend_one_time(row, now)

    release()
    assert sum(at_once(10, act)) == 1
    assert not passwords.verify(settings, fresh(user), "a password of anna")


def test_new_credentials_have_the_effects_of_a_change(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User], presence: Callable[[User], Presence]
) -> None:
    """idp apply --set-credentials: new credentials end everything that a change of them ends (S40, S51, S53)."""
    user = make_user(password="a password of anna", email="anna@shoes.example", email_verified=True)
    here = presence(user)
    draft = replace(PersonDraft.of(username="anna"), password="another password", totp_secret=SECRET)
    assert sorted(imported.put(settings, user, imported.ready(settings, draft), CLI)) == ["password", "totp"]
    assert here.left() == set()
    assert passwords.verify(settings, fresh(user), "another password")
    assert sorted(mail.template for mail in outbox.mails()) == ["factor_set_up_again", "password_changed"]
