"""Read the events of one person."""

from idp.store import audit
from tests.factories import Factory


def events(factory: Factory, organisation_id: str) -> list[str]:
    with factory.context():
        return [row.event for row in audit.rows(organisation_id)]
