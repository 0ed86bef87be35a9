"""Addresses of apps that administrators connected are called outside of the operators' network alone."""

from urllib.parse import urlencode

import pytest

from idp.db import transaction
from idp.errors import Invalid
from idp.identity.sessions import logout_notices
from idp.oauth import backchannel_logout, registration
from idp.oauth.registration import Ours
from idp.store import clients
from idp.store import logout_notices as store
from tests.factories import BY_TESTS


@pytest.fixture
def settings(configure):
    """Let the provider call apps of operators on loopback."""
    return configure(outgoing={"allow": ["127.0.0.0/8"]})


def test_the_app_of_administrators_is_not_called_inside_the_network(scene, server):
    """``[outgoing] allow`` is for apps of operators: administrators would see which addresses and ports answer there."""
    address, shoes = f"{server.address}/out", scene.person.organisation_id
    own = Ours(organisations=(shoes,), managed_by=shoes)
    metadata = {"redirect_uris": ["https://a.example/cb"], "backchannel_logout_uri": address}
    with scene.factory.context():
        with pytest.raises(Invalid) as refused:
            registration.register(scene.settings, None, metadata, own, None, BY_TESTS)
        assert refused.value.field == "backchannel_logout_uri"
    signed_in = scene.tokens(scene.party(backchannel_logout_uri=address))
    with scene.factory.context(), transaction():
        clients.change_client("webshop", managed_by=shoes)  # as by a name that leads there since
    scene.browser.open(f"/oauth/logout?{urlencode({'id_token_hint': signed_in.id_token})}")
    with scene.factory.context():
        logout_notices.note_ended()
        provider = scene.app.extensions["sleutel.oauth"].provider
        assert list(logout_notices.due_apps()) == ["webshop"]
        assert backchannel_logout.tell(provider, "webshop") == 0
        assert "not public" in store.latest_failure("webshop").reason
    assert server.requests == []
