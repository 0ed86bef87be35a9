"""The authorization code is bound to its request, short-lived and single use (RFC 6749 §4.1.2)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine

from idp import clock, crypto
from idp.store import audit, grants
from tests.drivers.relying_party import Refused


def revoked_why(scene, token_or_code, organisation_id):
    """Return the reason why the grant of a code was revoked."""
    with scene.factory.context():
        code = grants.code_of(organisation_id, crypto.digest("code", token_or_code))
        return grants.grant(organisation_id, code.grant_id).revoked_why


def test_a_second_use_is_refused_and_revokes_the_first_tokens(scene):
    """V10.4.2, R97-18, Authlib's default 1: a second use shows that the code leaked, so the tokens of the first use end."""
    party = scene.party(grant_types=["authorization_code", "refresh_token"])
    code = scene.code(party, scope="openid offline_access")
    tokens = party.redeem(code)
    assert party.userinfo()["sub"] == scene.person.id
    with pytest.raises(Refused, match="invalid_grant"):
        party.redeem(code)
    with pytest.raises(Refused, match="invalid_token"):
        party.userinfo(tokens.access_token)
    with pytest.raises(Refused, match="invalid_grant"):
        party.refresh(tokens.refresh_token)
    with scene.factory.context():
        events = [row.event for row in audit.rows(scene.person.organisation_id)]
    assert events.count("grant:reuse_found") == 1


@pytest.mark.both_engines
def test_exactly_one_of_twenty_concurrent_redemptions_succeeds(scene, engine):
    """V10.4.2, I2: one conditional UPDATE runs before any token is made (Authlib's default 1)."""
    party = scene.party()
    code = scene.code(party)
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": party.verifier}
    form["redirect_uri"] = party.redirect_uri
    with ThreadPoolExecutor(20) as pool:
        statuses = [answer.status_code for answer in pool.map(lambda _: party.token(form), range(20))]
    assert sorted(statuses) == [200] + [400] * 19
    assert revoked_why(scene, code, scene.person.organisation_id) == "code_reuse"


@pytest.mark.parametrize(("seconds", "works"), [(59, True), (61, False)])
def test_a_code_is_valid_for_a_minute(scene, seconds, works):
    """V10.4.3; Authlib's default 2: the minute counts from the issue of the code, not from auth_time."""
    party = scene.party()
    with time_machine.travel(clock.now(), tick=False) as turned:
        scene.tokens(party)
        turned.shift(timedelta(minutes=20))
        code = scene.code(party)
        turned.shift(seconds)
        if works:
            assert party.redeem(code).claims["auth_time"] == clock.epoch_seconds(clock.now()) - 1200 - seconds
        else:
            with pytest.raises(Refused, match="invalid_grant"):
                party.redeem(code)


def test_a_code_that_another_client_presents_is_revoked(scene):
    """V10.4.2, OC-08, O21-11: the code has leaked, so its own client cannot redeem it either."""
    party, other = scene.party(), scene.party("other", redirect_uri="https://other.example/cb")
    code = scene.code(party)
    with pytest.raises(Refused, match="invalid_grant"):
        other.redeem(code, code_verifier=party.verifier, redirect_uri=party.redirect_uri)
    with pytest.raises(Refused, match="invalid_grant"):
        party.redeem(code)
    assert revoked_why(scene, code, scene.person.organisation_id) == "wrong_client"


@pytest.mark.parametrize("wrong", ["", "https://shop.example.com/callback/", "https://evil.example/"])
def test_redemption_requires_the_redirect_uri_of_the_request(scene, wrong):
    """O21-12, OC-08: if the request had a redirect_uri, redemption must repeat it. Any other value revokes the code."""
    party = scene.party()
    code = scene.code(party)
    with pytest.raises(Refused, match="invalid_grant"):
        party.redeem(code, redirect_uri=wrong)
    with pytest.raises(Refused, match="invalid_grant"):
        party.redeem(code)
    assert revoked_why(scene, code, scene.person.organisation_id) == "wrong_redirect_uri"


def test_redemption_may_omit_a_redirect_uri_that_the_request_omitted(scene):
    """RFC 6749 §4.1.3: a plain OAuth request may omit the only address. Redemption may send only that one."""
    party = scene.party()
    assert party.redeem(scene.code(party, redirect_uri=None, scope="profile"), redirect_uri="").access_token
    assert party.redeem(scene.code(party, redirect_uri=None, scope="profile")).access_token


@pytest.mark.parametrize("code", ["x", "a" * 26 + "." + "b" * 43, "a" * 26 + ".", ".", "é", "a" * 5000, "' OR 1=1 --"])
def test_every_unknown_code_is_refused_alike(scene, code):
    """The same error answers every unknown code, whatever its form."""
    with pytest.raises(Refused) as refused:
        scene.party().redeem(code)
    assert refused.value.error in ("invalid_grant", "invalid_request")


def test_codes_and_tokens_are_stored_as_digests(scene):
    """R97-25: a stolen database must not contain usable codes or tokens."""
    party = scene.party(public=True, grant_types=["authorization_code", "refresh_token"])
    code = scene.code(party, scope="openid offline_access")
    tokens = party.redeem(code)
    with scene.factory.context():
        row = grants.code_of(scene.person.organisation_id, crypto.digest("code", code))
        kept = grants.refresh_token_of(scene.person.organisation_id, crypto.digest("refresh_token", tokens.refresh_token))
    assert len(row.digest) == len(kept.digest) == 32
    assert kept.sealed_successor == ""


def test_a_session_that_ended_before_the_redemption_gives_no_tokens(scene):
    """security.md: redemption checks the session again, not only sign-in."""
    party = scene.party()
    code = scene.code(party)
    scene.browser.open("/oauth/logout").submit("choice=sign_out")
    with pytest.raises(Refused, match="invalid_grant"):
        party.redeem(code)


def test_a_session_audits_only_the_first_issue_to_an_app(scene):
    """design.md: the audit log has one row for each app and session, and none for silent sign-ins."""
    party = scene.party()
    scene.tokens(party)
    scene.tokens(party)
    with scene.factory.context():
        rows = [row for row in audit.rows(scene.person.organisation_id) if row.event == "grant:issued"]
    assert [(row.subject_id, row.client_id) for row in rows] == [(scene.person.id, party.client_id)]
