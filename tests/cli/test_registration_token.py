"""``idp registration-token``, and what other commands tell of apps that registered themselves (RFC 7591)."""

import json
from collections.abc import Callable
from typing import Any

from idp.oauth import dynamic_registration
from idp.oauth.dynamic_registration import RegistrationRequest
from idp.oauth.provider import make_provider
from tests.cli.conftest import SHOP, Idp

METADATA = {"client_name": "Stock", "redirect_uris": ["https://stock.example/cb"]}
BY_TOKEN = {"IDP_CLIENTS__REGISTRATION": "token"}


def test_an_operator_makes_lists_and_revokes_tokens(idp: Idp) -> None:
    """§1.2: shown once; the list has what it allows and never the token. A wrong term makes none."""
    idp.apply(SHOP)
    terms = ("--uses", "2", "--grant-type", "client_credentials", "--organisation", "example-shoes")
    made = idp("registration-token", "create", "stock apps", *terms)
    assert "registration is off" in made.stderr
    token = made.stdout.strip()
    assert len(token) == 43
    assert "registration is off" not in idp("registration-token", "create", "other", env=BY_TOKEN).stderr
    listed = next(line for line in idp("registration-token", "list").stdout.splitlines() if "stock apps" in line)
    assert "2 left" in listed
    assert "client_credentials example-shoes" in listed
    assert token not in listed
    assert "was revoked" in idp("registration-token", "revoke", listed.split()[0]).stdout
    assert "stock apps" not in idp("registration-token", "list").stdout
    assert "There is no token" in idp("registration-token", "revoke", listed.split()[0], code=1).stderr
    assert "name: " in idp("registration-token", "create", " ", code=1).stderr
    assert "days: " in idp("registration-token", "create", "x", "--days", "0", code=1).stderr
    assert (
        "There is no organisation none" in idp("registration-token", "create", "x", "--organisation", "none", code=1).stderr
    )


def test_commands_tell_which_apps_registered_themselves(idp: Idp, inside: Callable[[], Any]) -> None:
    """`client list`, `client show` and the doctor; `client adopt` ends what the app may change."""
    assert "no app may register itself; 0 apps did" in idp("doctor").stdout
    token = idp("registration-token", "create", "stock", env=BY_TOKEN).stdout.strip()
    with inside():
        request = RegistrationRequest(token, metadata=METADATA, address="192.0.2.1")
        client_id = dynamic_registration.register(make_provider(idp.settings), request)["client_id"]
    assert "with a token; 1 usable token; 1 app did" in idp("doctor", env=BY_TOKEN).stdout
    assert idp("client", "list").stdout.startswith(f"{client_id}* ")
    shown = idp.json("client", "show", client_id)
    assert shown["self_registered"]["by_token"]
    copy = idp.json("client", "create", "-", stdin=json.dumps({**shown, "client_id": "copy"}))
    assert "self_registered" not in copy
    assert "only operators can change" in idp("client", "adopt", client_id).stdout
    assert "self_registered" not in idp.json("client", "show", client_id)
    assert "has registered itself" in idp("client", "adopt", client_id, code=1).stderr
