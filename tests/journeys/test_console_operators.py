"""Users of the operators' own organisation in the console. Only operators manage them."""

import re

from idp.audit import Event
from idp.identity.organisations import status
from idp.store import audit, operators, outbox
from tests.drivers.people import everybody
from tests.drivers.words import ADD_A_PERSON, INVITE_BY_E_MAIL, RESET_THE_SECOND_FACTOR
from tests.factories import BY_TESTS, Factory, MadePerson

AT = "/admin/installation/people"


def otto(factory: Factory, olga: MadePerson) -> MadePerson:
    return factory.make_user(olga.organisation_id, "otto", role="administrator", with_totp=True, email="otto@example.org")


def test_operators_manage_each_other(factory: Factory, enter, new_browser, clock, shoes, olga) -> None:
    """S13, S47: add, edit, reset and disable an operator, each with its confirmation.
    A disabled operator is signed out at once.
    """
    second = otto(factory, olga)
    theirs = enter(second, AT, new_browser(address="192.0.2.8"))
    assert theirs.heading == "People"
    browser = enter(olga, AT)
    browser.click(ADD_A_PERSON).fill(username="ada", email="ada@example.org").submit()
    browser.fill(password=olga.password).submit()
    clock(minutes=1)
    browser.fill(code=olga.authenticator.code()).submit().submit("Add")
    assert "Administrator" in browser.text
    clock(minutes=2)
    browser.click(INVITE_BY_E_MAIL)
    assert "not your password" in browser.submit(INVITE_BY_E_MAIL).errors[0]
    browser.fill(password=olga.password).submit()
    browser.open(f"{AT}/{second.id}").click(RESET_THE_SECOND_FACTOR).fill(password=olga.password).submit()
    assert "must be set up" in browser.text
    browser.click("Disable").fill(password=olga.password).submit()
    assert "disabled" in browser.text
    assert "/sign-in/" in theirs.reload().url
    with factory.context():
        assert "invitation" in {mail.template for mail in outbox.mails() if mail.recipient == "ada@example.org"}
        events = {row.event for row in audit.rows(olga.organisation_id) if row.actor_id == olga.id}
        assert {Event.USER_CREATED, Event.INVITED, Event.FACTOR_RESET, Event.USER_DISABLED} <= events


def test_an_operator_cannot_become_less_than_administrator(factory: Factory, enter, olga) -> None:
    """S10: a lower role would make the second factor voluntary. The last operator cannot be disabled."""
    second = otto(factory, olga)
    browser = enter(olga, f"{AT}/{second.id}/edit")
    for role in ("employee", "owner", "customer"):
        form = next(one for one in browser.open(f"{AT}/{second.id}/edit").page.forms if "role" in one.fields)
        kept = [(name, one) for name, every in form.fields.items() for one in every if name != "role"]
        assert browser.send("POST", browser.url, [*kept, ("role", role)]).status == 403, role
    for act in ("disable", "reset-factor", "remove-factor", "one-time-password"):
        page = browser.open(f"{AT}/{olga.id}/{act}")
        if page.status == 200:
            page.fill(password=olga.password).submit()
        assert browser.status == 403, act
    with factory.context():
        assert {row.role for row in operators.operators()} == {"administrator"}
        assert all(row.disabled_at is None for row in everybody(olga.organisation_id))


def test_administrators_do_not_find_the_operators_organisation(factory: Factory, enter, new_browser, anna, olga) -> None:
    """V8.3.1: administrators of other organisations get 404 for it."""
    browser = enter(anna)
    for path in (
        AT,
        f"{AT}/add",
        f"{AT}/export.csv",
        f"{AT}/{olga.id}",
        f"{AT}/{olga.id}/disable",
        "/admin/installation/sessions",
    ):
        assert browser.open(path).status == 404, path
    assert browser.open(f"/admin/example-shoes/people/{olga.id}").status == 404


def test_operators_find_the_disabled_organisations(factory, enter, olga) -> None:
    """The filter stays in the address, with words and order. The operators' own organisation is never disabled."""
    for store_url in ("example-boots", "example-shoes", "example-toys"):
        organisation_id = factory.make_organisation(store_url)
        if store_url != "example-shoes":
            with factory.context():
                status.disable(factory.organisation(organisation_id), BY_TESTS)
    browser = enter(olga, "/admin/")
    assert "example-shoes" in browser.text
    browser.open("/admin/?only=disabled&sort=-store_url")
    found = re.findall(r"/admin/(example-[a-z]+)/", browser.html)
    assert found == ["example-toys", "example-boots"]
    assert "2 organisations" in browser.text
    browser.open("/admin/?only=disabled&q=example-boots")
    assert re.findall(r"/admin/(example-[a-z]+)/", browser.html) == ["example-boots"]
    assert "1 organisation" in browser.text
    assert "No organisations match this filter." in browser.open("/admin/?only=disabled&q=example-shoes").text
    assert "example-shoes" in browser.open("/admin/?only=other").text
