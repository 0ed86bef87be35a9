"""The mail that somebody waits for leaves first, whatever others cause (S49)."""

import pytest

from idp.identity.users import status
from idp.mail import deliver
from tests.drivers.password_reset import forget
from tests.factories import BY_TESTS, Factory


def test_the_mail_of_a_reset_waits_for_no_notices(
    factory: Factory, quiet_shoes, browser, postman, clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An act on thousands of people of another organisation delays nobody's link, which is valid for half an hour."""
    monkeypatch.setattr(deliver, "ROUND_SECONDS", 0)
    ann = factory.make_user(quiet_shoes, "ann", email="ann@shoes.example")
    toys = factory.make_organisation("toys")
    people = [factory.make_user(toys, f"kim{at}", email=f"kim{at}@toys.example") for at in range(3)]
    with factory.context():
        for person in people:
            status.disable(factory.settings, factory.organisation(toys), factory.user(person), BY_TESTS)
    clock(seconds=1)
    forget(browser, ann)
    assert [mail.to for mail in postman.bring()] == ["ann@shoes.example"]
    assert [mail.to for _ in people for mail in postman.bring()] == [f"kim{at}@toys.example" for at in range(3)]
