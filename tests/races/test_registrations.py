"""Apps that register themselves at the same moment (RFC 7591, RFC 7592)."""

from collections import Counter
from collections.abc import Callable

import pytest

from idp.config import Settings
from idp.db import transaction
from idp.oauth import registration
from idp.oauth.registration import Ours
from idp.store import client_registrations
from tests.drivers.applications import whole_app
from tests.drivers.crowd import Ask
from tests.drivers.registering_apps import LEAST, PATH, at, bearer, changed, make_token
from tests.drivers.rival import made_to_wait
from tests.factories import BY_TESTS
from tests.races.conftest import TIMES, Race


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Let apps with a token register themselves, and let wrong tokens be tried."""
    return configure(clients={"registration": "token"}, limits={"client_failures": 500})


@pytest.mark.both_engines
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


def test_an_app_does_not_keep_what_an_operator_takes_away(configure: Callable[..., Settings], postgres_url: str) -> None:
    """V15.4.2: its own change was judged by what it might have before. It asks again, by the same token (PostgreSQL)."""
    settings = configure(database={"url": postgres_url}, clients={"registration": "open"})
    with whole_app(settings) as app, app.app_context():
        client = app.test_client(use_cookies=False)
        made = client.post(PATH, json=LEAST, base_url=settings.issuer).json
        path, shown = at(made)
        more = ["authorization_code", "client_credentials"]

        def give(grant_types: list[str]) -> None:
            present = registration.client_there(made["client_id"]).metadata_
            registration.change(settings, made["client_id"], {**present, "grant_types": grant_types}, Ours(), BY_TESTS)

        def change() -> int:
            wanted = changed(made, grant_types=more)
            return client.put(path, json=wanted, base_url=settings.issuer, **shown).status_code

        give(more)
        with transaction():
            give(more[:1])
            other = made_to_wait(app, change, begins_itself=True)
        assert (other.result(), change()) == (503, 400)
        assert registration.client_there(made["client_id"]).metadata_["grant_types"] == more[:1]
