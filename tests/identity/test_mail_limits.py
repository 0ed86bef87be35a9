"""Known browsers have limits of their own. Mails are limited by the person who causes them (security.md 7)."""

from collections.abc import Callable
from typing import Any

import pytest

from idp import clock as product_clock
from idp.actors import Person
from idp.audit import Origin
from idp.db import transaction
from idp.errors import TooMany
from idp.identity import mail_limits
from idp.identity.accounts import accounts, invitations
from idp.identity.credentials import password_reset
from idp.identity.lockout import rate_limits
from idp.identity.ownership import owner_recovery
from idp.rows import add
from idp.store import audit, browsers, outbox
from idp.store.browsers import Browser
from tests.factories import BY_TESTS

HERE, ELSEWHERE = "192.0.2.9", "192.0.2.10"


@pytest.fixture
def guess(database, settings, factory) -> Callable[..., str]:
    """Return ``guess("jan", "till")``, which tries a wrong password of jan at the till. It returns ``closed`` if refused."""
    at = factory.make_organisation(owner=True)
    known = {name: factory.make_user(at, name) for name in ("jan", "piet", *(f"u{number}" for number in range(14)))}
    now = product_clock.now()
    with transaction():
        for place in ("till", "strange"):
            add(Browser(id=place, digest=place.encode(), created_at=now, last_seen_at=now))
        for name in (*(f"u{number}" for number in range(14)), "jan"):
            browsers.note_session("till", at, known[name].id, name, now)

    def make(name: str, place: str, address: str = HERE, *, right: bool = False) -> str:
        user = known.get(name)
        try:
            guess = rate_limits.Guess("password", at, user.id if user else "", place, address, entered=name)
            admitted = rate_limits.gate(settings, guess, now)
        except TooMany as refused:
            return "stopped" if isinstance(refused, rate_limits.Stopped) else "closed"
        if right:
            with transaction():
                admitted.succeeded()
        return "open"

    return make


def test_wrong_names_from_an_address_do_not_stop_a_known_browser(guess) -> None:
    """A shop has one address. Fifty wrong names close it to unknown browsers, and jan still signs in at his own till."""
    for number in range(50):
        assert guess(f"nobody{number}", "strange") == "open"
    walk = [
        ("another stranger", "nobody99", "strange", HERE, "closed"),
        ("jan on a browser that does not know him", "jan", "strange", HERE, "closed"),
        ("piet at jan's till, which does not know piet", "piet", "till", HERE, "closed"),
        ("jan at his till", "jan", "till", HERE, "open"),
        ("a stranger elsewhere", "nobody99", "strange", ELSEWHERE, "open"),
    ]
    for what, name, place, address, outcome in walk:
        assert guess(name, place, address, right=True) == outcome, what


def test_a_known_browser_gives_an_attacker_no_more_tries(guess) -> None:
    """Guesses in a known browser count for the address too. Each user has few, and the browser has as many as an address."""
    tried = sum(guess(f"u{number % 14}", "till") == "open" for number in range(14 * 6))
    assert tried == 50
    assert guess("jan", "till") == "closed"
    assert guess("nobody", "strange") == "closed"
    assert guess("nobody", "strange", ELSEWHERE) == "open"


def test_a_right_password_is_counted_in_neither_counter(guess) -> None:
    """A busy till is not closed by right passwords."""
    assert {guess("jan", "till", right=True) for _ in range(120)} == {"open"}
    assert guess("nobody", "strange") == "open"


def invite(settings: Any, at: Any, user: Any, by: Origin) -> None:
    invitations.invite(settings, at, user, by)


def one_time(settings: Any, at: Any, user: Any, by: Origin) -> None:
    password_reset.send_one_time_password(settings, at, user, by)


@pytest.mark.parametrize("act", [invite, one_time])
def test_mails_to_one_address_are_limited_over_all_senders(database, settings, factory, act) -> None:
    """Administrators are limited too. After five mails to an address, the next is refused clearly and audited."""
    shoes = factory.make_organisation(owner=True)
    boss = factory.make_user(shoes, "boss", role="administrator", email="boss@shoes.example")
    by, others = Origin(Person(boss.id)), [factory.make_user(shoes, f"u{n}", email="victim@x.example") for n in range(6)]
    at = factory.organisation(shoes)
    for person in others[:5]:
        act(settings, at, factory.user(person), by)
    with pytest.raises(TooMany) as refused:
        act(settings, at, factory.user(others[5]), by)
    assert "Too many e-mails" in refused.value.message.key
    assert len([mail for mail in outbox.mails() if mail.recipient == "victim@x.example"]) == 5
    assert [row.outcome for row in audit.rows(shoes) if row.event == "mail:limited"] == ["failure"]


def test_one_person_causes_a_bounded_number_of_mails(database, settings, factory) -> None:
    """Mails to many addresses count too: address changes, recoveries and resends. The system has no limit."""
    shoes = factory.make_organisation(owner=True)
    boss = factory.make_user(shoes, "boss", role="administrator", email="boss@shoes.example")
    jan = factory.user(factory.make_user(shoes, "jan", email="jan@shoes.example"))
    by, at = Origin(Person(boss.id)), factory.organisation(shoes)
    for number in range(settings.limits.mails_by_person):
        mail_limits.admit(settings, by, jan, f"u{number}@x.example")
    with pytest.raises(TooMany):
        accounts.change(settings, at, jan, {"email": "new@shoes.example"}, by)
    with pytest.raises(TooMany):
        mail_limits.admit_again(settings, by, shoes, _mail_about(settings, at, jan))
    accounts.change(settings, at, factory.user(boss), {"email": "boss2@shoes.example", "email_verified": True}, BY_TESTS)
    owner_recovery.start(settings, at, BY_TESTS)


def _mail_about(settings: Any, at: Any, jan: Any) -> str:
    invitations.invite(settings, at, jan, BY_TESTS)
    return outbox.mails()[0].id
