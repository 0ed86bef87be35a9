"""A form sent twice, as by a double click, gets one answer: the first one (Post/Redirect/Get)."""

from collections.abc import Callable
from copy import copy

import pytest
from sqlalchemy import func, select

from idp import db
from idp.store.outbox import OutgoingMail
from idp.web import sent_forms, stash
from tests.drivers.browser import Browser
from tests.drivers.words import CLOSE_THIS_SHOP, THE_SECRET_SHOWN_THIS_ONCE, YOUR_NAME_IS_SAVED
from tests.factories import Factory, MadePerson

AT = "/admin/example-shoes"
Enter = Callable[..., Browser]
APP = {"client_id": "stock", "client_name": "Stock", "redirect_uris": "https://stock.example/cb", "first_party": True}
FORMS = {
    "shop": (f"{AT}/shops", {"code": "amsterdam-1", "name": "Amsterdam"}, "The shop “Amsterdam” is added."),
    "group": (f"{AT}/groups", {"name": "Tills"}, "The group “Tills” is added."),
    "user": (f"{AT}/people/add", {"username": "kim"}, "kim is added."),
    "app": (f"{AT}/apps/add", APP, THE_SECRET_SHOWN_THIS_ONCE),
    "policy": (f"{AT}/policies/add", {"name": "all", "starts": "2026-01-01"}, "The policy “all” is added."),
    "address": ("/account/address", {"email": "other@shoes.example"}, "An e-mail is on its way"),
    "name": ("/account/details", {"name": "Somebody"}, YOUR_NAME_IS_SAVED),
}


@pytest.fixture
def otto(olga: MadePerson, quiet_shoes: str) -> MadePerson:
    """Create an operator, who may use every form, and an organisation."""
    return olga


def outcome(browser: Browser) -> tuple[int, str, list[str], list[str]]:
    """Return what the page shows, without the ids of its forms."""
    return browser.status, browser.url, browser.errors, browser.text.splitlines()


def mails(factory: Factory) -> int:
    with factory.context():
        return db.connection().scalar(select(func.count()).select_from(OutgoingMail)) or 0


@pytest.mark.parametrize("kind", FORMS)
def test_a_second_click_gets_the_first_answer(kind: str, browser: Browser, factory: Factory, enter: Enter, otto) -> None:
    """It gets no "there is one already", no second secret and no second mail."""
    path, fields, words = FORMS[kind]
    enter(otto, path).fill(**fields)
    again = copy(browser)
    browser.submit()
    assert words in browser.text, browser.text
    sent = mails(factory)
    assert outcome(again.submit()) == outcome(browser)
    assert mails(factory) == sent


def test_other_fields_or_a_new_page_make_another_form(browser: Browser, enter: Enter, otto) -> None:
    """S13: newly typed fields are checked again. A refusal is repeated only as long as a double click takes."""
    enter(otto, f"{AT}/shops")
    cached = copy(browser)
    browser.fill(code="amsterdam-1", name="Amsterdam").submit()
    assert "is added." in copy(cached).fill(code="utrecht-1", name="Utrecht").submit().text
    assert "already" in browser.fill(code="amsterdam-1", name="Amsterdam").submit().errors[0]


def test_a_refused_form_may_be_sent_again(browser: Browser, enter: Enter, otto, clock) -> None:
    """S60: a page from the browser's cache is sent again after the reason for the refusal is gone."""
    enter(otto, f"{AT}/shops").fill(code="amsterdam-1", name="Amsterdam").submit()
    refused = browser.fill(code="amsterdam-1", name="Amsterdam")
    again = copy(refused)
    assert refused.submit().status == 422
    browser.click("Amsterdam").click(CLOSE_THIS_SHOP).fill(password=otto.password).submit()
    clock(seconds=10)
    assert "is added." in again.submit().text


def test_an_answer_ends_with_its_session(browser: Browser, enter: Enter, otto, quiet_shoes: str, factory: Factory) -> None:
    """V7.4.1: after signing out the sent form has no effect, and its answer is not shown."""
    enter(otto, f"{AT}/apps/add").fill(**APP)
    again = copy(browser)
    assert THE_SECRET_SHOWN_THIS_ONCE in browser.submit().text
    browser.open("/").submit("Sign out")
    assert THE_SECRET_SHOWN_THIS_ONCE not in again.submit().text


def test_few_threads_wait_for_first_answers(browser: Browser, enter: Enter, otto, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one second click waits long, another is soon told to try again."""
    first = enter(otto, f"{AT}/shops").fill(code="amsterdam-1", name="Amsterdam")
    second, pauses = copy(first), {"first": 0, "second": 0}
    waits = ["first"]

    def pause(_: float) -> None:
        pauses[waits[-1]] += 1
        if pauses["first"] == sent_forms.SHORT_WAIT + 1 and "second" not in waits:
            waits.append("second")
            assert second.submit().status == 503
            waits.append("first")

    monkeypatch.setattr(sent_forms, "sleep", pause)
    monkeypatch.setattr(stash, "get", lambda *_: sent_forms.PENDING)
    assert first.submit().status == 503
    assert pauses == {"first": sent_forms.LONG_WAIT, "second": sent_forms.SHORT_WAIT}


def test_a_second_edit_from_an_old_form_is_refused(browser: Browser, enter: Enter, otto) -> None:
    """V2.3.4, S60: the second user's fields are kept. The next save knowingly replaces the other user's change."""
    enter(otto, f"{AT}/policies/add").fill(name="all", starts="2026-01-01").submit()
    other = copy(browser).open(f"{AT}/policies/edit?name=all").fill(starts="2026-02-01", countries="NL")
    browser.open(f"{AT}/policies/edit?name=all").fill(starts="2026-03-01").submit()
    assert " saved." in browser.text
    assert other.submit().status == 422
    assert "changed in the meantime" in other.errors[0]
    assert (other.value("starts"), other.value("countries")) == ("2026-02-01", "NL")
    assert browser.open(f"{AT}/policies/edit?name=all").value("starts") == "2026-03-01"
    assert " saved." in other.submit("Save").text
    browser.open(f"{AT}/policies/edit?name=all")
    assert (browser.value("starts"), browser.value("countries")) == ("2026-02-01", "NL")


def test_an_old_form_does_not_undo_other_changes(
    browser: Browser, enter: Enter, otto, quiet_shoes: str, factory: Factory
) -> None:
    """V2.3.4: an old form that renames a group, a person or an app keeps what a colleague has just set beside the name."""
    kim = factory.make_user(quiet_shoes, "kim")
    factory.make_client("till", client_name="Till")
    enter(otto, f"{AT}/groups").fill(name="Tills", requires_mfa=False).submit()
    group = browser.url
    for page, theirs, ours in (
        (group, {"requires_mfa": True}, {"name": "Desks"}),
        (f"{AT}/settings", {"password_min_length": "16"}, {"colour": "#aa0000"}),
        (f"{AT}/people/{kim.id}/edit", {"valid_until": "2999-12-31"}, {"name": "Kim"}),
        (f"{AT}/apps/till/edit?all=1", {"client_uri": "https://till.example.com"}, {"client_name": "Desk"}),
    ):
        other = copy(browser).open(page).fill(**ours)
        assert " saved." in browser.open(page).fill(**theirs).submit().text
        assert other.submit().status in (409, 422)
        assert "changed in the meantime" in other.errors[0]
        assert [other.value(name) for name in ours] == [*ours.values()]
        assert [browser.open(page).value(name) for name in theirs if theirs[name] is not True] == [
            value for value in theirs.values() if value is not True
        ]
        assert " saved." in other.submit("Save").text
