"""Apps that register themselves at the same moment (RFC 7591, RFC 7592)."""

from collections import Counter
from collections.abc import Callable

import pytest

from idp.config import Settings
from idp.store import client_registrations
from tests.drivers.crowd import Ask
from tests.drivers.registering_apps import LEAST, PATH, bearer, make_token
from tests.races.conftest import TIMES, Race

pytestmark = pytest.mark.both_engines


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Let apps with a token register themselves, and let wrong tokens be tried."""
    return configure(clients={"registration": "token"}, limits={"client_failures": 500})


def test_a_token_for_three_apps_registers_three(race: Race) -> None:
    """RFC 7591 §1.2: each use is one conditional statement. One change with a registration access token is made (§2.2)."""
    _, token = make_token(race.factory, uses=3)
    answers = race.at_once([Ask(PATH, json=LEAST, headers=bearer(token))] * TIMES)
    assert Counter(one.status for one in answers) == {201: 3, 401: TIMES - 3}
    with race.factory.context():
        assert len(client_registrations.registrations()) == 3
    made = next(one.json for one in answers if one.status == 201)
    path = made["registration_client_uri"].removeprefix(race.settings.issuer)
    change = {**LEAST, "client_id": made["client_id"]}
    asks = [Ask(path, json=change, headers=bearer(made["registration_access_token"]), method="PUT")] * TIMES
    assert Counter(one.status for one in race.at_once(asks)) == {200: 1, 401: TIMES - 1}
