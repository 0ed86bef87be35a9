"""A link that was mailed for a role does nothing once the role is gone (S48)."""

from idp.identity.accounts import accounts
from idp.identity.ownership import owner_recovery
from tests.drivers.email_address import press
from tests.factories import BY_TESTS, Factory

BOSS = "boss@shoes.example"


def test_a_former_administrator_stops_no_recovery(factory: Factory, quiet_shoes: str, browser, postman, clock) -> None:
    """S48: the link was mailed to an administrator. It does nothing for an employee, and the recovery goes on."""
    boss = factory.make_user(quiet_shoes, "boss", role="administrator", email=BOSS)
    with factory.context():
        at = factory.organisation(quiet_shoes)
        owner_recovery.start(factory.settings, at, BY_TESTS)
    link = next(mail.link for mail in postman.bring() if mail.to == BOSS)
    with factory.context():
        accounts.change(factory.settings, at, factory.user(boss), {"role": "employee"}, BY_TESTS)
    assert press(browser, link).status == 404
    with factory.context():
        assert owner_recovery.under_way(quiet_shoes) is not None
