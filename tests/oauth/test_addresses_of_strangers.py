"""Apps of strangers are not called inside our network, also where ``[outgoing] allow`` lists it (V1.3.6, RFC 7591 §5)."""

import json
from typing import Any

import pytest

from idp.db import transaction
from idp.oauth.self_registered import CALLED
from idp.store import clients
from tests.drivers.client_key import ClientKey
from tests.drivers.registering_apps import LEAST, at, changed, make_token, register

KEY = ClientKey("RS256", "one")
SIGNED = {"token_endpoint_auth_method": "private_key_jwt", "jwks": KEY.jwks}


@pytest.fixture
def settings(configure):
    """Return settings that let strangers register apps, and let apps of operators be on loopback."""
    return configure(clients={"registration": "open"}, outgoing={"allow": ["127.0.0.0/8"]})


def test_a_stranger_names_no_address_inside_the_network(factory, ask, server) -> None:
    """An operator's token vouches for an app. Without one nobody has looked at it, also when it changes."""
    _, token = make_token(factory)
    for name in CALLED:
        address = f"{server.address}/x"
        wanted = {**LEAST, name: [address] if name == "request_uris" else address}
        assert register(ask, wanted).json["error"] == "invalid_client_metadata", name
        path, shown = at(made := register(ask).json)
        assert ask("PUT", path, json=changed(made, **{name: wanted[name]}), **shown).status_code == 400, name
    assert server.requests == []
    assert register(ask, {**LEAST, "backchannel_logout_uri": f"{server.address}/x"}, token).status_code == 201


@pytest.mark.parametrize("is_trusted", [False, True])
def test_a_name_that_leads_inside_is_not_called_for_a_stranger(scene, factory, ask, server, is_trusted: bool) -> None:
    """A name may lead to us later. Keys and requests are read then by an app that an operator let in, and by no other."""
    _, token = make_token(factory)
    server.documents["/jwks"] = json.dumps(KEY.jwks).encode()
    made = register(ask, {**LEAST, **SIGNED}, token if is_trusted else "").json
    since = {"jwks_uri": f"{server.address}/jwks", "request_uris": [f"{server.address}/request"]}
    with factory.context(), transaction():
        row = clients.client(made["client_id"])
        assert row is not None
        kept: dict[str, Any] = {name: value for name, value in row.metadata_.items() if name != "jwks"}
        clients.change_client(row.client_id, metadata_={**kept, **since})
    assertion = KEY.assertion(made["client_id"], scene.settings.issuer + "/oauth/token")
    form = {"grant_type": "refresh_token", "refresh_token": "x.y", **assertion}
    refused = "unauthorized_client" if is_trusted else "invalid_client"
    assert ask("POST", "/oauth/token", data=form).json["error"] == refused
    sent = {"client_id": made["client_id"], "request_uri": since["request_uris"][0]}
    ask("GET", "/oauth/authorize", query_string=sent)
    assert {one["path"] for one in server.requests} == ({"/jwks", "/request"} if is_trusted else set())
