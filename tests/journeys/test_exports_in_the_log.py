"""Each file of people, or of the audit log, that somebody gets is in the audit log (S73)."""

import pytest

from idp import worker
from idp.audit import Event
from idp.identity.exports import files, writing
from idp.store import audit
from tests.factories import Factory

PEOPLE = "/admin/example-shoes/people/export.csv"
AUDIT = "/admin/example-shoes/audit/export"


@pytest.mark.parametrize("at_once", [3, 1_000])
def test_each_file_that_is_handed_out_is_in_the_audit_log(
    factory: Factory, enter, shoes, anna, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Short and long files, of people and of the log, leave the same row: who got how many lines."""
    monkeypatch.setattr(files, "AT_ONCE", at_once)
    monkeypatch.setattr(writing, "CHUNK", 2)
    for at in range(4):
        factory.make_user(shoes, f"till{at}")
    browser = enter(anna)

    def handed_out(address: str, event: Event) -> list[tuple[str, int]]:
        if at_once == 3:
            address = f"{browser.open(address).submit('Make the file').url}/download"
            with factory.context():
                sum(worker.carry_out_jobs(factory.settings) for _ in range(9))
        assert browser.open(address).html
        with factory.context():
            rows = [row for row in audit.rows(shoes) if row.event == event]
        return [(row.actor_id, row.data["lines"]) for row in rows]

    assert handed_out(PEOPLE, Event.PEOPLE_EXPORTED) == [(anna.id, 5)]
    ((who, lines),) = handed_out(f"{AUDIT}.csv", Event.AUDIT_EXPORTED)
    assert (who, lines > 5) == (anna.id, True)
    assert "People exported to a file" in browser.open("/admin/example-shoes/audit").text
