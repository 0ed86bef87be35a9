"""Reset a forgotten password, and sign in with a one-time password (S49, S50; OWASP ASVS 6.4, CS-09)."""

import re

import pytest

from idp.db import transaction
from idp.identity.accounts import accounts
from idp.identity.credentials import password_reset, passwords
from idp.identity.credentials.passwords import NewPassword
from idp.identity.users import status
from idp.store import outbox, password_resets, rate_limits
from tests.drivers.password_reset import NEW, choose, forget
from tests.drivers.words import (
    BACK_TO_SIGNING_IN,
    CHECK_YOUR_E_MAIL,
    FORGOT_YOUR_PASSWORD,
    THIS_LINK_DOES_NOT_WORK_ANY_MORE,
    YOUR_PASSWORD_IS_SET,
    YOUR_PASSWORD_WAS_CHANGED,
)
from tests.factories import BY_TESTS, Factory

OTHER = "seven quiet lanterns 31"
ISSUER = "https://id.example.com"
TOKEN = re.compile(r'name="csrf_token" value="[^"]*"')


@pytest.fixture
def ann(factory: Factory, quiet_shoes: str):
    return factory.make_user(quiet_shoes, "ann", with_totp=True, email="ann@shoes.example")


@pytest.fixture
def jan(factory: Factory, quiet_shoes: str):
    return factory.make_user(quiet_shoes, "jan", email="jan@shoes.example")


def test_a_forgotten_password_is_reset_by_mail(journey, browser, new_browser, postman, ann, clock) -> None:
    """V6.4.3, CS-09: the password page links to it. The reset signs nobody in, and the second factor is still asked for."""
    walk = journey(ann).begin()
    browser.click(FORGOT_YOUR_PASSWORD)
    assert browser.value("organisation") == ann.store_url
    browser.fill(username="ann").submit()
    assert browser.heading == CHECK_YOUR_E_MAIL
    browser.click(BACK_TO_SIGNING_IN)
    assert "password" in browser.fields
    phone = new_browser()
    link = postman.link("ann@shoes.example")
    assert link.startswith(ISSUER + "/reset/")
    choose(phone, link)
    assert phone.heading == YOUR_PASSWORD_IS_SET
    assert "login" not in "".join(phone.cookies)
    assert [mail.subject for mail in postman.bring("ann@shoes.example")] == [YOUR_PASSWORD_WAS_CHANGED]
    walk.password(NEW)
    assert "code" in browser.fields, "the second factor was skipped"
    assert walk.code().tokens().acr == "mfa"


@pytest.mark.parametrize("typed", ["ann@shoes.example", " \u200bANN@Shoes.example"])
def test_an_address_that_signs_in_can_request_a_reset(
    journey, browser, new_browser, postman, ann, clock, typed: str
) -> None:
    """V6.4.3: both pages accept the same text as a username."""
    journey(ann).begin()
    browser.click(FORGOT_YOUR_PASSWORD)
    browser.fill(username=typed).submit()
    choose(new_browser(), postman.link("ann@shoes.example"))
    assert journey(ann, browser=new_browser()).begin().password(NEW).code().tokens().acr == "mfa"


def test_username_and_address_share_the_limit_of_mails(factory: Factory, new_browser, postman, ann, clock) -> None:
    """Entry 8: an account gets five mails within a quarter of an hour, by username and address together."""
    for typed in ("ann", "ann@shoes.example"):
        for _ in range(factory.settings.limits.mails_for_account):
            forget(new_browser(), ann, typed)
    assert len(postman.bring("ann@shoes.example")) == factory.settings.limits.mails_for_account


def test_a_reset_ends_the_old_password_sessions_and_devices(journey, browser, new_browser, postman, ann, clock) -> None:
    """S40, CS-09: everything that the old password gave access to ends."""
    walk = journey(ann).begin(scope="openid")
    tokens = walk.password().code(remember=True).tokens()
    clock(minutes=1)
    forget(new_browser(), ann)
    choose(new_browser(), postman.link("ann@shoes.example"))
    with pytest.raises(Exception, match="invalid_token"):
        walk.app.userinfo(tokens.access_token)
    again = journey(ann).begin(acr_values="mfa mfa-remembered").password()
    assert again.browser.status == 422, "the old password still works"
    again.password(NEW)
    assert "code" in again.browser.fields, "trust in the device outlived the reset"


def test_a_reset_link_is_spent_by_its_form_not_by_opening_it(browser, new_browser, postman, jan, clock) -> None:
    """S55, V3.5.3: mail scanners fetch links, so HEAD and GET change nothing.
    A used link and a wrong one get the same answer.
    """
    forget(browser, jan)
    link = postman.link("jan@shoes.example")
    for _ in range(3):
        new_browser().open(link)
        new_browser().client.head(link)
    first, second = new_browser(), new_browser()
    second.open(link)
    choose(first, link)
    assert first.heading == YOUR_PASSWORD_IS_SET
    second.fill(new_password=OTHER, new_password_again=OTHER).submit()
    assert second.status == 404
    assert second.heading == THIS_LINK_DOES_NOT_WORK_ANY_MORE
    used = new_browser().open(link).text
    invented = new_browser().open(f"{ISSUER}/reset/{jan.organisation_id}.{'x' * 43}").text
    assert used == invented == second.text


def test_a_link_expires_after_half_an_hour(browser, new_browser, postman, jan, clock) -> None:
    """Security: links last 30 minutes."""
    forget(browser, jan)
    link = postman.link("jan@shoes.example")
    clock(minutes=29)
    assert new_browser().open(link).status == 200
    late = new_browser().open(link)
    clock(minutes=2)
    late.fill(new_password=NEW, new_password_again=NEW).submit()
    assert late.status == 404
    assert new_browser().open(link).status == 404


def test_a_newer_link_voids_the_older(browser, new_browser, postman, jan, clock) -> None:
    """CS-09: of two outstanding tokens only the newer one works."""
    forget(browser, jan)
    old = postman.link("jan@shoes.example")
    clock(minutes=1)
    forget(browser, jan)
    new = postman.link("jan@shoes.example")
    assert new_browser().open(old).status == 404
    assert new_browser().open(new).status == 200


def test_a_new_password_or_address_voids_a_link(factory: Factory, browser, new_browser, postman, jan, clock) -> None:
    """CS-09: a token from before the change no longer works."""
    forget(browser, jan)
    first = postman.link("jan@shoes.example")
    with factory.context():
        hashed = NewPassword(passwords.hash_of(factory.settings, OTHER))
        passwords.put(factory.settings, factory.user(jan), hashed, BY_TESTS)
    assert new_browser().open(first).status == 404
    clock(minutes=1)
    postman.bring()
    forget(browser, jan)
    second = postman.link("jan@shoes.example")
    with factory.context():
        accounts.change(
            factory.settings,
            factory.organisation(jan.organisation_id),
            factory.user(jan),
            {"email": "jan@new.example", "email_verified": True},
            BY_TESTS,
        )
    assert new_browser().open(second).status == 404


def test_a_weak_password_is_refused_and_the_link_still_works(browser, new_browser, postman, jan, clock) -> None:
    """S33, V6.2.4, V6.2.11: short, leaked, made of names, or repeated differently. A good password is then accepted."""
    forget(browser, jan)
    mine = new_browser()
    link = postman.link("jan@shoes.example")
    for password, again in (("short", ""), ("password1234", ""), ("example-shoes", ""), (NEW, OTHER)):
        choose(mine, link, password, again)
        assert mine.status == 422, password
        assert mine.errors
    choose(mine, link)
    assert mine.heading == YOUR_PASSWORD_IS_SET


def test_the_answer_does_not_reveal_whether_the_account_exists(factory: Factory, new_browser, postman, jan, clock) -> None:
    """V6.3.8, CS-02: known, unknown, disabled, without an address, unverified and at no shop get byte-equal answers.

    Only the tokens against forged requests differ, which are each browser's own.
    """
    gone = factory.make_user(jan.organisation_id, "gone", email="gone@shoes.example")
    factory.make_user(jan.organisation_id, "bare")
    factory.make_user(jan.organisation_id, "unsure", email="unsure@shoes.example", email_verified=False)
    with factory.context():
        status.disable(factory.settings, factory.organisation(jan.organisation_id), factory.user(gone), BY_TESTS)
    assert [mail.to for mail in postman.bring()] == ["gone@shoes.example"]  # this is the only notice, and none follows below
    answers = set()
    names = [(jan.store_url, name) for name in ("jan", "nobody", "gone", "bare", "unsure")]
    for store_url, name in (*names, ("no-such-shop", "jan"), ("!!", "jan")):
        asking = new_browser().open("/reset")
        asking.fill(organisation=store_url, username=name).submit()
        kept = {key: value for key, value in asking.headers.items() if key not in ("Set-Cookie", "Date", "X-Request-Id")}
        html = TOKEN.sub("", asking.html)
        answers.add((asking.status, asking.url, html, str(sorted(kept.items()))))
    assert len(answers) == 1
    assert [mail.to for mail in postman.bring()] == ["jan@shoes.example"]


def test_a_request_for_a_reset_does_the_same_work_for_every_name(factory: Factory, new_browser, jan, clock) -> None:
    """V6.3.8: the request looks nothing up. For known and unknown names alike it stores one sealed row."""
    for name in ("jan", "nobody"):
        asking = new_browser().open("/reset")
        asking.fill(organisation=jan.store_url, username=name).submit()
    with factory.context():
        assert outbox.mails() == []
        waiting = [password_resets.next_password_reset()]
        assert waiting[0] is not None
        # The store URL, not the username: sealed text may contain three given letters by chance.
        assert jan.store_url not in waiting[0].sealed_values


def test_requests_for_a_reset_are_limited_by_account_and_address(factory: Factory, new_browser, jan, clock) -> None:
    """V2.3.2, V2.4.1: the sixth within the window is refused, also for an unknown account. Later requests work again."""
    for name in ("jan", "nobody"):
        for number in range(6):
            asking = new_browser(address=f"192.0.2.{number}").open("/reset")
            asking.fill(organisation=jan.store_url.upper(), username=name.upper()).submit()
        assert asking.status == 429
        assert int(asking.headers["Retry-After"]) > 0
    clock(minutes=16)
    forget(asking, jan)
    assert asking.status == 200
    for number in range(21):
        asking = new_browser(address="203.0.113.5").open("/reset")
        asking.fill(organisation=jan.store_url, username=f"somebody-{number}").submit()
    assert asking.status == 429


def test_request_headers_do_not_change_the_links_of_a_mail(browser, postman, jan, clock) -> None:
    """CS-09, V4.1.3: links are built from the issuer, whatever Host and similar headers say."""
    browser.open("/reset")
    form = [("csrf_token", browser.value("csrf_token")), ("organisation", jan.store_url), ("username", "jan")]
    for header in ("Host", "X-Forwarded-Host", "Forwarded", "X-Forwarded-Proto", "Origin", "Referer"):
        value = "host=evil.example" if header == "Forwarded" else "evil.example"
        browser.client.post("/reset", base_url=ISSUER, data=dict(form), headers={header: value})
    mails = postman.bring("jan@shoes.example")
    assert mails
    for mail in mails:
        assert "evil" not in mail.text + mail.html
        assert all(link.startswith(ISSUER) for link in mail.links)


def test_pages_with_a_token_do_not_leak_it(browser, new_browser, postman, jan, clock) -> None:
    """V3.4.5, V14.2.1, V14.3.2: no referrer, no cache and no external content. The form sends the token in its body."""
    forget(browser, jan)
    link = postman.link("jan@shoes.example")
    page = new_browser().open(link)
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert all(form.action == "/new-password" for form in page.page.forms if "token" in form.fields)
    assert "//" not in page.html.replace("http://www.w3.org", "").replace("<!doctype", "")


def test_a_link_works_only_for_its_purpose_and_user(browser, new_browser, postman, jan, ann, clock) -> None:
    """V2.3.1: it fails for another purpose, in another user's form, and without the form of this browser."""
    forget(browser, jan)
    token = postman.link("jan@shoes.example").rpartition("/")[2]
    for path in ("/welcome/", "/link/address/", "/link/verify/", "/link/undo/", "/link/recovery/", "/link/cancel/"):
        assert new_browser().open(path + token).status == 404
    forged = new_browser().open("/reset")
    stolen = f"{ann.organisation_id}.{token.partition('.')[2][:-1]}x"
    fields = [("new_password", NEW), ("new_password_again", NEW)]
    forged.send("POST", f"{ISSUER}/new-password", [("token", token), ("csrf_token", "forged"), *fields])
    assert forged.status == 403
    mine = [("csrf_token", forged.open("/reset").value("csrf_token")), *fields]
    for wrong in (stolen, "", ".", token.upper(), "a" * 5000):
        forged.send("POST", f"{ISSUER}/new-password", [("token", wrong), *mine])
        assert forged.status == 404
    assert new_browser().open(f"/reset/{token}").status == 200, "one of the wrong requests spent the link"


def test_a_reset_ends_only_the_lockout_of_the_password(factory: Factory, journey, postman, new_browser, ann, clock) -> None:
    """Security: a mailed link and the other factor end the lockout. The other factor keeps its own count."""
    with factory.context(), transaction():
        for kind in ("password", "totp"):
            for _ in range(100):
                rate_limits.count_towards_stop(ann.organisation_id, ann.id, kind, 100, password_reset.clock.now())
    assert journey(ann).begin().password().browser.status == 429
    forget(new_browser(), ann)
    choose(new_browser(), postman.link("ann@shoes.example"))
    walk = journey(ann, browser=new_browser()).begin().password(NEW)
    assert "code" in walk.browser.fields
    assert walk.code().browser.status == 429


def test_a_link_does_not_work_for_a_disabled_user(factory: Factory, browser, new_browser, postman, jan, clock) -> None:
    """Security: the status is checked again when the link is used."""
    forget(browser, jan)
    link = postman.link("jan@shoes.example")
    with factory.context():
        status.disable(factory.settings, factory.organisation(jan.organisation_id), factory.user(jan), BY_TESTS)
    assert new_browser().open(link).status == 404
