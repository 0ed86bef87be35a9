"""An operator disables an organisation and enables it again (S77). Until then nothing of it works, and nothing is lost."""

import csv
import json

import pytest

from idp import sweeps, worker
from idp.audit import Event
from idp.db import transaction
from idp.identity import email_links
from idp.identity.organisations import status
from idp.store import audit, outbox, sessions
from tests.drivers.passkeys import ISSUER, options_on, post
from tests.drivers.people_import import names, start, upload, worked
from tests.drivers.relying_party import Refused
from tests.drivers.security_key import SecurityKey
from tests.factories import BY_TESTS, Factory, MadePerson

AT = "/admin/example-shoes"
SCOPES = "openid profile offline_access"
GRANTS = ["authorization_code", "refresh_token"]
REASON = "=cmd|' /C calc'!A0 <b>unpaid</b>"
TOLD = "Your organisation is disabled, so nobody can sign in."
SIGNED_OUT = "You were signed out, because your organisation was disabled."


def disable(factory: Factory, organisation_id: str) -> None:
    """Disable the organisation, as the command line does."""
    with factory.context():
        assert status.disable(factory.organisation(organisation_id), BY_TESTS)


def enable(factory: Factory, organisation_id: str) -> None:
    """Enable the organisation, as the command line does."""
    with factory.context():
        assert status.enable(factory.organisation(organisation_id), BY_TESTS)


def test_an_operator_disables_and_enables_an_organisation(
    factory: Factory, enter, new_browser, shoes, anna, jan, olga: MadePerson
) -> None:
    """S77: the question says what happens to how many people. Log and export have the reason. Enabling undoes it."""
    there = [enter(jan, "/account/activity", new_browser()), enter(anna, f"{AT}/people", new_browser())]
    browser = enter(olga, f"{AT}/settings").click("Disable the organisation")
    assert browser.heading == "Disable Example Shoes?"
    assert "2 people who are signed in now are signed out everywhere." in browser.text
    assert "You can enable it again." in browser.text
    assert "danger" not in browser.html
    browser.fill(reason=REASON, password="wrong").submit()
    assert (browser.status, browser.value("reason")) == (422, REASON)
    browser.fill(password=olga.password).submit()
    assert "Example Shoes is disabled. 2 people were signed out everywhere." in browser.text
    assert "Example Shoes is disabled: nobody can sign in." in browser.text
    for one in there:
        assert SIGNED_OUT in one.open(one.url).text
        assert "ask the installation administrator to enable it" in one.text
    browser.open("/admin/").click("Example Shoes")
    browser.click("Enable the organisation")
    assert "Sessions and tokens from before stay ended." in browser.text
    browser.fill(reason="paid", password=olga.password).submit()
    assert "Example Shoes is enabled. People can sign in again." in browser.text
    assert "nobody can sign in" not in browser.text
    browser.open(f"{AT}/audit?event=organisation:disabled")
    assert f"Reason: {REASON}" in browser.text
    assert "Organisation disabled" in browser.text
    assert "<b>unpaid" not in browser.html
    lines = browser.open(f"{AT}/audit/export.csv?event=organisation:disabled").html.removeprefix("\ufeff").splitlines()
    (row,) = csv.DictReader(lines)
    assert json.loads(row["data"]) == {"reason": REASON, "people": 2}
    assert SIGNED_OUT not in enter(jan, "/account/activity", there[0]).text
    assert there[0].heading == "Activity"


def test_a_count_that_stopped_at_its_limit_names_no_number(
    factory: Factory, enter, new_browser, shoes, jan, olga: MadePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S77: sessions are counted up to a limit, and one person may have several of those."""
    monkeypatch.setattr(status, "FEW", 2)
    for _ in range(2):
        enter(jan, "/account/activity", new_browser())
    browser = enter(olga, f"{AT}/disable")
    assert "Everybody is signed out everywhere: many thousands of people at the moment." in browser.text
    browser.fill(password=olga.password).submit()
    assert "Example Shoes is disabled, and everybody is signed out everywhere." in browser.text


def test_the_second_of_two_operators_is_told(factory: Factory, enter, new_browser, shoes, olga: MadePerson) -> None:
    """Nothing happens twice, and the log has one row for each act."""
    browser = enter(olga, f"{AT}/disable")
    assert "Nobody is signed in at the moment." in browser.text
    disable(factory, shoes)
    browser.fill(password=olga.password).submit()
    assert "Example Shoes was already disabled. Nothing has changed." in browser.text
    browser.open(f"{AT}/enable")
    enable(factory, shoes)
    browser.fill(password=olga.password).submit()
    assert "Example Shoes was already enabled. Nothing has changed." in browser.text
    with factory.context():
        events = [row.event for row in audit.rows(shoes, limit=20)]
    assert (events.count(Event.ORGANISATION_DISABLED), events.count(Event.ORGANISATION_ENABLED)) == (1, 1)


@pytest.mark.parametrize("reason", ["x" * 201, "two\nlines"])
def test_a_reason_is_one_short_line(factory: Factory, enter, shoes, olga: MadePerson, reason: str) -> None:
    """A reason that is too long changes nothing."""
    browser = enter(olga, f"{AT}/disable").fill(reason=reason, password=olga.password).submit()
    assert browser.status == 422
    assert "Use at most 200 printable characters." in browser.errors[0]
    with factory.context():
        assert factory.organisation(shoes).disabled_at is None


def test_administrators_and_the_operators_own_organisation_are_left_alone(enter, anna, olga, new_browser) -> None:
    """V8.2.2: administrators find no such page or link, and operators cannot shut themselves out."""
    browser, there = enter(anna, f"{AT}/settings", new_browser()), enter(olga, browser=new_browser())
    assert "Disable the organisation" not in browser.text
    for act in ("disable", "enable"):
        assert browser.open(f"{AT}/{act}").status == 404
        assert there.open(f"/admin/installation/{act}").status == 404


def test_tokens_and_sessions_end_and_stay_over(factory: Factory, relying_party, journey, clock, shoes, jan) -> None:
    """S77: refresh and access tokens, codes and the session end at once, and enabling brings none of them back."""
    app = relying_party(factory.make_client(grant_types=GRANTS, scope=SCOPES))
    walk = journey(jan, app).begin(scope=SCOPES)
    tokens = walk.password().code().tokens()
    walk.begin(scope=SCOPES)
    code = app.answer(walk.browser.left_for)["code"]

    def nothing_works() -> None:
        with pytest.raises(Refused, match="invalid_token"):
            app.userinfo(tokens.access_token)
        with pytest.raises(Refused, match="invalid_grant"):
            app.refresh(tokens.refresh_token)
        with pytest.raises(Refused, match="invalid_grant"):
            app.redeem(code)
        assert app.ask("introspection_endpoint", {"token": tokens.access_token}).json == {"active": False}
        walk.begin(scope=SCOPES, prompt="none")
        assert "login_required" in walk.browser.left_for

    disable(factory, shoes)
    nothing_works()
    clock(minutes=1)
    enable(factory, shoes)
    nothing_works()
    walk.begin(scope=SCOPES).password()
    clock(minutes=1)
    assert walk.code().tokens().claims["sub"] == jan.id


def test_a_stranger_learns_nothing(factory: Factory, browser, shoes, jan) -> None:
    """S29: the pages of a disabled organisation are those of an unknown one, until somebody has proved who they are."""
    factory.make_organisation("toys")
    disable(factory, shoes)

    def shown(store_url: str, password: str) -> str:
        browser.forget_cookies()
        browser.open("/account/security").fill(organisation=store_url).submit()
        page = browser.fill(username="jan", password=password).submit()
        return page.text.replace(store_url, "…")

    assert shown("example-shoes", "wrong wrong wrong") == shown("no-such-shop", "wrong wrong wrong")
    assert TOLD in shown("example-shoes", jan.password)


def test_a_right_passkey_is_told(factory: Factory, journey, shoes, jan) -> None:
    """The passkey proves the person, who is told why they cannot enter."""
    key = SecurityKey(ISSUER)
    factory.give_passkey(jan, key)
    disable(factory, shoes)
    walk = journey(jan).begin()
    post(walk.browser, key.show(options_on(walk.browser)))
    assert TOLD in walk.browser.text


def test_a_sign_in_that_began_before_ends_nowhere(factory: Factory, journey, clock, shoes, jan) -> None:
    """S77: disabled between password and code, and enabled again. What was proved before counts no more."""
    walk = journey(jan).begin().password()
    assert "code" in walk.browser.fields
    disable(factory, shoes)
    walk.code()
    assert not walk.browser.left_for
    assert "password" in walk.browser.fields
    walk.password()
    assert TOLD in walk.browser.text
    clock(minutes=1)
    enable(factory, shoes)
    walk.browser.open(walk.browser.url)
    assert "password" in walk.browser.fields, "the password of before it was disabled"
    assert walk.password().code().tokens().claims["sub"] == jan.id


def test_people_sign_in_after_the_clock_was_put_right(
    factory: Factory, relying_party, journey, new_browser, clock, shoes, jan
) -> None:
    """I10: it was an hour ahead when the organisation was enabled. What ended before stays over."""
    app = relying_party(factory.make_client(grant_types=GRANTS, scope=SCOPES))
    clock(minutes=59)
    before = journey(jan, app).begin(scope=SCOPES).password().code().tokens()
    clock(minutes=1)
    disable(factory, shoes)
    enable(factory, shoes)
    clock(hours=-1)
    walk = journey(jan, app, new_browser()).begin(scope=SCOPES).password().code()
    assert app.userinfo(walk.tokens().access_token)["sub"] == jan.id
    with pytest.raises(Refused, match="invalid_grant"):
        app.refresh(before.refresh_token)


def test_a_last_recovery_code_of_before_opens_no_set_up(factory: Factory, journey, clock, quiet_shoes: str) -> None:
    """S44, S77: entered before, and not yet spent. Afterwards the password alone must not lead to a new second factor."""
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True, recovery_codes=1)
    walk = journey(ann).begin().password().recovery_code(ann.recovery_codes[0])
    assert walk.browser.heading == "Set up your second factor again"
    disable(factory, quiet_shoes)
    clock(minutes=1)
    enable(factory, quiet_shoes)
    walk.browser.open(walk.browser.url)
    assert walk.password().browser.fields == {"recovery_code"}
    walk.recovery_code(ann.recovery_codes[0]).browser.reload()
    assert walk.browser.heading == "Set up your second factor again"


def test_links_printed_codes_and_asked_links_open_nothing(
    factory: Factory, browser, clock, postman, shoes, anna, jan
) -> None:
    """S77: a mailed link opens nothing, and nobody gets a new one. After enabling, a link that has not expired works."""
    with factory.context(), transaction():
        token = email_links.make(factory.settings, factory.user(jan), "verify", {}, email_links.soon(factory.settings))
        link = email_links.address_of(factory.settings, "verify", token)
    assert browser.open(link).status == 200
    disable(factory, shoes)
    assert browser.open(link).status == 404
    browser.open("/reset").fill(organisation="example-shoes", username="jan").submit()
    assert browser.status == 200
    assert not postman.bring()
    enable(factory, shoes)
    assert browser.open(link).status == 200


def test_mails_wait_until_the_organisation_is_enabled(factory: Factory, enter, postman, shoes, anna, jan) -> None:
    """S77: none leaves in the meantime, and none is lost. They do not count as mails that the relay holds up."""
    browser = enter(anna, f"{AT}/people/{jan.id}").click("Disable").submit("Disable")
    assert browser.status == 200
    disable(factory, shoes)
    assert not postman.bring()
    with factory.context():
        assert [mail.template for mail in outbox.mails()] == ["disabled"]
        assert outbox.waiting() == (0, None)
    enable(factory, shoes)
    assert [mail.to for mail in postman.bring()] == ["jan@shoes.example"]


def test_a_running_job_stops_and_goes_on(
    factory: Factory, enter, clock, shoes, anna, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S77: the import stops at its next line, does not hold up those of others, and goes on after enabling."""
    start(upload(enter(anna), "username\nkim\nliv\nmia\n"), anna)
    real = worker.people_imports.carry

    def disabled_after_the_first(settings, organisation, job):
        carry = real(settings, organisation, job)

        def one(position: int):
            done = carry(position)
            if position == 1:
                disable(factory, shoes)
            return done

        return one

    monkeypatch.setitem(worker.JOBS, worker.people_imports.KIND, disabled_after_the_first)
    assert worked(factory) == 1
    assert names(factory, shoes) == {"anna", "kim"}
    clock(minutes=5)
    assert worked(factory) == 0
    monkeypatch.setitem(worker.JOBS, worker.people_imports.KIND, real)
    enable(factory, shoes)
    assert worked(factory) == 2
    assert names(factory, shoes) == {"anna", "kim", "liv", "mia"}


def test_the_worker_ends_the_sessions(factory: Factory, journey, shoes, jan) -> None:
    """Apps are told by back-channel logout, since sessions end."""
    journey(jan).begin().password().code().tokens()
    disable(factory, shoes)
    with factory.context():
        sweeps.sweep(factory.settings)
        row = audit.rows_about(shoes, jan.id, limit=30)[0]
        assert not sessions.sessions_of(shoes, jan.id, row.at, None, 5)


def test_other_organisations_go_on(factory: Factory, journey, shoes, jan) -> None:
    """An organisation is disabled alone: people, jobs and mails of another one know nothing of it."""
    toys = factory.make_organisation("toys", settings={"offer_set_up": False})
    kim = factory.make_user(toys, "kim")
    disable(factory, shoes)
    assert journey(kim).begin().password().tokens().claims["sub"] == kim.id
