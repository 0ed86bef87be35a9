"""What a lockout tells, and to which people."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from idp.config import Settings
from idp.identity.lockout import rate_limits
from idp.store import outbox
from idp.store.organisations import Organisation
from idp.store.users import User
from tests.drivers.guesses import Door


def test_a_hard_stop_has_the_words_of_a_wait(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """security.md 18: a name that nobody has is stopped after a hundred too, and the words are the same."""
    door, said = Door(settings, organisation.id), []
    for who in (make_user(), None):
        at = door.fail_until(who, 100) + timedelta(days=1)
        with pytest.raises(rate_limits.Stopped) as refused:
            door.gate(who, at)
        said.append((refused.value.message, refused.value.retry_after))
    assert said[0] == said[1]


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
def test_each_stop_is_told_with_the_way_out_that_it_has(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User], authenticator: str, template: str
) -> None:
    """N63-12, S54: a link for what the password lifts; for the rest the notice says who lifts it."""
    make_user("owner", role="owner")
    door = Door(settings, organisation.id)
    at = door.fail_until(make_user(email="anna@shoes.example", email_verified=True), 99, authenticator=authenticator)
    assert outbox.mails() == []
    user = make_user("berta", email="berta@shoes.example", email_verified=True)
    door.fail_until(user, 100, authenticator=authenticator)
    assert not door.is_open(user, at + timedelta(days=400), authenticator=authenticator)
    assert [(mail.template, mail.recipient) for mail in outbox.mails()] == [(template, "berta@shoes.example")]
