"""Attack the console from an open session: become an administrator without the password of one."""

import re

from idp.store import users
from tests.factories import Factory

PEOPLE = "/admin/example-shoes/people"


def role_of_eve(organisation_id: str) -> str:
    eve = users.user_named(organisation_id, "eve")
    return eve.role if eve else ""


def test_an_intruder_at_a_session_with_a_fresh_proof_becomes_no_administrator(
    factory: Factory, enter, new_browser, shoes, anna
) -> None:
    """They may add an employee and print their code: both need no password. That account does not become powerful."""
    browser = enter(anna)
    browser.open(f"{PEOPLE}/add").fill(username="eve").submit().submit("Print a code")
    (code,) = re.findall(r"<code[^>]*>([a-z2-9-]{29})</code>", browser.html)
    eve = new_browser().open("/welcome").fill(organisation="example-shoes", username="eve", code=code).submit()
    assert "password" in " ".join(eve.fields)
    with factory.context():
        made = users.user_named(shoes, "eve")
        assert made is not None
    browser.open(f"{PEOPLE}/{made.id}/edit").fill(role="administrator").submit()
    assert "/sign-in/" in browser.url
    assert "password" in browser.fields
    with factory.context():
        assert role_of_eve(shoes) == "employee"
    browser.fill(password=anna.password).submit()
    if "code" in browser.fields:
        browser.fill(code=anna.authenticator.code()).submit()
    assert browser.value("role") == "administrator"
    browser.submit("Save")
    with factory.context():
        assert role_of_eve(shoes) == "administrator"
