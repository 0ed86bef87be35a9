"""Invitations give a first password, by a mailed link or by a printed code (OWASP ASVS 6.4.1, 6.4.3)."""

import pytest

from idp.actors import Person
from idp.audit import Origin
from idp.errors import Conflict, Forbidden
from idp.identity.accounts import invitations
from idp.store import users
from tests.drivers.password_reset import NEW, choose
from tests.drivers.words import CHOOSE_A_PASSWORD, YOUR_PASSWORD_IS_SET
from tests.factories import BY_TESTS, Factory


@pytest.fixture
def jan(factory: Factory, quiet_shoes: str):
    return factory.make_user(quiet_shoes, "jan", email="jan@shoes.example")


def invited(factory: Factory, organisation_id: str, *, printed: bool = False, **details):
    made = factory.make_user(organisation_id, "noor", password="", email_verified=False, **details)
    with factory.context():
        organisation, user = factory.organisation(organisation_id), factory.user(made)
        if printed:
            return made, invitations.print_code(factory.settings, organisation, user, BY_TESTS)
        invitations.invite(factory.settings, organisation, user, BY_TESTS)
        return made, ""


def test_an_invitation_by_mail_leads_to_a_first_password(
    factory: Factory, journey, quiet_shoes: str, new_browser, postman, clock
) -> None:
    """V6.4.1: the link works once, sets the user's own password and verifies the address. The user then signs in."""
    noor, _ = invited(factory, quiet_shoes, email="noor@shoes.example")
    (mail,) = postman.bring("noor@shoes.example")
    assert "noor" in mail.text
    phone = new_browser().open(mail.link)
    assert phone.heading == CHOOSE_A_PASSWORD
    choose(phone, mail.link)
    assert phone.heading == YOUR_PASSWORD_IS_SET
    assert new_browser().open(mail.link).status == 404
    assert journey(noor).begin().password(NEW).tokens().acr == "pwd"
    with factory.context():
        assert factory.user(noor).email_verified_at is not None
        with pytest.raises(Conflict):
            invitations.invite(factory.settings, factory.organisation(quiet_shoes), factory.user(noor), BY_TESTS)


def test_an_invitation_expires(factory: Factory, quiet_shoes: str, new_browser, postman, clock) -> None:
    """V6.4.1: after three days."""
    invited(factory, quiet_shoes, email="noor@shoes.example")
    link = postman.link("noor@shoes.example")
    clock(hours=71)
    assert new_browser().open(link).status == 200
    clock(hours=2)
    assert new_browser().open(link).status == 404


def test_a_printed_code_leads_to_a_first_password(factory: Factory, journey, quiet_shoes: str, new_browser, clock) -> None:
    """V6.4.1: staff without an address type store URL, username and code in any spelling. The code works once."""
    noor, code = invited(factory, quiet_shoes, printed=True)
    paper = new_browser().open("/welcome")
    typed = code.upper().replace("-", " ")
    paper.fill(organisation=noor.store_url, username="NOOR", code=typed).submit()
    assert paper.heading == CHOOSE_A_PASSWORD
    paper.fill(new_password=NEW, new_password_again=NEW).submit()
    assert paper.heading == YOUR_PASSWORD_IS_SET
    again = new_browser().open("/welcome").fill(organisation=noor.store_url, username="noor", code=code).submit()
    assert again.status == 422
    assert journey(noor).begin().password(NEW).tokens().acr == "pwd"


def test_a_wrong_code_reveals_nothing_and_is_throttled(factory: Factory, quiet_shoes: str, new_browser, jan, clock) -> None:
    """V6.3.1, V6.3.8: an unknown name, another user's code and a wrong code get the same answer.
    After some tries one must wait.
    """
    _, code = invited(factory, quiet_shoes, printed=True)
    errors = set()
    for shop, name, typed in (
        ("example-shoes", "noor", "abcd" * 6),
        ("example-shoes", "nobody", code),
        ("example-shoes", "jan", code),
        ("elsewhere", "noor", code),
        ("example-shoes", "noor", "?"),
    ):
        paper = new_browser().open("/welcome").fill(organisation=shop, username=name, code=typed).submit()
        errors.add((paper.status, paper.errors[0]))
    assert len(errors) == 1
    for _ in range(4):
        paper = new_browser().open("/welcome").fill(organisation="example-shoes", username="noor", code="x").submit()
    assert paper.status == 429


def test_wrong_codes_at_an_address_do_not_block_the_right_one(
    factory: Factory, quiet_shoes: str, new_browser, settings
) -> None:
    """A shop has one address. No browser knows a new user yet, but the printed code is right."""
    noor, code = invited(factory, quiet_shoes, printed=True)
    wrong = {"organisation": noor.store_url, "code": "abcd" * 6}
    for number in range(settings.limits.address_failures + 1):
        paper = new_browser().open("/welcome").fill(username=f"name-{number}", **wrong).submit()
    assert paper.status == 429
    assert new_browser().open("/welcome").fill(username="noor", **wrong).submit().status == 429
    paper = new_browser().open("/welcome").fill(organisation=noor.store_url, username="noor", code=code).submit()
    assert paper.heading == CHOOSE_A_PASSWORD


def test_no_code_is_printed_for_users_with_an_address(factory: Factory, quiet_shoes: str, jan) -> None:
    """V6.4.3: an administrator sees a code only where no mail is possible, and never for the owner."""
    boss = factory.make_user(quiet_shoes, "boss", role="administrator")
    with factory.context():
        organisation = factory.organisation(quiet_shoes)
        owner = users.user_named(quiet_shoes, "owner")
        assert owner is not None
        for person in (factory.user(jan), owner):
            with pytest.raises((Conflict, Forbidden)):
                invitations.print_code(factory.settings, organisation, person, Origin(Person(boss.id)))
