"""Pages tell people the same rules that are enforced."""

import pytest

from idp.db import transaction
from idp.store import audit as audit_rows
from idp.store import users
from tests.factories import Factory, MadePerson


@pytest.fixture
def settings(configure):
    """Require more of a user with a second factor than the organisation does of anybody."""
    return configure(passwords={"min_length_with_factor": 16})


def test_the_page_names_the_enforced_password_length(factory: Factory, journey, quiet_shoes: str) -> None:
    """S50, V6.2.1: a password of the named length is accepted, and one character less is refused."""
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True)
    with factory.context(), transaction():
        users.change_user(ann.organisation_id, ann.id, must_change_password=True)
    browser = journey(ann).begin().password().code().browser
    shown = int(browser.text.partition("At least ")[2].split()[0])
    assert shown == 12
    for length in (shown - 1, shown):
        chosen = "rj4kd8wq2mzx9vbt5npc"[:length]
        browser.fill(new_password=chosen, new_password_again=chosen).submit()
        assert (browser.left_for is None) is (length < shown)


@pytest.mark.parametrize(("path", "field"), [("people", "q"), ("audit", "username"), ("sessions", "username")])
def test_a_username_of_maximum_length_can_be_searched(
    factory: Factory, enter, shoes: str, anna: MadePerson, path: str, field: str
) -> None:
    """S13: the searches accept every name that the form of a user accepts."""
    long = "n" * 254
    factory.make_user(shoes, long)
    browser = enter(anna, f"/admin/example-shoes/{path}")
    assert f'maxlength="{len(long)}"' in browser.html
    browser.fill(**{field: long[:-1]}).submit()
    nobody = browser.text
    browser.fill(**{field: long}).submit()
    assert browser.value(field) == long
    assert "There is nobody" in nobody if path == "audit" else True
    assert "There is nobody" not in browser.text


def test_declining_the_offer_is_audited(factory: Factory, journey) -> None:
    """S16, I1: "not now" changes the user's record, so the audit log has it once."""
    jan = factory.make_user(factory.make_organisation())
    journey(jan).begin().password().browser.submit("not_now")
    with factory.context():
        rows = [row.event for row in audit_rows.rows(jan.organisation_id)]
    assert rows.count("factor:offer_declined") == 1
