"""Administrators connect apps for their own organisation, where the operators allow it (S71)."""

from collections.abc import Callable
from datetime import date

import pytest

from idp import clock as clocks
from idp.actors import Person
from idp.audit import Event, Origin
from idp.db import transaction
from idp.errors import Forbidden, Invalid, NotFound
from idp.identity.organisations import organisations as organisation_rules
from idp.identity.policy import dated_rules
from idp.identity.policy import organisation_rules as organisation_policies
from idp.oauth import registration, secret_changes
from idp.oauth.client_kinds import KINDS, KINDS_OF_ADMINISTRATORS
from idp.oauth.registration import Ours
from idp.store import audit, client_secrets, clients
from idp.store import dated_rules as store_dated_rules
from tests.drivers.browser import Browser
from tests.drivers.relying_party import RelyingParty
from tests.drivers.words import THE_SECRET_SHOWN_THIS_ONCE
from tests.factories import BY_TESTS, Factory

HOME = "/admin/example-shoes/apps"
ISSUER = "https://id.example.com"
SETTING = "administrators_connect_apps"


@pytest.fixture
def allow(factory: Factory, shoes: str) -> Callable[..., None]:
    """Return a function that lets the administrators of the shoe shop connect apps, or ends that."""

    def change(*, to: bool = True) -> None:
        with factory.context(), transaction():
            organisation_rules.change(factory.organisation(shoes), {"settings": {SETTING: to}}, BY_TESTS)

    return change


def made(factory: Factory) -> clients.Client:
    with factory.context():
        (row,) = clients.clients()
        return row


def connect(browser: Browser, kind: str = "shop", **values: str) -> Browser:
    """Connect an app, and return the browser at its page."""
    return browser.open(f"{HOME}/connect/{kind}").fill(name="Zeepkist", address="soap.shoes.example", **values).submit()


def test_it_is_off_until_an_operator_allows_it(factory, enter, new_browser, anna, olga, shoes) -> None:
    """An administrator can neither connect an app nor turn the setting on; an operator can."""
    browser = enter(anna, HOME)
    assert "Connect an app" not in browser.text
    assert [browser.open(f"{HOME}/{path}").status for path in ("connect", "connect/shop")] == [404, 404]
    browser.open("/admin/example-shoes/settings")
    assert SETTING not in browser.fields
    browser.fill(name="Example Shoes").submit(**{SETTING: "yes"})
    assert "saved" in browser.text
    assert "Connect an app" not in browser.open(HOME).text
    with factory.context(), transaction():
        at = factory.organisation(shoes)
        with pytest.raises(Forbidden):
            organisation_rules.change(at, {"settings": {SETTING: True}}, Origin(Person(anna.id)))
    there = enter(olga, HOME, new_browser()).open("/admin/example-shoes/settings").fill(**{SETTING: True}).submit()
    assert "saved" in there.text
    assert "Connect an app" in browser.open(HOME).text


def test_an_administrator_connects_an_app_and_an_operator_removes_it(
    app, factory, enter, allow, anna, olga, shoes, journey, new_browser
) -> None:
    """S71: the app serves that organisation alone, its consent says who connected it, and both logs and lists have it."""
    allow()
    browser = connect(enter(anna, HOME).click("Connect an app"), stack="authlib")
    lines = browser.text.splitlines()
    secret = lines[lines.index(THE_SECRET_SHOWN_THIS_ONCE) + 2]
    row = made(factory)
    assert (row.managed_by, row.organisations, row.first_party) == (shoes, [shoes], False)
    party = RelyingParty(app, ISSUER, row.client_id, row.metadata_["redirect_uris"][0], secret=secret)
    jan = factory.make_user(shoes, "jan")
    walk = journey(jan, app=party, browser=new_browser()).begin().password()
    assert "An administrator of “Example Shoes” connected this app." in walk.browser.text
    browser.open(f"{HOME}/{row.client_id}/edit")
    assert {"first_party", "organisations", "claims", "jwks"}.isdisjoint(browser.fields)
    browser.fill(client_name="Zeepkist twee").submit()
    assert made(factory).metadata_ == {**row.metadata_, "client_name": "Zeepkist twee"}
    with factory.context():
        events = [(one.event, one.actor_id) for one in audit.rows(shoes) if one.client_id == row.client_id]
    assert (Event.CLIENT_CREATED, anna.id) in events
    assert (Event.CLIENT_CHANGED, anna.id) in events
    there = enter(olga, HOME, new_browser())
    assert "connected by Example Shoes" in there.text
    factory.make_client("kassa")
    assert "Kassa" not in there.open(f"{HOME}?only=managed").text
    assert "Zeepkist twee" in there.text
    assert "No apps match this filter." in there.open(f"{HOME}?only=self").text
    assert "Zeepkist twee" in there.click("Clear the filter").text
    assert "Kassa" in there.open(f"{HOME}?only=x").text
    there.open(f"{HOME}/{row.client_id}/do/delete").fill(password=olga.password).submit()
    assert made(factory).client_id == "kassa"


def test_an_administrator_keeps_the_secrets_of_their_app(factory, enter, allow, anna) -> None:
    """S71, S72: they see age and last use, make a new one, end one, and delete the app; not more."""
    allow()
    browser = connect(enter(anna, HOME))
    path = f"{HOME}/{made(factory).client_id}"
    browser.open(f"{path}/secrets/new?overlap=7d").fill(password=anna.password).submit()
    assert THE_SECRET_SHOWN_THIS_ONCE in browser.text
    browser.open(f"{path}/about").click("End now").fill(password=anna.password).submit()
    assert "The secret has ended." in browser.text
    assert "Test this app" in browser.text
    for act in ("disable", "enable", "take-over"):
        assert browser.open(f"{path}/do/{act}").status == 404
    browser.open(f"{path}/do/delete").fill(password=anna.password).submit()
    assert "There are no apps yet." in browser.text


def test_nobody_else_finds_the_app(factory, enter, new_browser, allow, anna, shoes) -> None:
    """Another organisation's administrators get 404 everywhere, and so do its own once the operators end it."""
    allow()
    mine = connect(enter(anna, HOME))
    client_id = made(factory).client_id
    boots = factory.make_organisation("example-boots", settings={"offer_set_up": False, SETTING: True})
    bob = factory.make_user(boots, "bob", role="administrator", with_totp=True, email="bob@boots.example")
    with factory.context():
        (secret,) = client_secrets.valid_secrets(client_id, clocks.now())
    ending = f"{client_id}/secrets/{secret.id}/end"
    paths = [f"{client_id}/{rest}" for rest in ("edit", "do/delete", "secrets/new")] + [ending]
    his = enter(bob, "/admin/example-boots/apps", new_browser())
    assert "Zeepkist" not in his.text
    token = his.open("/account/details").value("csrf_token")
    for path in [*paths, f"{client_id}/about", f"{client_id}/test"]:
        address = f"/admin/example-boots/apps/{path}"
        assert his.open(address).status == 404, path
        if not path.endswith("about"):
            his.send("POST", f"{ISSUER}{address}", [("csrf_token", token), ("password", bob.password)])
            assert his.status == 404, path
    assert his.open("/admin/example-shoes/apps").status == 404
    allow(to=False)
    for path in paths:
        assert mine.open(f"{HOME}/{path}").status == 404, path
    assert "Zeepkist" in mine.open(HOME).text


HYBRID = {"response_types": ["code id_token"], "grant_types": ["authorization_code", "implicit"]}
POWERFUL = [
    ({"grant_types": ["authorization_code", "client_credentials"]}, {}, "grant_types"),
    ({"grant_types": ["urn:openid:params:grant-type:ciba"]}, {}, "grant_types"),
    ({"scope": "openid stock.read"}, {}, "scope"),
    (HYBRID, {}, "response_types grant_types"),
    ({"claims": {"team": "role"}}, {}, "claims"),
    ({"require_pkce": False}, {}, "require_pkce"),
    ({"resource": {"identifier": "https://a.example", "scopes": {"a.b": "A"}}}, {}, "resource"),
    ({"jwks_uri": "https://a.example/jwks"}, {}, "jwks_uri"),
    ({"subject_type": "pairwise"}, {}, "subject_type"),
    ({"offline_access_survives_logout": True}, {}, "offline_access_survives_logout"),
    ({"backchannel_logout_uri": "https://127.0.0.1/out"}, {}, "backchannel_logout_uri"),
    ({"redirect_uris": [f"{ISSUER}/callback"]}, {}, "redirect_uris"),
    ({}, {"first_party": True}, "first_party"),
    ({}, {"organisations": ()}, "organisations"),
]


@pytest.mark.parametrize(("more", "ours", "field"), POWERFUL)
def test_powerful_settings_are_refused_for_every_actor(factory, settings, shoes, more, ours, field) -> None:
    """While an organisation manages an app, it stays within bounds. An operator takes it over first."""
    metadata = {"redirect_uris": ["https://a.example/cb"], "client_name": "A"}
    own = {"organisations": (shoes,), "managed_by": shoes}
    with factory.context():
        with pytest.raises(Invalid) as refused:
            registration.register(settings, None, {**metadata, **more}, Ours(**{**own, **ours}), None, BY_TESTS)
        assert refused.value.field in field.split()
        row, _ = registration.register(settings, None, metadata, Ours(**own), None, BY_TESTS)
        with pytest.raises(Invalid) as refused:
            registration.change(settings, row.client_id, {**row.metadata_, **more}, Ours(**{**own, **ours}), BY_TESTS)
        assert refused.value.field in field.split()
        registration.take_over(row.client_id, BY_TESTS)
        if field not in ("resource", "backchannel_logout_uri"):
            registration.change(settings, row.client_id, {**row.metadata_, **more}, Ours(**{**own, **ours}), BY_TESTS)


def test_the_rule_holds_within_each_change(factory, settings, allow, anna, shoes) -> None:
    """No page is needed: every function asks again within its transaction."""
    with factory.context():
        metadata = {"redirect_uris": ["https://a.example/cb"]}
        row, _ = registration.register(
            settings, None, metadata, Ours(organisations=(shoes,), managed_by=shoes), None, BY_TESTS
        )
        by_anna, own = Origin(Person(anna.id)), Ours(organisations=(shoes,), managed_by=shoes)
        acts = (
            lambda: registration.register(settings, None, metadata, own, None, by_anna),
            lambda: registration.change(settings, row.client_id, metadata, own, by_anna),
            lambda: registration.remove(row.client_id, by_anna),
            lambda: secret_changes.rotate_secret(settings, row.client_id, by_anna),
            lambda: secret_changes.end_secret(row.client_id, "x", by_anna),
        )
        for act in acts:
            with pytest.raises(NotFound):
                act()
    allow()
    with factory.context():
        with pytest.raises(NotFound):
            registration.register(settings, "own-id", metadata, own, None, by_anna)
        with pytest.raises(NotFound):
            registration.disable(row.client_id, by_anna)
        registration.change(settings, row.client_id, {**row.metadata_, "client_name": "B"}, own, by_anna)
        registration.remove(row.client_id, by_anna)


def test_only_some_kinds_are_for_administrators(enter, allow, anna) -> None:
    """An API and a device without a keyboard need grants that administrators may not give."""
    allow()
    browser = enter(anna, HOME)
    statuses = {kind: browser.open(f"{HOME}/connect/{kind}").status for kind in KINDS}
    assert {kind for kind, status in statuses.items() if status == 200} == set(KINDS_OF_ADMINISTRATORS)


def test_an_administrator_sees_no_scopes_of_the_apis_of_others(
    factory, settings, enter, allow, new_browser, anna, olga
) -> None:
    """The form of their app offers what they may choose: it tells nothing of what other organisations run."""
    allow()
    boots = factory.make_organisation("example-boots")
    with factory.context():
        api = {"identifier": "https://payroll.boots.example", "scopes": {"boots.payroll": "See wages"}}
        registration.register(
            settings,
            "payroll",
            {"grant_types": [], "scope": "", "resource": api},
            Ours(organisations=(boots,)),
            None,
            BY_TESTS,
        )
    browser = connect(enter(anna, HOME))
    client_id = browser.url.split("/apps/")[1].split("/")[0]
    assert "boots.payroll" not in browser.open(f"{HOME}/{client_id}/edit").html
    browser.submit(**{"scope.boots.payroll": "yes"})
    with factory.context():
        row = clients.client(client_id)
        assert row is not None
        assert "boots.payroll" not in row.metadata_["scope"]
    assert "boots.payroll" in enter(olga, f"{HOME}/payroll/edit", new_browser()).html


@pytest.mark.parametrize("name", ["Kassa", " kassa ", "ＫＡＳＳＡ"])
def test_an_app_of_administrators_takes_no_name_of_another_app(factory, enter, allow, anna, shoes, name: str) -> None:
    """People know an app by its name: an intruder at an administrator's session must not copy the till's."""
    allow()
    factory.make_client("kassa", client_name="Kassa")
    browser = enter(anna, HOME).open(f"{HOME}/connect/shop")
    browser.fill(name=name, address="soap.shoes.example").submit()
    assert browser.status == 422
    assert "There is already an app with the name" in browser.errors[0]
    connect(browser)
    client_id = browser.url.split("/apps/")[1].split("/")[0]
    for more in ({"client_name": name}, {"in_languages": f"client_name#nl = {name}"}):
        browser.open(f"{HOME}/{client_id}/edit").fill(**more).submit()
        assert browser.status == 422, more
    boots = factory.make_organisation("example-boots")
    factory.make_client("boots", client_name="Laarzen", organisations=(boots,))
    browser.open(f"{HOME}/{client_id}/edit").fill(client_name="Laarzen").submit()
    assert "saved" in browser.text, "an app that serves others is unknown here"


def test_an_app_that_a_policy_names_is_not_deleted(factory, enter, allow, new_browser, anna, olga, shoes) -> None:
    """S11: connected once more it would have another id, which the operators' policy does not name."""
    allow()
    browser = connect(enter(anna, HOME))
    client_id = made(factory).client_id
    delete = f"{HOME}/{client_id}/do/delete"
    factory.make_organisation("example-boots")
    rule = {"starts": date(2026, 1, 1), "clients": [client_id]}
    for name, where, words in (
        ("Boots", {"organisations": ["example-boots"]}, ""), ("Payroll", {}, "Ask the installation administrator"),
    ):  # fmt: skip
        with factory.context(), transaction():
            dated_rules.create(factory.settings, {"name": name, **rule, **where}, dated_rules.known_now(), BY_TESTS)
        if words:
            browser.open(delete).fill(password=anna.password).submit()
            assert words in browser.errors[0]
            assert ("Payroll" in browser.text, "Boots" in browser.text) == (True, False)
    with factory.context(), transaction():
        dated_rules.remove(store_dated_rules.dated_rule_named("Payroll"), BY_TESTS)
        values = {"name": "Own", **rule, "ends": None}
        own = organisation_policies.create(factory.organisation(shoes), values, BY_TESTS)
    browser.open(delete).fill(password=anna.password).submit()
    assert "Change or delete that policy first" in browser.errors[0]
    with factory.context(), transaction():
        organisation_policies.remove(own, BY_TESTS)
    browser.open(delete).fill(password=anna.password).submit()
    assert "There are no apps yet." in browser.text
