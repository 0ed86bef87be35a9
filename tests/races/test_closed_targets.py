"""A shop or group that is deleted while somebody is put into it: nobody is, and the page says why (S65, S67; PostgreSQL)."""

from collections.abc import Callable

import pytest

from idp.config import Settings
from idp.db import transaction
from idp.errors import Invalid
from idp.identity.accounts import bulk
from idp.identity.accounts.bulk import Target
from idp.identity.organisations import groups, shops
from idp.store import users
from tests.drivers.applications import bare_app
from tests.drivers.rival import made_to_wait
from tests.factories import BY_TESTS, Factory

PUT = [("move-from-shop", Target("utr", "dam")), ("add-to-shop", Target("dam")), ("add-to-group", Target("till"))]


@pytest.mark.parametrize(("act", "target"), PUT, ids=[act for act, _ in PUT])
def test_nobody_is_put_into_what_is_deleted_at_that_moment(
    configure: Callable[..., Settings], postgres_url: str, act: str, target: Target
) -> None:
    """The act waits for the other transaction, and is refused. The person keeps what they had."""
    settings = configure(database={"url": postgres_url})
    with bare_app(settings) as app, app.app_context():
        factory = Factory(settings, app)
        shoes = factory.make_organisation()
        with transaction():
            group = groups.create(shoes, {"name": "till"}, BY_TESTS)
            shops.create(shoes, {"code": "utr"}, BY_TESTS)
            dam = shops.create(shoes, {"code": "dam"}, BY_TESTS)
        kim = factory.make_user(shoes, "kim", shops=("utr",))
        at = factory.organisation(shoes)

        def put() -> object:
            return bulk.carry_out(settings, at, [kim.id], bulk.ACTS[act], target, BY_TESTS)

        with transaction():
            if act == "add-to-group":
                groups.remove(group, BY_TESTS)
            else:
                shops.remove(dam, BY_TESTS)
            other = made_to_wait(app, put, begins_itself=True)
        with pytest.raises(Invalid):
            other.result()
        assert [shop.code for shop in users.shops_of(shoes, kim.id)] == ["utr"]
        assert not users.groups_of(shoes, kim.id)


def test_of_two_moves_at_one_moment_the_first_counts(configure: Callable[..., Settings], postgres_url: str) -> None:
    """S67: two administrators move somebody from one shop to two others. The person works in one of them, not in both."""
    settings = configure(database={"url": postgres_url})
    with bare_app(settings) as app, app.app_context():
        factory = Factory(settings, app)
        shoes = factory.make_organisation()
        with transaction():
            for code in ("utr", "dam", "zwo"):
                shops.create(shoes, {"code": code}, BY_TESTS)
        kim = factory.make_user(shoes, "kim", shops=("utr",))
        at = factory.organisation(shoes)

        def move(to: str) -> bulk.Outcome:
            act, target = bulk.ACTS["move-from-shop"], Target("utr", to)
            return bulk.carry_out(settings, at, [kim.id], act, target, BY_TESTS)

        with transaction():
            assert move("dam").changed == 1
            other = made_to_wait(app, lambda: move("zwo"), begins_itself=True)
        assert other.result() == bulk.Outcome(0, 0, ())
        assert [shop.code for shop in users.shops_of(shoes, kim.id)] == ["dam"]
