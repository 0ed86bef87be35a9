"""Claims of scopes, single claims (OpenID Connect Core §5.4, §5.5), and what a client is registered to get of them."""

import json
from typing import Any

import pytest

from idp.db import transaction
from idp.errors import Invalid
from idp.store import clients
from tests.drivers.relying_party import Refused
from tests.oauth.conftest import Scene

NAME_IN_USERINFO = json.dumps({"userinfo": {"name": {"essential": True}}})
OFFLINE = {"grant_types": ["authorization_code", "refresh_token"]}


@pytest.fixture
def jan(scene: Scene, factory) -> Scene:
    """Return a scene whose person has names, an address, a role, a shop and groups."""
    with factory.context():
        at = scene.person.organisation_id
    group = factory.make_group(at, "2FA", requires_mfa=False)
    scene.person = factory.make_user(
        at,
        "full",
        name="Jan de Vries",
        email="jan@shoes.example",
        phone_number="+31201234567",
        role="manager",
        groups=(group,),
    )
    return scene


def names(found: dict[str, Any], *wanted: str) -> set[str]:
    """Return those of the wanted claims that are there."""
    return set(wanted) & set(found)


def test_a_client_may_have_the_claims_of_its_scopes_in_the_id_token(jan: Scene) -> None:
    """Core §5.4: by default userinfo has them. With id_token_claims the ID token has them too, after a refresh as well."""
    party = jan.party("reader", id_token_claims=True, **OFFLINE)
    first = jan.tokens(party, scope="openid profile email offline_access")
    assert (first.claims["name"], first.claims["email"], "phone_number" in first.claims) == (
        "Jan de Vries", "jan@shoes.example", False,
    )  # fmt: skip
    assert party.refresh().claims["email"] == "jan@shoes.example"
    assert not names(jan.tokens(jan.party("plain"), scope="openid profile email").claims, "name", "email")


def test_a_long_list_in_the_id_token_is_left_out_as_a_whole(jan: Scene, factory) -> None:
    """OC-17: the token stays short enough to be sent back as a hint. Userinfo has what it leaves out."""
    party = jan.party(id_token_claims=True)
    pages = dict.fromkeys(("website", "profile", "picture"), f"https://example.com/{'x' * 470}")
    jan.person = factory.make_user(jan.person.organisation_id, "long", name="J" * 200, **pages)
    claims = jan.tokens(party, scope="openid profile").claims
    assert claims["omitted_claims"]
    assert set(claims["omitted_claims"]) <= set(party.userinfo())
    assert claims["name"] == "J" * 200


def test_a_single_claim_comes_from_userinfo_without_its_scope(jan: Scene) -> None:
    """Core §5.5: the claim and nothing else of its scope. The scope of the answer names no claim."""
    party = jan.party(**OFFLINE)
    tokens = jan.tokens(party, scope="openid offline_access", claims=NAME_IN_USERINFO)
    assert tokens.raw["scope"] == "openid offline_access"
    assert names(party.userinfo(), "name", "preferred_username", "email") == {"name"}
    party.refresh()
    assert names(party.userinfo(), "name", "preferred_username") == {"name"}
    jan.tokens(party, scope="openid")
    assert not names(party.userinfo(), "name")


def test_claims_for_the_id_token_come_with_a_refresh_too(jan: Scene) -> None:
    """Core §5.5, §12.2: named ones, of a granted scope and without their scope. Consent that is withdrawn ends them."""
    party = jan.party(first_party=False, **OFFLINE)
    asked = json.dumps({"id_token": {"name": None, "email": {"essential": True}}})
    first = jan.tokens(party, scope="openid email offline_access", claims=asked)
    for claims in (first.claims, party.refresh(first.refresh_token).claims):
        assert (claims["name"], claims["email"]) == ("Jan de Vries", "jan@shoes.example")
        assert not names(claims, "email_verified", "nickname", "preferred_username")
    narrowed = party.refresh(first.refresh_token, scope="openid offline_access").claims
    assert names(narrowed, "name", "email") == {"name"}
    with pytest.raises(Refused):
        party.refresh(first.refresh_token, scope="claim:name")


def test_a_single_claim_is_given_where_it_was_asked_for(jan: Scene) -> None:
    """Core §5.5: ``userinfo`` and ``id_token`` are two lists. ``id_token_claims`` is about scopes, and changes neither."""
    asked = {"id_token": {"email": None, "phone_number": None}, "userinfo": {"name": None, "phone_number": None}}
    for party in (jan.party(**OFFLINE), jan.party("reader", id_token_claims=True, **OFFLINE)):
        tokens = jan.tokens(party, scope="openid offline_access", claims=json.dumps(asked))
        for claims in (tokens.claims, party.refresh(tokens.refresh_token).claims):
            assert names(claims, "email", "name", "phone_number") == {"email", "phone_number"}
        assert names(party.userinfo(), "email", "name", "phone_number") == {"name", "phone_number"}


def test_a_client_gets_no_claim_of_a_scope_that_it_is_not_registered_for(jan: Scene) -> None:
    """OWASP: single claims are no way around the registration. Core §5.5.1: what is not given is no error."""
    party = jan.party(scope="openid email")
    asked = {"userinfo": {"phone_number": {"essential": True}, "email": None}, "id_token": {"name": None, "email": None}}
    claims = jan.tokens(party, claims=json.dumps(asked)).claims
    assert names(claims, "name", "email") == {"email"}
    assert names(party.userinfo(), "phone_number", "email") == {"email"}


def test_single_claims_are_allowed_one_by_one(jan: Scene) -> None:
    """V10.7.1: the page names the claim; another claim is asked for again. A scope that was allowed covers its claims."""
    party = jan.party(first_party=False)
    jan.browser.open(party.authorize_url(claims=NAME_IN_USERINFO))
    jan._answer()
    assert "Your name" in jan.browser.text
    assert "Your name, username and language" not in jan.browser.text
    jan.tokens(party, claims=NAME_IN_USERINFO)

    def silent(**params: str) -> str:
        try:
            party.answer(jan.browser.open(party.authorize_url(prompt="none", **params)).left_for)
        except Refused as refused:
            return refused.error
        return ""

    assert silent(claims=NAME_IN_USERINFO) == ""
    assert silent(claims=json.dumps({"userinfo": {"email": None}})) == "consent_required"
    assert silent(scope="openid profile") == "consent_required"
    jan.tokens(party, scope="openid profile")
    assert silent(claims=json.dumps({"userinfo": {"nickname": None, "name": None}})) == ""


def test_a_claim_that_is_withdrawn_is_not_given_any_more(jan: Scene, factory) -> None:
    """V10.4.9: userinfo asks what the client may have now, of single claims too."""
    party = jan.party()
    jan.tokens(party, claims=NAME_IN_USERINFO)
    assert "name" in party.userinfo()
    with factory.context(), transaction():
        row = clients.client(party.client_id)
        clients.change_client(party.client_id, metadata_={**row.metadata_, "scope": "openid email"})
    assert "name" not in party.userinfo()


def test_groups_and_roles_are_scopes_of_their_own(jan: Scene) -> None:
    """Many apps read ``groups`` or ``roles`` and ask for a scope of that name."""
    party = jan.party()
    tokens = jan.tokens(party, scope="openid groups roles")
    wanted = {"groups": ["2FA"], "roles": ["manager"]}
    assert {name: tokens.claims[name] for name in wanted} == wanted
    assert {name: party.userinfo()[name] for name in wanted} == wanted
    assert not names(tokens.claims, "organisation", "shops", "role")


def test_a_client_gets_claims_under_its_own_names(jan: Scene) -> None:
    """Made of what the scopes give, in the places that were chosen. Protocol claims stay what they are."""
    places = {"from": "groups", "in": ["access_token"]}
    party = jan.party(claims={"https://shop.example/role": "role", "team": places, "mail": "email"})
    tokens = jan.tokens(party, scope="openid organisation")
    assert tokens.claims["https://shop.example/role"] == "manager"
    assert party.userinfo()["https://shop.example/role"] == "manager"
    assert not names(tokens.claims, "team", "mail"), "not chosen there, and not granted"
    access = party.verify(tokens.access_token)
    assert (access["team"], access["sub"]) == (["2FA"], jan.person.id)
    assert "team" not in party.userinfo()


@pytest.mark.parametrize(
    "claims",
    [
        [], "role", {"email_verified": "role"}, {"sub": "role"},
        {"acr": "role"}, {"x": "password"}, {"x": 1}, {"x": {"from": "role", "in": []}},
        {"x": {"from": "role", "in": ["logs"]}}, {"x": {"of": "role"}}, {"a b": "role"}, {"": "role"},
        {f"x{number}": "role" for number in range(51)},
    ],
)  # fmt: skip
def test_a_wrong_table_of_claims_is_refused(factory, claims: Any) -> None:
    """The member is checked when an app is registered, so that no token is ever made of it wrongly."""
    with pytest.raises(Invalid) as refused:
        factory.make_client("wrong", claims=claims)
    assert refused.value.field == "claims"


def test_discovery_names_the_claims_that_can_be_had(jan: Scene) -> None:
    """Discovery §3: nothing is promised that never comes, such as updated_at."""
    metadata = jan.party().metadata
    assert {"groups", "roles"} <= set(metadata["scopes_supported"])
    assert {"name", "roles", "shops"} <= set(metadata["claims_supported"])
    assert "updated_at" not in metadata["claims_supported"]
    assert len(set(metadata["claims_supported"])) == len(metadata["claims_supported"])
