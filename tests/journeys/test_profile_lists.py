"""The profile's lists: details, open sessions, connected apps and activity, in plain words and with a way to end each."""

import pytest

from idp import audit, ip_network
from idp import clock as now_clock
from idp.actors import Person
from idp.audit import Event, chain
from idp.db import transaction
from idp.identity.users import activity
from idp.identity.users.profile import change
from idp.store import audit as audit_rows
from idp.store import clients as client_rows
from idp.store import sessions
from tests.drivers import words
from tests.drivers.relying_party import Refused
from tests.factories import Factory

ISSUER = "https://id.example.com"
CHROME = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36"
CONSENT = "choice=allow"
GRANTS = ["authorization_code", "refresh_token"]


@pytest.fixture
def jan(factory: Factory, quiet_shoes: str):
    return factory.make_user(quiet_shoes, "jan", email="jan@shoes.example")


@pytest.fixture
def ann(factory: Factory, quiet_shoes: str):
    return factory.make_user(quiet_shoes, "ann")


@pytest.fixture
def bookkeeper(factory: Factory, relying_party):
    return relying_party(factory.make_client("bookkeeper", first_party=False, grant_types=GRANTS))


def inside(walk):
    walk.tokens()
    return walk.browser


def post(browser, path: str, **fields: str):
    token = browser.value("csrf_token")
    return browser.send("POST", ISSUER + path, [("csrf_token", token), *fields.items()])


def sessions_of(factory: Factory, person) -> list[str]:
    with factory.context():
        return [row.id for row in sessions.sessions_of(person.organisation_id, person.id, now_clock.now(), None, 9)]


def test_users_change_their_own_name(factory: Factory, journey, jan, clock) -> None:
    """A change needs no proof and sends no mail. It is audited, and the next token has the name."""
    walk = journey(jan).begin().password()
    browser = inside(walk).open("/account/details")
    clock(minutes=11)
    browser.reload().fill(name="  Jan de Wit ").submit()
    assert browser.url.partition("?")[0].endswith("/account/details")
    assert browser.value("name") == "Jan de Wit"
    browser.fill(name="x" * 201).submit()
    assert browser.status == 422
    assert browser.errors
    assert browser.value("name") == "x" * 201
    tokens = journey(jan).begin(scope="openid profile").tokens()
    assert walk.app.userinfo(tokens.access_token)["name"] == "Jan de Wit"
    assert "Details changed" in browser.open("/account/activity").text


def test_an_unsupported_language_is_refused(journey, jan, clock) -> None:
    """S62: only the languages shown are accepted, and a forged one changes nothing."""
    browser = inside(journey(jan).begin().password()).open("/account/details")
    assert post(browser, "/account/language", language="xx").status == 400
    browser.open("/account/details").submit("Nederlands")
    assert browser.heading == "Je gegevens"
    browser.submit("language=")
    assert browser.heading == "Your details"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("192.0.2.77", "Network 192.0.2.*"),
        ("2001:db8:0:9::7", "Network 2001:db8:0:*"),
        ("::ffff:192.0.2.77", "Network 192.0.2.*"),
        ("192.168.3.4", "Local network 192.168.3.*"),
        ("fe80::1%eth0", "Local network fe80:0:0:*"),
        ("127.0.0.1", "This machine"),
        ("::1", "This machine"),
        ("", "Unknown place"),
        ("nonsense", "Unknown place"),
    ],
)
def test_a_place_is_shown_without_the_whole_address(address: str, words: str) -> None:
    """The place is described from the address without its last part."""
    place = ip_network.in_words(address)
    assert place.key % place.values == words


def test_open_sessions_are_listed_and_ended(factory: Factory, journey, new_browser, jan, clock) -> None:
    """V7.5.2: browser, place, start and apps. Ending one revokes its tokens. One's own is marked, and signs out."""
    other = journey(jan, browser=new_browser(agent=CHROME, address="198.51.100.9")).begin().password()
    tokens = other.tokens()
    clock(minutes=5)
    browser = inside(journey(jan).begin().password()).open("/account/sessions")
    assert "Chrome · Android" in browser.text
    assert "Network 198.51.100.*" in browser.text
    assert "198.51.100.9" not in browser.html
    assert "Signed in to: Webshop" in browser.text
    assert browser.text.count("this browser") == 1
    browser.submit("End Chrome · Android")
    assert browser.url.partition("?")[0].endswith("/account/sessions")
    assert browser.text.count("Chrome · Android") == 1, "beside the message about its end, it is listed"
    with pytest.raises(Refused):
        other.app.userinfo(tokens.access_token)
    assert "password" in other.begin().browser.fields, "the ended session still signs in"
    browser.submit("Sign out here")
    assert "Sign out" not in browser.text
    assert "password" in journey(jan).begin().browser.fields


def test_an_ended_session_ends_every_token_of_its_apps(journey, new_browser, jan, bookkeeper, clock) -> None:
    """I3, V7.4.1, security.md 9: refresh tokens, unredeemed codes and silent sign-ins fail."""
    walk = journey(jan, app=bookkeeper, browser=new_browser(agent=CHROME)).begin(scope="openid offline_access").password()
    walk.browser.submit(CONSENT)
    tokens = walk.tokens()
    code = bookkeeper.answer(walk.begin(scope="openid offline_access").browser.left_for)["code"]
    verifier = bookkeeper.verifier
    clock(seconds=5)
    inside(journey(jan).begin().password()).open("/account/sessions").submit("End Chrome · Android")
    for attempt in (
        lambda: bookkeeper.refresh(tokens.refresh_token),
        lambda: bookkeeper.redeem(code, code_verifier=verifier),
        lambda: walk.begin(prompt="none").tokens(),
    ):
        with pytest.raises(Refused, match=r"invalid_grant|login_required"):
            attempt()


def test_a_session_of_another_user_is_not_found(factory: Factory, journey, new_browser, jan, ann, clock) -> None:
    """V8.2.2: it gets the same answer as an id that never existed."""
    journey(ann, browser=new_browser()).begin().password().tokens()
    (foreign,) = sessions_of(factory, ann)
    browser = inside(journey(jan).begin().password()).open("/account/sessions")
    for login_id in (foreign, "a" * 26, "x", "%00"):
        assert post(browser.open("/account/sessions"), f"/account/sessions/{login_id}/end").status == 404
    assert sessions_of(factory, ann) == [foreign]


def test_consent_lists_the_scopes_of_a_third_party_app(journey, jan, bookkeeper, clock) -> None:
    """V10.7.1, V10.7.2: the page names the app, its address and its scopes. A denial is returned to the app."""
    walk = journey(jan, app=bookkeeper).begin(scope="openid email").password()
    assert "Bookkeeper" in walk.browser.heading
    assert words.YOUR_E_MAIL_ADDRESS in walk.browser.text
    assert "shop.example.com" in walk.browser.text
    assert "Your phone number" not in walk.browser.text
    walk.browser.submit("choice=deny")
    with pytest.raises(Refused) as refused:
        walk.app.callback(walk.browser.left_for)
    assert refused.value.error == "access_denied"


def test_more_scopes_need_new_consent_and_forms_add_none(journey, jan, bookkeeper, clock) -> None:
    """V10.7.1: additional scopes need consent. A consent covers the request that was shown, whatever the form says."""
    journey(jan, app=bookkeeper).begin(scope="openid email").password().browser.submit(CONSENT)
    again = journey(jan, app=bookkeeper).begin(scope="openid email")
    assert again.browser.left_for is not None
    more = journey(jan, app=bookkeeper).begin(scope="openid email")
    more.begin(scope="openid phone")
    assert more.browser.left_for is None
    assert "Your phone number" in more.browser.text
    more.browser.submit(CONSENT, scopes="openid phone address profile", scope="address", client_id="webshop")
    assert set(more.tokens().raw["scope"].split()) == {"openid", "phone"}
    assert journey(jan, app=bookkeeper).begin(scope="openid address").browser.left_for is None


def test_ending_an_apps_access_revokes_its_tokens(journey, jan, bookkeeper, clock) -> None:
    """V10.4.9, V10.7.3: the list shows scopes and start. Afterwards no token works, and the app asks for consent again."""
    walk = journey(jan, app=bookkeeper).begin(scope="openid email offline_access").password()
    walk.browser.submit(CONSENT)
    tokens = walk.tokens()
    code = bookkeeper.answer(walk.begin(scope="openid email offline_access").browser.left_for)["code"]
    browser = walk.browser.open("/account/apps")
    assert "You allowed this on 23 November 2026" in browser.text
    assert words.YOUR_E_MAIL_ADDRESS in browser.text
    assert "Keep access when you are not using the app" in browser.text
    browser.submit("End access Bookkeeper")
    assert words.THERE_ARE_NONE in browser.text
    for attempt in (
        lambda: bookkeeper.userinfo(tokens.access_token),
        lambda: bookkeeper.refresh(tokens.refresh_token),
        lambda: bookkeeper.redeem(code),
    ):
        with pytest.raises(Refused):
            attempt()
    assert "Bookkeeper" in walk.begin(scope="openid email").browser.heading, "the consent outlived its end"
    assert "Bookkeeper no longer allowed" in browser.open("/account/activity").text


def test_the_list_of_apps_shows_their_present_scopes(factory: Factory, journey, jan, bookkeeper, clock) -> None:
    """V10.7.3: a scope withdrawn from the app is not listed. A disabled app is not listed at all."""
    walk = journey(jan, app=bookkeeper).begin(scope="openid email phone offline_access").password()
    walk.browser.submit(CONSENT)
    walk.tokens()
    seen = (words.YOUR_E_MAIL_ADDRESS, "Your phone number", "Keep access when you are not using the app")
    shown = [[words in walk.browser.open("/account/apps").text for words in seen]]
    for columns in (
        {"metadata_": {"client_name": "Bookkeeper", "scope": "openid email offline_access", "grant_types": []}},
        {"disabled_at": now_clock.now()},
    ):
        with factory.context(), transaction():
            client_rows.change_client("bookkeeper", **columns)
        shown.append([words in walk.browser.open("/account/apps").text for words in seen])
    assert shown == [[True, True, True], [True, False, False], [False, False, False]]
    assert "At present the app cannot see any of your details." in walk.browser.text
    walk.browser.submit("End access Bookkeeper")
    assert words.THERE_ARE_NONE in walk.browser.text


def test_access_of_first_party_apps_can_be_ended_too(factory: Factory, journey, jan, ann, new_browser, clock) -> None:
    """V10.4.9: an app without consent has tokens as well. Ending its access keeps the tokens of other users."""
    theirs = journey(ann, browser=new_browser()).begin().password()
    kept = theirs.tokens()
    walk = journey(jan).begin().password()
    tokens = walk.tokens()
    browser = walk.browser.open("/account/apps")
    assert "One of your organisation's own apps" in browser.text
    browser.submit("End access Webshop")
    with pytest.raises(Refused):
        walk.app.userinfo(tokens.access_token)
    assert theirs.app.userinfo(kept.access_token)["sub"] == ann.id
    assert post(browser, "/account/apps/webshop/end").status == 404
    assert post(browser.open("/account/apps"), "/account/apps/nobody/end").status == 404


def test_activity_is_listed_in_plain_words(factory: Factory, journey, new_browser, jan, clock) -> None:
    """Event, day and browser. An action by another user is marked, and no event of other users is listed."""
    journey(jan, browser=new_browser(agent=CHROME)).begin().password("not my password")
    browser = inside(journey(jan).begin().password()).open("/account/activity")
    assert "Signed in with password on Monday, 23 November 2026 from Firefox · Windows." in browser.text
    assert "Wrong password entered on Monday, 23 November 2026 from Chrome · Android." in browser.text
    assert "Signed in to Webshop on Monday, 23 November 2026 from Firefox · Windows." in browser.text
    assert " 2026 by the system." in browser.text
    assert "login:started" not in browser.html
    dutch = journey(jan, browser=new_browser(languages="nl")).begin().password()
    text = inside(dutch).open("/account/activity").text
    assert "Ingelogd met wachtwoord op maandag 23 november 2026 vanaf Firefox · Windows." in text


def test_long_histories_have_pages(factory: Factory, journey, jan, clock) -> None:
    """A page has thirty events. An invalid page number shows the newest."""
    browser = inside(journey(jan).begin().password())
    with factory.context():
        for turn in range(40):
            change(factory.user(jan), {"name": f"Jan {turn}"}, audit.Origin(Person(jan.id)))
        with transaction():
            audit.record(
                audit.Origin(Person(jan.id)), "thing:unheard_of", organisation_id=jan.organisation_id, subject_id=jan.id
            )
    browser.open("/account/activity")
    assert "unheard" not in browser.text
    assert browser.text.count("Details changed") == 29
    browser.click("Older")
    assert browser.text.count("Details changed") == 11
    assert "Account created" in browser.text
    browser.click("Newest")
    for bad in ("x", "-1", "9" * 30, "²", ""):
        assert browser.open(f"/account/activity?before={bad}").status == 200


def test_every_event_about_a_user_has_a_description() -> None:
    """Events about no user, and those that another row reports, are excluded by name."""
    about_others = ("client:", "organisation:", "shop:", "group:", "policy:", "key:", "installation:", "registration_token:")
    about_others += ("people:", "audit:")  # each person of an import has an event of their own
    silent = {one for one in Event if not one.startswith(about_others) and activity.sentence(one, {}, "") is None}
    assert silent == {Event.LEAKED_CHECK_DOWN}


@pytest.mark.parametrize("path", ["/account/name", "/account/sessions/x/end", "/account/apps/webshop/end"])
def test_forms_of_the_lists_need_the_csrf_token(journey, jan, path: str) -> None:
    """V3.5.1: a form of another site changes nothing."""
    browser = inside(journey(jan).begin().password())
    assert browser.send("POST", ISSUER + path, [("csrf_token", "forged"), ("name", "Evil")]).status == 403


@pytest.mark.parametrize("path", ["/account/details", "/account/sessions", "/account/apps", "/account/activity"])
def test_the_lists_need_a_sign_in(browser, path: str) -> None:
    """V8.3.1: without a sign-in no data of any user is shown."""
    assert "/sign-in/" in browser.open(path).url


def test_the_audit_row_has_the_browser_in_words(factory: Factory, journey, jan, clock) -> None:
    """V16.2.1: an audit row has its time, place, actor, event and browser."""
    journey(jan).begin().password().tokens()
    with factory.context():
        rows = {row.event: row for row in audit_rows.rows_about(jan.organisation_id, jan.id)}
        assert rows[Event.SIGNED_IN].label == rows[Event.GRANT_ISSUED].label == "Firefox · Windows"
        assert chain.verify(jan.organisation_id) is None
