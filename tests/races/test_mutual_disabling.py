"""Two people who may disable or demote each other do so at the same moment (OWASP ASVS V15.4.2)."""

from collections.abc import Callable

import pytest

from idp.actors import Person
from idp.audit import Origin
from idp.config import Settings
from idp.db import transaction
from idp.errors import Refusal
from idp.identity.accounts import accounts
from idp.identity.users import status
from tests.drivers.applications import bare_app
from tests.drivers.browser import Browser
from tests.drivers.rival import made_to_wait
from tests.factories import BY_TESTS, Factory, MadePerson
from tests.races.conftest import Race, posted

AT = "/admin/example-shoes"


def _disable(factory: Factory, at: str, user: MadePerson, by: MadePerson) -> object:
    origin = Origin(Person(by.id))
    return status.disable(factory.settings, factory.organisation(at), factory.user(user), origin)


def _demote(factory: Factory, at: str, user: MadePerson, by: MadePerson) -> object:
    origin = Origin(Person(by.id))
    return accounts.change(factory.settings, factory.organisation(at), factory.user(user), {"role": "employee"}, origin)


@pytest.mark.parametrize("act", [_disable, _demote])
def test_of_two_administrators_who_shut_each_other_out_one_stays(
    act: Callable[[Factory, str, MadePerson, MadePerson], object], configure: Callable[..., Settings], postgres_url: str
) -> None:
    """The rights are those under the lock. Otherwise two operators could leave an installation without any."""
    settings = configure(database={"url": postgres_url})
    with bare_app(settings) as app, app.app_context():
        factory = Factory(settings, app)
        shoes = factory.make_organisation(owner=True)
        anna, bert = (factory.make_user(shoes, name, role="administrator") for name in ("anna", "bert"))
        with transaction():
            act(factory, shoes, bert, anna)
            other = made_to_wait(app, lambda: act(factory, shoes, anna, bert), begins_itself=True)
        with pytest.raises(Refusal):
            other.result()
        assert factory.user(anna).role == "administrator"
        assert factory.user(anna).disabled_at is None


@pytest.mark.both_engines
def test_concurrent_enablings_are_audited_once(race: Race, console: Browser) -> None:
    """I1: one row for one change. The others find that it was done before."""
    jan = race.factory.make_user(race.organisation_id, "jan")
    with race.factory.context():
        at = race.factory.organisation(race.organisation_id)
        status.disable(race.settings, at, race.factory.user(jan), BY_TESTS)
    page = f"{AT}/people/{jan.id}/enable"
    asks = []
    for _ in range(6):
        console.open(page)
        console.page.forms[:] = [form for form in console.page.forms if form.button("Enable")]
        asks.append(posted(console))
    assert {one.status for one in race.at_once(asks)} == {303}
    assert race.events().count("user:enabled") == 1
