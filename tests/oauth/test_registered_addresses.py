"""Apps that register themselves cannot make us call, or lead people to, what is ours (RFC 7591 §5, RFC 9700 §4.11)."""

import pytest

from idp.oauth.self_registered import CALLED, VISITED
from tests.drivers.registering_apps import LEAST, register


@pytest.fixture
def settings(configure):
    """Let any app register itself."""
    return configure(clients={"registration": "open"}, limits={"registrations_from_address": 1_000})


@pytest.mark.parametrize("name", [*CALLED, *VISITED])
def test_our_own_addresses_are_refused(settings, ask, name):
    """Nothing of ours is fetched, and no page names our host while a page of ours leads people on from there."""
    for address in (f"{settings.issuer}/oauth/logout", f"{settings.issuer}:443/x"):
        refused = register(ask, {**LEAST, name: [address] if name.endswith("s") else address})
        assert refused.status_code == 400, address
    assert register(ask, LEAST).status_code == 201
