"""The profile's lists: details, open sessions, connected apps, activity; each in plain words, each with its end."""

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
        return [row.id for row in sessions.sessions_of(person.organisation_id, person.id, now_clock.now())]


def test_people_change_their_own_name(factory: Factory, journey, jan, clock) -> None:
    """Issue 3: a name is no sign-in detail: no proof, no mail, but an audit row; and the next token has it."""
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


def test_a_language_that_is_not_spoken_is_refused(journey, jan, clock) -> None:
    """S62: only the languages shown; a forged one changes nothing."""
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
def test_a_place_is_told_without_the_whole_address(address: str, words: str) -> None:
    """Issue 3: place in words, from the address alone and without its end."""
    said = ip_network.in_words(address)
    assert said.key % said.values == words


def test_open_sessions_are_listed_and_ended(factory: Factory, journey, new_browser, jan, clock) -> None:
    """V7.5.2: browser, place, since, apps; ending one kills its tokens, and one's own is marked and signs out."""
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
    assert "Chrome · Android" not in browser.text
    with pytest.raises(Refused):
        other.app.userinfo(tokens.access_token)
    assert "password" in other.begin().browser.fields, "the ended session still signs in"
    browser.submit("Sign out here")
    assert "Sign out" not in browser.text
    assert "password" in journey(jan).begin().browser.fields


def test_an_app_of_an_ended_session_holds_nothing_that_works(journey, new_browser, jan, bookkeeper, clock) -> None:
    """I3, V7.4.1, security.md 9: not its refresh token, not a code it had not redeemed yet, and no silent sign-in."""
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


def test_nobody_ends_the_session_of_another(factory: Factory, journey, new_browser, jan, ann, clock) -> None:
    """V8.2.2: a foreign session's id is unknown here, like an id that never was."""
    journey(ann, browser=new_browser()).begin().password().tokens()
    (foreign,) = sessions_of(factory, ann)
    browser = inside(journey(jan).begin().password()).open("/account/sessions")
    for login_id in (foreign, "a" * 26, "x", "%00"):
        assert post(browser.open("/account/sessions"), f"/account/sessions/{login_id}/end").status == 404
    assert sessions_of(factory, ann) == [foreign]


def test_an_outside_app_asks_with_its_scopes_in_words(journey, jan, bookkeeper, clock) -> None:
    """V10.7.1, V10.7.2: who asks, where the answer goes, and what it may see, in words; a denial goes back as such."""
    walk = journey(jan, app=bookkeeper).begin(scope="openid email").password()
    assert "Bookkeeper" in walk.browser.heading
    assert words.YOUR_E_MAIL_ADDRESS in walk.browser.text
    assert "shop.example.com" in walk.browser.text
    assert "Your phone number" not in walk.browser.text
    walk.browser.submit("choice=deny")
    with pytest.raises(Refused) as refused:
        walk.app.callback(walk.browser.left_for)
    assert refused.value.error == "access_denied"


def test_more_scopes_ask_again_and_the_answer_cannot_be_widened(journey, jan, bookkeeper, clock) -> None:
    """V10.7.1: growth is asked; the consent is for the request that was shown, whatever the form says."""
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


def test_ending_an_apps_access_kills_its_tokens(journey, jan, bookkeeper, clock) -> None:
    """V10.4.9, V10.7.3: the list says what and since when; after its end no token of it works and it asks again."""
    walk = journey(jan, app=bookkeeper).begin(scope="openid email offline_access").password()
    walk.browser.submit(CONSENT)
    tokens = walk.tokens()
    code = bookkeeper.answer(walk.begin(scope="openid email offline_access").browser.left_for)["code"]
    browser = walk.browser.open("/account/apps")
    assert "You allowed this on 23 November 2026" in browser.text
    assert words.YOUR_E_MAIL_ADDRESS in browser.text
    assert "Stay signed in while you are away" in browser.text
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


def test_the_list_of_apps_tells_what_they_may_see_now(factory: Factory, journey, jan, bookkeeper, clock) -> None:
    """V10.7.3, issue 7.3: not a scope that was withdrawn from the app since; nothing once the app is disabled."""
    walk = journey(jan, app=bookkeeper).begin(scope="openid email phone offline_access").password()
    walk.browser.submit(CONSENT)
    walk.tokens()
    seen = (words.YOUR_E_MAIL_ADDRESS, "Your phone number", "Stay signed in while you are away")
    told = [[words in walk.browser.open("/account/apps").text for words in seen]]
    for columns in (
        {"metadata_": {"client_name": "Bookkeeper", "scope": "openid email offline_access", "grant_types": []}},
        {"disabled_at": now_clock.now()},
    ):
        with factory.context(), transaction():
            client_rows.change_client("bookkeeper", **columns)
        told.append([words in walk.browser.open("/account/apps").text for words in seen])
    assert told == [[True, True, True], [True, False, False], [False, False, False]]
    assert "At present it may see nothing of you." in walk.browser.text
    walk.browser.submit("End access Bookkeeper")
    assert words.THERE_ARE_NONE in walk.browser.text


def test_ones_own_shops_apps_can_be_ended_too(factory: Factory, journey, jan, ann, new_browser, clock) -> None:
    """V10.4.9: an app that need not ask holds tokens as well; ending them leaves other people's alone."""
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


def test_activity_is_told_in_plain_words(factory: Factory, journey, new_browser, jan, clock) -> None:
    """Issue 3: what, on which day, from which browser; another's deed is marked, and nobody else's is shown."""
    journey(jan, browser=new_browser(agent=CHROME)).begin().password("not my password")
    browser = inside(journey(jan).begin().password()).open("/account/activity")
    assert "Signed in with password on Monday 23 November 2026 from Firefox · Windows." in browser.text
    assert "Wrong password given on Monday 23 November 2026 from Chrome · Android." in browser.text
    assert "Signed in to Webshop on Monday 23 November 2026 from Firefox · Windows." in browser.text
    assert " 2026 by the installation." in browser.text
    assert "login:started" not in browser.html
    dutch = journey(jan, browser=new_browser(languages="nl")).begin().password()
    text = inside(dutch).open("/account/activity").text
    assert "Ingelogd met wachtwoord op maandag 23 november 2026 vanaf Firefox · Windows." in text


def test_long_histories_have_pages(factory: Factory, journey, jan, clock) -> None:
    """Issue 3: thirty at a time; a number that is none begins with now."""
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


def test_every_event_about_a_person_has_words() -> None:
    """Issue 3: what is not about a person, or is told by another row beside it, is left out by name, not by accident."""
    about_others = ("client:", "organisation:", "shop:", "group:", "policy:", "key:")
    untold = {Event.LEAKED_CHECK_DOWN}
    silent = {one for one in Event if not one.startswith(about_others) and activity.sentence(one, {}, "") is None}
    assert silent == untold


@pytest.mark.parametrize("path", ["/account/name", "/account/sessions/x/end", "/account/apps/webshop/end"])
def test_the_lists_forms_want_this_browsers_token(journey, jan, path: str) -> None:
    """V3.5.1: a form of another site changes nothing."""
    browser = inside(journey(jan).begin().password())
    assert browser.send("POST", ISSUER + path, [("csrf_token", "forged"), ("name", "Evil")]).status == 403


@pytest.mark.parametrize("path", ["/account/details", "/account/sessions", "/account/apps", "/account/activity"])
def test_a_stranger_must_sign_in_first(browser, path: str) -> None:
    """V8.3.1: nobody sees anything of anybody."""
    assert "/sign-in/" in browser.open(path).url


def test_the_audit_row_has_the_browser_in_words(factory: Factory, journey, jan, clock) -> None:
    """V16.2.1: when, where, who, what, and by which browser."""
    journey(jan).begin().password().tokens()
    with factory.context():
        rows = {row.event: row for row in audit_rows.rows_about(jan.organisation_id, jan.id)}
        assert rows[Event.SIGNED_IN].label == rows[Event.GRANT_ISSUED].label == "Firefox · Windows"
        assert chain.verify(jan.organisation_id) is None
