"""Read offers of the ownership, and what they changed."""

from idp.store import audit as audit_rows
from tests.drivers.browser import Browser
from tests.drivers.people import everybody
from tests.drivers.postman import Received
from tests.factories import Factory, MadePerson

AT = "/admin/example-shoes"


BOSS, IRIS, ANNA = "boss@shoes.example", "iris@shoes.example", "anna@shoes.example"


def roles(factory: Factory, *persons: MadePerson) -> list[str]:
    with factory.context():
        return [factory.user(person).role for person in persons]


def owner_id(factory: Factory, shoes: str) -> str | None:
    with factory.context():
        return factory.organisation(shoes).owner_id


def mails_by_subject(mails: list[Received]) -> set[tuple[str, str]]:
    return {(mail.to, mail.subject) for mail in mails}


def events(factory: Factory, shoes: str) -> list[tuple[str, str, str]]:
    """Return what the audit log says about the ownership: event, actor and subject."""
    with factory.context():
        names = {user.id: user.username for user in everybody(shoes)}
        rows = [row for row in audit_rows.rows(shoes) if row.event.startswith("ownership:")]
        return [(row.event.partition(":")[2], names.get(row.actor_id, "-"), names[row.subject_id]) for row in rows]


def link_to(mails: list[Received], address: str) -> str:
    return next(mail.link for mail in mails if mail.to == address)


def sign_in_as_iris(browser: Browser, iris: MadePerson) -> Browser:
    browser.fill(username=iris.username, password=iris.password).submit()
    return browser.fill(code=iris.authenticator.code()).submit()
