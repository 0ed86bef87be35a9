"""What a lockout says, and which people are told."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from idp.config import Settings
from idp.identity.lockout import rate_limits
from idp.store import outbox
from idp.store.organisations import Organisation
from idp.store.users import User
from tests.drivers.guesses import Guesses


def test_a_lockout_and_a_wait_have_the_same_message(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """security.md 18: an unknown name is locked out after a hundred guesses too, with the same words."""
    guesses, messages = Guesses(settings, organisation.id), []
    for who in (make_user(), None):
        at = guesses.fail_until(who, 100) + timedelta(days=1)
        with pytest.raises(rate_limits.Stopped) as refused:
            guesses.gate(who, at)
        messages.append((refused.value.message, refused.value.retry_after))
    assert messages[0] == messages[1]


@pytest.mark.parametrize(
    ("authenticator", "template"),
    [
        ("password", "locked"),
        ("invitation", "locked"),
        ("totp", "unlock"),
        ("recovery", "unlock"),
        ("passkey", "unlock"),
        ("set_up", "unlock"),
    ],
)
def test_a_lockout_notice_says_how_to_unlock(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User], authenticator: str, template: str
) -> None:
    """N63-12, S54: a link unlocks what the password may unlock. Other notices name the people who can unlock the rest."""
    make_user("owner", role="owner")
    guesses = Guesses(settings, organisation.id)
    at = guesses.fail_until(make_user(email="anna@shoes.example", email_verified=True), 99, authenticator=authenticator)
    assert outbox.mails() == []
    user = make_user("berta", email="berta@shoes.example", email_verified=True)
    guesses.fail_until(user, 100, authenticator=authenticator)
    assert not guesses.is_open(user, at + timedelta(days=400), authenticator=authenticator)
    assert [(mail.template, mail.recipient) for mail in outbox.mails()] == [(template, "berta@shoes.example")]
