"""Read one-time passwords that were mailed."""

from idp.actors import Person
from idp.audit import Origin
from idp.identity.credentials import password_reset
from idp.store import users
from tests.factories import Factory


def send_one_time(factory: Factory, person) -> None:
    with factory.context():
        boss = users.user_named(person.organisation_id, "owner")
        assert boss is not None
        organisation = factory.organisation(person.organisation_id)
        password_reset.send_one_time_password(factory.settings, organisation, factory.user(person), Origin(Person(boss.id)))


def sent_to(factory: Factory, person, postman) -> str:
    """Return the one-time password, from the mail."""
    send_one_time(factory, person)
    (mail,) = postman.bring(f"{person.username}@shoes.example")
    return next(line.strip() for line in mail.text.splitlines() if line.startswith("    "))
