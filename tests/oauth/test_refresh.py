"""Refresh tokens (RFC 6749 §6, RFC 9700 §4.14)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from idp import clock
from idp.actors import System
from idp.audit import Origin
from idp.db import transaction
from idp.identity import consents
from idp.identity.sessions import sessions
from idp.store import clients, users
from idp.store import sessions as session_rows
from tests.drivers.relying_party import Refused

GRANTS = ["authorization_code", "refresh_token"]
OFFLINE = "openid profile offline_access"


@pytest.fixture
def public(scene):
    """Return a public client that may refresh."""
    return scene.party("native", public=True, grant_types=GRANTS)


@pytest.fixture
def confidential(scene):
    """Return a confidential client that may refresh."""
    return scene.party("webshop", grant_types=GRANTS)


@pytest.mark.parametrize(
    ("grant_types", "scope", "given"),
    [(GRANTS, OFFLINE, True), (GRANTS, "openid", True), (["authorization_code"], OFFLINE, False)],
)
def test_refresh_tokens_need_the_grant_type(scene, grant_types, scope, given):
    """V10.4.4, Core §11: a client that is registered for it gets one; ``offline_access`` says how long it works."""
    tokens = scene.tokens(scene.party(grant_types=grant_types), scope=scope)
    assert (tokens.refresh_token is not None) == given
    assert ("offline_access" in tokens.raw["scope"]) == (given and scope == OFFLINE)


@pytest.mark.parametrize("public", [True, False])
def test_without_offline_access_a_refresh_token_ends_with_the_session(scene, public, turned):
    """Core §11: what was not asked for use in the person's absence ends with their idle time, however often it is used."""
    party = scene.party(public=public, grant_types=GRANTS)
    token = scene.tokens(party, scope="openid profile").refresh_token
    minutes = scene.settings.lifetimes.login_idle_minutes
    turned.shift(timedelta(minutes=minutes - 1))
    after = party.refresh(token)
    assert after.raw["scope"] == "openid profile"
    turned.shift(timedelta(minutes=1, seconds=1))
    with pytest.raises(Refused, match="invalid_grant"):
        party.refresh(after.refresh_token or token)


def test_a_session_in_use_keeps_its_refresh_token(scene, confidential, turned):
    """A silent sign-in by any app restarts the idle time, and so does it for what hangs on the session."""
    token = scene.tokens(confidential, scope="openid").refresh_token
    for _ in range(3):
        turned.shift(timedelta(minutes=scene.settings.lifetimes.login_idle_minutes - 1))
        scene.code(confidential, prompt="none")
        assert confidential.refresh(token).access_token


def test_a_public_clients_token_is_rotated(scene, public, turned):
    """R97-07: each refresh returns a new token."""
    first = scene.tokens(public, scope=OFFLINE).refresh_token
    second = public.refresh(first).refresh_token
    turned.shift(60)
    assert second not in (None, first)
    assert public.refresh(second).refresh_token not in (None, first, second)


def test_a_confidential_client_keeps_its_token(scene, confidential, turned):
    """security.md: the token is bound to the client's own authentication."""
    token = scene.tokens(confidential, scope=OFFLINE).refresh_token
    for _ in range(3):
        turned.shift(60)
        assert confidential.refresh(token).refresh_token is None


def test_a_repeated_refresh_within_ten_seconds_gets_the_same_answer(scene, public, turned):
    """security.md: a client whose answer was lost gets the same successor, and only that one."""
    first = scene.tokens(public, scope=OFFLINE).refresh_token
    second = public.refresh(first).refresh_token
    turned.shift(9)
    assert public.refresh(first).refresh_token == second
    assert public.refresh(second).refresh_token not in (first, second)


def test_later_reuse_revokes_the_family(scene, public, turned):
    """V10.4.5, R97-07: reuse shows that two parties have the token. Both lose it, and access tokens end with it."""
    first = scene.tokens(public, scope=OFFLINE).refresh_token
    second = public.refresh(first)
    turned.shift(11)
    with pytest.raises(Refused, match="invalid_grant"):
        public.refresh(first)
    with pytest.raises(Refused, match="invalid_grant"):
        public.refresh(second.refresh_token)
    with pytest.raises(Refused, match="invalid_token"):
        public.userinfo(second.access_token)


@pytest.mark.both_engines
def test_twenty_concurrent_refreshes_give_one_successor(scene, public, engine):
    """V10.4.5, I2: the family stays one chain."""
    first = scene.tokens(public, scope=OFFLINE).refresh_token
    form = {"grant_type": "refresh_token", "refresh_token": first}
    with ThreadPoolExecutor(20) as pool:
        answers = [answer.json for answer in pool.map(lambda _: public.token(form), range(20))]
    successors = {answer["refresh_token"] for answer in answers}
    assert len(successors) == 1
    assert public.refresh(successors.pop()).refresh_token


def test_another_clients_token_is_refused_and_stays_valid(scene, public, confidential):
    """O21-14: its own client can still use it."""
    token = scene.tokens(confidential, scope=OFFLINE).refresh_token
    with pytest.raises(Refused, match="invalid_grant"):
        public.refresh(token)
    assert confidential.refresh(token).access_token


def test_a_refresh_may_narrow_the_scope_but_never_widen_it(scene, confidential):
    """R97-08, V10.4.11: a narrower scope holds for one access token only."""
    token = scene.tokens(confidential, scope=OFFLINE).refresh_token
    assert confidential.refresh(token, scope="openid").raw["scope"] == "openid"
    assert confidential.refresh(token).raw["scope"] == OFFLINE
    for wider in ("openid email", "openid bogus", "organisation"):
        with pytest.raises(Refused) as refused:
            confidential.refresh(token, scope=wider)
        assert refused.value.error == "invalid_scope"


def test_a_refresh_token_ends_after_ninety_days_in_spite_of_use(scene, confidential, turned):
    """R97-09, V10.4.8: it ends after 30 days without use, and after 90 days in total."""
    token = scene.tokens(confidential, scope=OFFLINE).refresh_token
    for _ in range(3):
        turned.shift(timedelta(days=29))
        confidential.refresh(token)
    turned.shift(timedelta(days=4))
    with pytest.raises(Refused, match="invalid_grant"):
        confidential.refresh(token)


def test_an_unused_refresh_token_ends_after_thirty_days(scene, confidential, turned):
    """R97-09: an abandoned token must not stay valid."""
    token = scene.tokens(confidential, scope=OFFLINE).refresh_token
    turned.shift(timedelta(days=30, seconds=1))
    with pytest.raises(Refused, match="invalid_grant"):
        confidential.refresh(token)


def test_a_refreshed_id_token_describes_the_same_sign_in(scene, confidential, turned):
    """OC-14, Authlib's default 2: it has the same sub, acr and auth_time, a new iat, and no nonce."""
    before = scene.tokens(confidential, scope=OFFLINE)
    turned.shift(3600)
    after = confidential.refresh(before.refresh_token).claims
    same = ("iss", "sub", "aud", "acr", "amr", "auth_time", "sid")
    assert {name: after[name] for name in same} == {name: before.claims[name] for name in same}
    assert after["iat"] == before.claims["iat"] + 3600
    assert "nonce" not in after


def test_signing_out_ends_the_refresh_token_at_once(scene, confidential):
    """security.md 17, I3: no later refresh succeeds."""
    token = scene.tokens(confidential, scope=OFFLINE).refresh_token
    scene.browser.open("/oauth/logout").submit("choice=sign_out")
    with pytest.raises(Refused, match="invalid_grant"):
        confidential.refresh(token)


KEEPS = {"grant_types": GRANTS, "offline_access_survives_logout": True}


def sign_out(scene):
    """Sign out on our own page."""
    scene.browser.open("/oauth/logout").submit("choice=sign_out")


@pytest.mark.both_engines
def test_offline_access_may_survive_signing_out(scene, confidential, turned, engine):
    """Back-Channel Logout §2.7: only ``offline_access``, and only of a client that is registered to keep it."""
    keeping = scene.party("keeping", **KEEPS)
    kept, bound = (scene.tokens(keeping, scope=scope).refresh_token for scope in (OFFLINE, "openid"))
    other = scene.tokens(confidential, scope=OFFLINE).refresh_token
    sign_out(scene)
    turned.shift(timedelta(days=20))
    assert keeping.refresh(kept).claims["sub"] == scene.person.id
    for party, token in ((keeping, bound), (confidential, other)):
        with pytest.raises(Refused, match="invalid_grant"):
            party.refresh(token)


def test_what_survives_signing_out_ends_with_everything_else(scene):
    """Back-Channel Logout §2.7 is about signing out. Another password, an ended session and a disabled person end it."""
    keeping, user = scene.party("keeping", **KEEPS), (scene.person.organisation_id, scene.person.id)
    origin = Origin(System("cli"))
    for ends in ("another password", "a session that was ended", "access that was ended"):
        token = scene.tokens(keeping, scope=OFFLINE).refresh_token
        with scene.factory.context():
            present = users.user(*user)
            if ends == "another password":
                sign_out(scene)
                sessions.end_all(*user, "password_changed", origin)
            elif ends == "access that was ended":
                sign_out(scene)
                consents.end(present, "keeping", origin)
            else:
                (session,) = session_rows.sessions_of(*user, clock.now(), None, 9)
                sessions.end(session, "ended_by_request", origin)
        with pytest.raises(Refused, match="invalid_grant"):
            keeping.refresh(token)


def test_a_client_that_no_longer_keeps_offline_access_loses_it(scene):
    """The present registration counts, as for every right."""
    keeping = scene.party("keeping", **KEEPS)
    token = scene.tokens(keeping, scope=OFFLINE).refresh_token
    sign_out(scene)
    with scene.factory.context(), transaction():
        row = clients.client("keeping")
        clients.change_client("keeping", metadata_={**row.metadata_, "offline_access_survives_logout": False})
    with pytest.raises(Refused, match="invalid_grant"):
        keeping.refresh(token)


def test_offline_access_outlives_an_expired_session(scene, confidential, turned):
    """offline_access is for use while the user is absent."""
    token = scene.tokens(confidential, scope=OFFLINE).refresh_token
    turned.shift(timedelta(days=2))
    assert confidential.refresh(token).claims["sub"] == scene.person.id


def test_a_disabled_user_gets_no_more_tokens_or_claims(scene, confidential):
    """security.md 9: refresh and userinfo check the user again."""
    tokens = scene.tokens(confidential, scope=OFFLINE)
    with scene.factory.context(), transaction():
        users.change_user(scene.person.organisation_id, scene.person.id, disabled_at=clock.now())
    with pytest.raises(Refused, match="invalid_grant"):
        confidential.refresh(tokens.refresh_token)
    with pytest.raises(Refused, match="invalid_token"):
        confidential.userinfo(tokens.access_token)


@pytest.mark.parametrize("token", ["x", "a" * 26 + "." + "b" * 43, ".", "é", "A" * 5000])
def test_every_unknown_refresh_token_is_refused_alike(confidential, token):
    """The same error answers every unknown token, whatever its form."""
    with pytest.raises(Refused) as refused:
        confidential.refresh(token)
    assert refused.value.error in ("invalid_grant", "invalid_request")
