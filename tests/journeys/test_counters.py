"""Every guess is counted, with one counter wherever it is typed (security.md 8; V6.3.1, RFC 4226 §7.3)."""

from idp.audit import Event
from idp.store import audit
from tests.factories import Factory

WRONG_RECOVERY_CODE = "aaaaaaa-aaaaaaa"


def test_codes_are_counted_over_all_browsers(journey, new_browser, jan, clock) -> None:
    """T-04: after five wrong codes in five sign-ins, the right one in a sixth has to wait. The password does not."""
    for _ in range(5):
        assert journey(jan, browser=new_browser()).begin().password().code("000000").browser.status == 422
    waits = journey(jan, browser=new_browser()).begin().password().code()
    assert waits.browser.status == 429
    assert int(waits.browser.headers["Retry-After"]) > 0


def test_recovery_codes_have_their_own_counter(journey, new_browser, jan, clock) -> None:
    """N63-09: after five wrong recovery codes the right one has to wait. A code of the app still works."""
    walk = journey(jan, browser=new_browser()).begin().password()
    for _ in range(5):
        assert walk.recovery_code(WRONG_RECOVERY_CODE).browser.status == 422
    assert walk.recovery_code(jan.recovery_codes[0]).browser.status == 429
    assert journey(jan, browser=new_browser()).begin().password().code().tokens().acr == "mfa"


def test_a_step_up_shares_the_counter_of_the_sign_in(journey, browser, jan, clock) -> None:
    """T-04: the code of a step-up has no counter of its own."""
    journey(jan).begin().password().code().tokens()
    clock(minutes=20)
    up = journey(jan).begin(acr_values="mfa", max_age="60").password()
    for _ in range(5):
        assert up.code("000000").browser.status == 422
    again = journey(jan).begin(acr_values="mfa", max_age="60").password()
    assert again.code().browser.status == 429


def test_codes_at_a_set_up_are_counted(factory: Factory, journey, shoes, clock) -> None:
    """S20: guesses at the page with the QR code are throttled too."""
    kim = factory.make_user(shoes, "kim", role="administrator")
    walk = journey(kim).begin().password()
    for _ in range(5):
        if "code" not in walk.browser.fields:
            walk.browser.submit("next")
    for _ in range(5):
        assert walk.code("000000").browser.status == 422
    assert walk.code("000000").browser.status == 429


def test_the_password_in_the_profile_is_counted_and_audited(factory: Factory, enter, jan, clock) -> None:
    """V6.2.3, V16.3.1: after five wrong passwords the right one has to wait. The audit log has each wrong one."""
    browser = enter(jan, "/account/factor/remove")
    browser.click("Next")
    for _ in range(5):
        assert browser.fill(password="not the password").submit().status == 422
    assert browser.fill(password=jan.password).submit().status == 429
    with factory.context():
        events = [row.event for row in audit.rows_about(jan.organisation_id, jan.id, limit=50)]
    assert events.count(Event.PASSWORD_WRONG) == 5
    assert Event.FACTOR_REMOVED not in events
