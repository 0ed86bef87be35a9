"""People: finding, making, changing, barring them, and their second factor."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from idp import audit, clock, crypto
from idp.audit import Origin
from idp.config import Settings
from idp.db import release, transaction
from idp.errors import Forbidden, Invalid, NotFound
from idp.identity import credentials, logins, passwords, people, recovery, remembered, resets, totp
from idp.identity.details import PersonDraft
from idp.identity.organisations import settings_of
from idp.identity.proofs import Proof
from idp.store import attempts, grants, outbox, users
from idp.store import audit as audit_rows
from idp.store import credentials as factor_rows
from idp.store import logins as login_rows
from idp.store.attempts import Attempt
from idp.store.grants import Grant
from idp.store.organisations import Group, Organisation
from idp.store.users import User
from tests.identity.conftest import CLI

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def by(user: User) -> Origin:
    """This user acts."""
    return Origin(actor_id=user.id, address="192.0.2.7")


def fresh(user: User) -> User:
    """As the database has it now."""
    found = users.user(user.organisation_id, user.id)
    assert found is not None
    return found


def events(organisation: Organisation) -> list[str]:
    """What the trail says, its chain checked."""
    assert audit.verify(organisation.id) is None
    return [row.event for row in audit_rows.rows(organisation.id)]


def add_group(organisation: Organisation, name: str, *, requires_mfa: bool = True) -> None:
    """A group."""
    from idp.db import add

    with transaction():
        add(Group(organisation_id=organisation.id, id=crypto.new_id(), name=name, requires_mfa=requires_mfa))


class Presence:
    """Everything of a user that can be ended: a login with a grant, a sign-in in progress, trust in a device."""

    def __init__(self, settings: Settings, organisation: Organisation, user: User) -> None:
        now, self.user = clock.now(), user
        terms = settings_of(settings, organisation)
        proofs = [Proof("password", now)]
        place = ("", "Firefox", "192.0.2.7")
        self.login_id, self.cookie = logins.start(settings, terms, organisation.id, user.id, proofs, *place, now)
        self.grant_id, self.attempt, self.device = crypto.new_id(), crypto.random_bytes(32), crypto.new_secret()
        remembered.remember(settings, terms, organisation.id, user.id, self.device, "Firefox", now)
        later = now + timedelta(hours=1)
        with transaction():
            grants.add_grant(
                Grant(
                    organisation_id=organisation.id, id=self.grant_id, user_id=user.id, client_id="pos",
                    login_id=self.login_id, created_at=now, ends_at=later,
                )
            )  # fmt: skip
            attempts.add_attempt(
                Attempt(
                    digest=self.attempt, browser_id="b", needs={}, organisation_id=organisation.id, user_id=user.id,
                    created_at=now, expires_at=later,
                )
            )  # fmt: skip

    def left(self) -> set[str]:
        """What still holds."""
        now, here = clock.now(), self.user.organisation_id
        grant = grants.grant(here, self.grant_id)
        holds = {
            "login": logins.current(self.cookie, now) is not None,
            "grant": grant is not None and grant.revoked_at is None,
            "attempt": attempts.attempt_of(self.attempt, "b", now) is not None,
            "device": remembered.trust(here, self.user.id, self.device, now) is not None,
        }
        return {name for name, held in holds.items() if held}


@pytest.fixture
def presence(settings: Settings, organisation: Organisation) -> Callable[[User], Presence]:
    """Make somebody present."""
    return lambda user: Presence(settings, organisation, user)


@pytest.mark.parametrize("typed", ["Anna", "anna", " ANNA ", "ａｎｎａ"])
def test_a_username_is_found_however_it_is_typed(
    organisation: Organisation, make_user: Callable[..., User], typed: str
) -> None:
    """S2: case and width do not count."""
    user = make_user("Anna")
    found = people.find(organisation.id, typed)
    assert found is not None
    assert found.id == user.id
    assert people.find(crypto.new_id(), typed) is None
    assert people.find(organisation.id, "") is None
    assert people.find(organisation.id, "a" * 1000) is None


def test_a_username_is_unique_within_an_organisation(organisation: Organisation, make_user: Callable[..., User]) -> None:
    """S2."""
    make_user("anna")
    with pytest.raises(Invalid) as refused:
        make_user("ANNA")
    assert refused.value.field == "username"
    assert events(organisation) == ["user:created"]


@pytest.mark.both_engines
def test_a_username_goes_to_one_of_many_at_once(
    engine: str, make_user: Callable[..., User], at_once: Callable[..., list[bool]]
) -> None:
    """S2, I8: also at the same moment, and the others get a proper refusal."""

    def act() -> bool:
        try:
            make_user("anna")
        except Invalid:
            return False
        return True

    assert sum(at_once(5, act)) == 1


@pytest.mark.parametrize(
    ("key", "details"),
    [
        ("username", {"username": ""}),
        ("username", {"username": "  "}),
        ("username", {"username": "a\nb"}),
        ("username", {"username": "a" * 255}),
        ("role", {"role": "king"}),
        ("email", {"email": "no address"}),
        ("email", {"role": "owner", "email": ""}),
        ("email", {"role": "owner", "email": "o@shoes.example", "email_verified": False}),
        ("groups", {"groups": ("none",)}),
        ("shops", {"shops": ("none",)}),
        ("phone_number", {"phone_number": "call me"}),
        ("sub", {"claims": {"sub": "x"}}),
        ("password", {"password": "x" * 257}),
        ("password_hash", {"password_hash": "md5"}),
        ("password_hash", {"password_hash": "$argon2id$v=19$m=8,t=1,p=1$YWFhYWFhYWE$YWFh", "password": "x"}),
        ("totp_secret", {"totp_secret": "short"}),
        ("recovery_codes", {"recovery_codes": ("abc",)}),
        ("recovery_codes", {"recovery_codes": ("abcdefg-hijkmnp", "ABCDEFG hijkmnp")}),
    ],
)
def test_a_detail_that_cannot_be_taken_is_named(
    organisation: Organisation, make_user: Callable[..., User], key: str, details: dict[str, object]
) -> None:
    """Wrong input names the key, and nothing is half-written."""
    with pytest.raises(Invalid) as refused:
        make_user(**{"username": "anna", **details})
    assert refused.value.field == key
    assert users.users(organisation.id) == []
    assert events(organisation) == []


def test_people_are_brought_along_with_their_credentials(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """idp apply: password, TOTP secret and recovery codes of another system work at once; no mail is sent."""
    user = make_user(
        password="my own old password", totp_secret=SECRET.lower(), recovery_codes=["abcdefg-hijkmnp"], email="a@b.example"
    )
    assert passwords.verify(settings, user, "my own old password")
    assert not passwords.verify(settings, user, "my own old password ")
    person = people.person_of(settings, organisation, fresh(user))
    assert (person.has_totp, person.recovery_codes_left) == (True, 1)
    assert outbox.mails() == []


def test_a_change_says_what_really_changed(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """idp apply prints what it left alone; a change is audited once, by name of the detail only."""
    add_group(organisation, "2FA")
    user = make_user(name="Anna", email="anna@shoes.example", email_verified=True)
    same = {"name": "Anna", "email": "anna@shoes.example", "groups": [], "shops": None, "role": "employee"}
    assert people.change(settings, organisation, user, same, CLI) == ()
    changed = people.change(settings, organisation, user, {"name": "Anne", "groups": ["2FA"], "username": "anne"}, CLI)
    assert changed == ("groups", "name", "username")
    assert people.find(organisation.id, "anne") is not None
    row = audit_rows.rows(organisation.id)[-1]
    assert row.event == "user:changed"
    assert "Anne" not in str(row.data)


def test_a_new_address_is_not_verified(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """S54: "verified" belongs to the address."""
    user = make_user(email="anna@shoes.example", email_verified=True)
    assert people.change(settings, organisation, user, {"email": "new@shoes.example"}, CLI) == ("email", "email_verified")
    assert fresh(user).email_verified_at is None


def test_an_owner_keeps_a_verified_address(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """S54."""
    owner = make_user("owner", role="owner")
    for changes in ({"email": ""}, {"email": "other@shoes.example"}, {"email_verified": False}):
        with pytest.raises(Invalid):
            people.change(settings, organisation, owner, changes, CLI)
    assert fresh(owner).email_verified_at is not None


def test_administrators_raise_nobody_above_themselves_nor_touch_the_owner(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """S47 and the console's rules, kept below every skin."""
    owner, chief, anna = make_user("owner", role="owner"), make_user("chief", role="administrator"), make_user()
    with pytest.raises(Forbidden):
        people.change(settings, organisation, anna, {"role": "owner"}, by(chief))
    for act in (people.disable, people.reset_factor, people.remove_factor, people.end_sessions, people.unlock):
        with pytest.raises(Forbidden):
            act(settings, organisation, owner, by(chief))
        with pytest.raises(Forbidden):
            act(settings, organisation, chief, by(anna))
    assert people.change(settings, organisation, anna, {"role": "administrator"}, by(chief)) == ("role",)


def test_people_of_another_organisation_do_not_exist(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """Guessing ids gives "not found", never "forbidden"."""
    anna, stranger = make_user(), Origin(actor_id=crypto.new_id())
    with pytest.raises(NotFound):
        people.disable(settings, organisation, anna, stranger)
    elsewhere = Organisation(id=crypto.new_id(), store_url="other", name="Other", created_at=clock.now())
    with pytest.raises(NotFound):
        people.disable(settings, elsewhere, anna, CLI)


def test_the_last_owner_stays(settings: Settings, organisation: Organisation, make_user: Callable[..., User]) -> None:
    """An organisation always has an owner who can act."""
    owner = make_user("owner", role="owner")
    with pytest.raises(Forbidden):
        people.disable(settings, organisation, owner, CLI)
    with pytest.raises(Forbidden):
        people.change(settings, organisation, owner, {"role": "manager"}, CLI)
    make_user("heir", role="owner")
    assert people.disable(settings, organisation, owner, CLI)


def test_disabling_ends_everything(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User], presence: Callable[[User], Presence]
) -> None:
    """security.md 9 and 17, I3."""
    user, bob = make_user(password="a password of anna"), make_user("bob")
    here, other = presence(user), presence(bob)
    assert people.disable(settings, organisation, user, CLI)
    assert here.left() == set()
    assert other.left() == {"login", "grant", "attempt", "device"}
    assert not passwords.verify(settings, fresh(user), "a password of anna")
    assert not people.disable(settings, organisation, fresh(user), CLI)
    assert people.enable(settings, organisation, fresh(user), CLI)
    assert passwords.verify(settings, fresh(user), "a password of anna")
    assert here.left() == set()


def test_ending_sessions_leaves_trust_in_devices(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User], presence: Callable[[User], Presence]
) -> None:
    """S37: sign-out never touches a remembered device."""
    user = make_user()
    here = presence(user)
    assert people.end_sessions(settings, organisation, user, by(user)) == 1
    assert here.left() == {"device"}


def _factor(settings: Settings, user: User) -> None:
    with transaction():
        totp.activate(settings, user.organisation_id, user.id, crypto.new_id(), SECRET, 0, clock.now())
        recovery.put(user.organisation_id, user.id, b"s" * 16, [b"d" * 32], clock.now())


def test_a_reset_makes_a_set_up_compulsory(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User], presence: Callable[[User], Presence]
) -> None:
    """S40, S47, S53, S54: open sessions end, and the owner is told about somebody without an address."""
    make_user("owner", role="owner")
    user = make_user()
    _factor(settings, user)
    here = presence(user)
    people.reset_factor(settings, organisation, user, CLI)
    assert here.left() == set()
    person = people.person_of(settings, organisation, fresh(user))
    assert (person.has_totp, person.recovery_codes_left, person.must_set_up) == (False, 0, True)
    assert people.rules_of(settings, organisation, person, clock.now()).must_own
    assert [(mail.template, mail.recipient) for mail in outbox.mails()] == [("factor_reset", "owner@shoes.example")]
    assert events(organisation)[-1] == "factor:reset"


def test_a_compulsory_factor_is_not_switched_off_by_its_owner(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """S7: the refusal says what makes it compulsory; S9: having left the group, it may be."""
    add_group(organisation, "2FA")
    user = make_user(groups=("2FA",))
    _factor(settings, user)
    with pytest.raises(Forbidden) as refused:
        people.remove_factor(settings, organisation, user, by(user))
    assert refused.value.message.values == {"group": "2FA"}
    people.change(settings, organisation, user, {"groups": []}, CLI)
    person = people.person_of(settings, organisation, fresh(user))
    assert person.has_totp
    assert people.remove_factor(settings, organisation, user, by(user))


def test_removing_kills_codes_and_trust(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User], presence: Callable[[User], Presence]
) -> None:
    """S27, S28, S40: one's own login may go on."""
    user = make_user(email="anna@shoes.example", email_verified=True)
    _factor(settings, user)
    here, elsewhere = presence(user), presence(user)
    keep = {"keep_login_id": here.login_id, "keep_attempt": here.attempt}
    assert people.remove_factor(settings, organisation, user, by(user), **keep)
    assert here.left() == {"login", "grant", "attempt"}
    assert elsewhere.left() == set()
    assert factor_rows.active_totp(organisation.id, user.id) is None
    assert factor_rows.active_recovery_set(organisation.id, user.id) is None
    assert [(mail.template, mail.recipient) for mail in outbox.mails()] == [("factor_removed", "anna@shoes.example")]
    assert not people.remove_factor(settings, organisation, user, by(user))


def test_a_one_time_password_goes_to_the_person_alone(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User], presence: Callable[[User], Presence]
) -> None:
    """S49, S50, S54: works once, expires, must be changed, touches no factor; without an address nothing changes."""
    make_user("owner", role="owner")
    bob = make_user("bob", password="a password of bob")
    with pytest.raises(Invalid):
        resets.send_one_time_password(settings, organisation, bob, CLI)
    assert passwords.verify(settings, fresh(bob), "a password of bob")
    assert outbox.mails() == []
    user = make_user(email="anna@shoes.example", email_verified=True, password="a password of anna")
    _factor(settings, user)
    here = presence(user)
    resets.send_one_time_password(settings, organisation, user, CLI)
    mail = outbox.mails()[0]
    assert (mail.template, mail.recipient) == ("one_time_password", "anna@shoes.example")
    assert here.left() == set()
    now_ = fresh(user)
    assert now_.must_change_password
    assert not passwords.verify(settings, now_, "a password of anna")
    assert factor_rows.active_totp(organisation.id, user.id) is not None
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


def test_new_credentials_replace_the_old(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User], presence: Callable[[User], Presence]
) -> None:
    """idp apply --set-credentials: what a change of them ends, ends (S40, S51, S53)."""
    user = make_user(password="a password of anna", email="anna@shoes.example", email_verified=True)
    here = presence(user)
    draft = replace(PersonDraft("anna"), password="another password", totp_secret=SECRET)
    assert sorted(credentials.replace(settings, user, draft, CLI)) == ["password", "totp"]
    assert here.left() == set()
    assert passwords.verify(settings, fresh(user), "another password")
    assert sorted(mail.template for mail in outbox.mails()) == ["factor_set_up_again", "password_changed"]


def test_moments_are_noted_at_sign_in(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """A login ends by idling, and at the latest after a day; using it moves only the first."""
    user, terms = make_user(), settings_of(settings, organisation)
    now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    login_id, cookie = logins.start(
        settings, terms, organisation.id, user.id, [Proof("password", now)], "", "Firefox", "192.0.2.7", now
    )
    login = logins.current(cookie, now + timedelta(minutes=59))
    assert login is not None
    assert fresh(user).last_login_at == now
    assert logins.current(cookie, now + timedelta(minutes=60)) is None
    assert not logins.touch(settings, terms, login, now + timedelta(seconds=59))
    for minutes in range(50, 24 * 60, 50):
        assert logins.touch(settings, terms, login, now + timedelta(minutes=minutes))
    assert logins.current(cookie, now + timedelta(hours=24, seconds=-1)) is not None
    assert logins.current(cookie, now + timedelta(hours=24)) is None
    assert login_rows.live_login(organisation.id, login_id, now) is not None


@pytest.mark.parametrize("cookie", ["", "x", "." * 40, "a" * 26 + ".x", "é" * 26 + ".x", "a" * 5000])
def test_junk_in_the_cookie_is_nobody(organisation: Organisation, cookie: str) -> None:
    """security.md 19: fail closed."""
    assert logins.current(cookie, clock.now()) is None


def test_a_step_up_renews_the_cookie(settings: Settings, organisation: Organisation, make_user: Callable[..., User]) -> None:
    """security.md 16: the former cookie is worthless, the proofs add up."""
    user, terms, now = make_user(), settings_of(settings, organisation), clock.now()
    proof = Proof("password", now)
    login_id, old = logins.start(settings, terms, organisation.id, user.id, [proof], "", "", "", now)
    new = logins.renew(organisation.id, login_id, [Proof("totp", now)], now)
    assert logins.current(old, now) is None
    login = logins.current(new, now)
    assert login is not None
    assert [row["method"] for row in login.proofs] == ["password", "totp"]
    assert logins.end(login, "signed_out", by(user))
    assert not logins.end(login, "signed_out", by(user))
    assert logins.current(new, now) is None
    assert events(organisation).count("login:ended") == 1
