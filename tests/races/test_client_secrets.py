"""Secrets of an app that are made at the same moment (S72; OWASP ASVS V15.4.2)."""

from collections.abc import Callable

import pytest

from idp import clock
from idp.audit import Event
from idp.config import Settings
from idp.oauth.client_secrets import MOST_SECRETS
from idp.store import audit, client_secrets
from tests.drivers.browser import Browser
from tests.factories import PASSWORD
from tests.races.conftest import Race, posted

pytestmark = pytest.mark.both_engines
AT = "/admin/example-shoes/apps/webshop/secrets/new?overlap=7d"


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Set limits so wide that they decide nothing here, and wait for the hasher longer than a busy machine needs."""
    return configure(limits={"free_failures": 50}, passwords={"hash_patience_seconds": 30.0})


def test_concurrent_new_secrets_stay_within_the_limit(race: Race, console: Browser) -> None:
    """Each that fits is made, and the others are refused. The one from the registration counts."""
    race.factory.make_client("webshop")
    race.at_once([posted(console.open(AT), password=PASSWORD) for _ in range(8)])
    with race.factory.context():
        assert len(client_secrets.valid_secrets("webshop", clock.now())) == MOST_SECRETS
        made = [row.event for row in audit.rows(audit.INSTALLATION)].count(Event.CLIENT_SECRET_MADE)
    assert made == MOST_SECRETS - 1
