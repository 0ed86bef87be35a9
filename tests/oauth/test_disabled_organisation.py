"""Credentials of apps while the organisation that they serve is disabled (S77)."""

import pytest

from idp import sweeps
from idp.db import transaction
from idp.identity.organisations import organisations, status
from tests.drivers.approvals import GRANTS as CIBA
from tests.drivers.approvals import ask as ask_approval
from tests.drivers.registering_apps import LEAST, at, make_token, register
from tests.drivers.relying_party import error_of
from tests.factories import BY_TESTS
from tests.oauth.conftest import Scene

FORM = {"grant_type": "client_credentials"}
TOLD = "Your organisation is disabled"


@pytest.fixture
def settings(configure):
    """Let apps register themselves with an initial access token."""
    return configure(clients={"registration": "token"})


@pytest.fixture
def disable(scene: Scene):
    """Return a function that disables the organisation of the scene."""

    def act() -> None:
        with scene.factory.context():
            status.disable(scene.factory.organisation(scene.person.organisation_id), BY_TESTS)

    return act


@pytest.fixture
def enable(scene: Scene):
    """Return a function that enables it again."""

    def act() -> None:
        with scene.factory.context():
            status.enable(scene.factory.organisation(scene.person.organisation_id), BY_TESTS)

    return act


@pytest.mark.both_engines
@pytest.mark.parametrize("shared", [False, True])
def test_a_client_of_the_organisation_alone_proves_nothing(scene: Scene, disable, enable, shared: bool, engine: str) -> None:
    """S77: its secret and the tokens that it has stop at once, and work again afterwards. A shared app goes on."""
    other = scene.factory.make_organisation("toys")
    here = (scene.person.organisation_id, other) if shared else (scene.person.organisation_id,)
    stock = scene.party(
        "stock", grant_types=["client_credentials"], redirect_uris=[], organisations=here, scope="stock.read"
    )
    api = scene.party("api")
    token = stock.token(FORM).json["access_token"]

    def is_active() -> bool:
        return bool(api.ask("introspection_endpoint", {"token": token}).json["active"])

    before = is_active()
    disable()
    assert (stock.token(FORM).status_code, is_active()) == ((200, before) if shared else (401, False))
    if not shared:
        assert stock.token(FORM).json == {"error": "invalid_client", "error_description": "Client authentication failed."}
    enable()
    assert (stock.token(FORM).status_code, is_active()) == (200, before)


@pytest.mark.both_engines
@pytest.mark.parametrize("was_disabled", [True, False])
def test_a_client_of_a_removed_organisation_proves_nothing(scene: Scene, disable, was_disabled: bool, engine: str) -> None:
    """I3: removing does not open again what disabling has closed, neither at once nor once its rows are gone."""
    here = (scene.person.organisation_id,)
    stock = scene.party(
        "stock", grant_types=["client_credentials"], redirect_uris=[], organisations=here, scope="stock.read"
    )
    api = scene.party("api")
    token = stock.token(FORM).json["access_token"]
    if was_disabled:
        disable()
    with scene.factory.context():
        with transaction():
            organisations.remove(scene.factory.organisation(*here), BY_TESTS)
        for name in ("removed", "deleted"):
            assert stock.token(FORM).status_code == 401, name
            assert not api.ask("introspection_endpoint", {"token": token}).json["active"], name
            sweeps.sweep(scene.factory.settings)
            scene.party(name)  # a change of any app: all are read again


def test_people_of_an_app_of_the_organisation_alone_are_told(scene: Scene, disable) -> None:
    """The sign-in of such an app still opens, and a person who proves who they are is told why it leads nowhere."""
    party = scene.party(organisations=(scene.person.organisation_id,))
    disable()
    scene.browser.open(party.authorize_url()).fill(username="jan", password=scene.person.password).submit()
    assert TOLD in scene.browser.text
    assert not scene.browser.left_for


def test_nobody_of_it_is_asked_for_an_approval(scene: Scene, disable) -> None:
    """CIBA §13: the hint names nobody who can sign in, as for an organisation that does not exist."""
    till = scene.party("till", **CIBA)
    disable()
    known, unknown = (ask_approval(till, organisation=name) for name in (scene.person.store_url, "no-such-shop"))
    assert known == unknown
    assert known[0] == 400


def test_registration_tokens_of_the_organisation_stop(scene: Scene, ask, disable, enable) -> None:
    """S77: neither an initial access token nor the app that came by one changes anything."""
    _, token = make_token(scene.factory, organisations=(scene.person.organisation_id,), uses=5)
    made = register(ask, LEAST, token).json
    path, shown = at(made)
    disable()
    assert register(ask, LEAST, token).status_code == 401
    assert ask("GET", path, **shown).status_code == 403
    enable()
    assert register(ask, LEAST, token).status_code == 201
    assert ask("GET", path, **shown).status_code == 200


def test_a_refresh_in_between_gets_nothing_that_lasts(scene: Scene, disable, enable, turned) -> None:
    """S77: refreshed a moment before, its new tokens end with the others, also after enabling."""
    party = scene.party("native", public=True, grant_types=["authorization_code", "refresh_token"])
    asked = "openid offline_access"
    tokens = party.refresh(scene.tokens(party, scope=asked).refresh_token)
    for act in (disable, enable):
        turned.shift(1)
        act()
        assert error_of(lambda: party.refresh(tokens.refresh_token)) == "invalid_grant"
        assert "invalid_token" in error_of(lambda: party.userinfo(tokens.access_token))
    turned.shift(1)
    scene.browser.forget_cookies()
    again = scene.tokens(party, scope=asked)
    assert party.refresh(again.refresh_token).access_token
