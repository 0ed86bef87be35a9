"""A mailed link works once, even if many browsers press its button at the same moment (I2; OWASP ASVS V2.3.4, V15.4.2)."""

from collections import Counter
from collections.abc import Callable

import pytest

from idp.actors import Person
from idp.audit import Origin
from idp.config import Settings
from idp.identity.ownership import owner_recovery
from idp.identity.users import email_address
from idp.store import users
from tests.drivers.browser import Browser
from tests.drivers.crowd import Ask
from tests.drivers.password_reset import NEW, forget
from tests.drivers.postman import Postman
from tests.factories import BY_TESTS
from tests.races.conftest import TIMES, Race, posted

pytestmark = pytest.mark.both_engines


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Wait for the hasher longer than a busy machine needs."""
    return configure(passwords={"hash_patience_seconds": 30.0})


def press_requests(race: Race, link: str, **fields: str) -> list[Ask]:
    """Open the link in twenty browsers and return the request of each form."""
    opened = [Browser(race.app, race.settings.issuer).open(link) for _ in range(TIMES)]
    return [posted(browser, **fields) for browser in opened]


def test_a_reset_link_sets_one_password(race: Race) -> None:
    """V2.3.4: one of twenty requests sets the password. The others get 404, and the audit log has one change."""
    jan = race.factory.make_user(race.organisation_id, "jan", email="jan@shoes.example")
    forget(Browser(race.app, race.settings.issuer), jan)
    link = Postman(race.factory, race.folder / "mail").link("jan@shoes.example")
    answers = race.at_once(press_requests(race, link, new_password=NEW, new_password_again=NEW))
    assert Counter(one.status for one in answers) == {303: 1, 404: TIMES - 1}
    assert race.events().count("password:changed") == 1


def test_a_change_of_address_is_confirmed_once(race: Race) -> None:
    """V2.3.4: the address changes once, and one mail offers to undo the change."""
    jan = race.factory.make_user(race.organisation_id, "jan", email="jan@shoes.example")
    with race.factory.context():
        email_address.ask_change(race.settings, race.factory.user(jan), "jan@home.example", Origin(Person(jan.id)))
    postman = Postman(race.factory, race.folder / "mail")
    answers = race.at_once(press_requests(race, postman.link("jan@home.example")))
    assert Counter(one.status for one in answers) == {303: 1, 404: TIMES - 1}
    assert race.events().count("address:changed") == 1
    assert sorted(mail.to for mail in postman.bring()) == ["jan@home.example", "jan@shoes.example"]


def test_a_recovery_is_either_stopped_or_confirmed_once(race: Race) -> None:
    """S48, I2: the owner's button and an administrator's are pressed twenty times each. Each counts at most once.
    A stop is final.
    """
    shop = race.factory.make_organisation("other-shoes", owner=True)
    race.factory.make_user(shop, "boss", role="administrator", email="boss@shoes.example")
    with race.factory.context():
        owner_recovery.start(race.settings, race.factory.organisation(shop), BY_TESTS)
    links = {mail.to: mail.link for mail in Postman(race.factory, race.folder / "mail").bring()}
    asks = [*press_requests(race, links["owner@shoes.example"]), *press_requests(race, links["boss@shoes.example"])]
    answers = race.at_once(asks)
    assert sum(one.status == 303 for one in answers[TIMES:]) == 1
    assert sum(one.status == 303 for one in answers[:TIMES]) <= 1
    with race.factory.context():
        assert owner_recovery.under_way(shop) is None
        owner = users.user_named(shop, "owner")
        assert owner is not None
        assert owner.must_set_up_since is None
