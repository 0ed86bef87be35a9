"""What one event of the audit log closes in a backup that is older than it."""

import pytest

from idp.audit import Event
from idp.backup.changes import Changes
from idp.store.audit import AuditRow

ORGANISATION, USER, ADMINISTRATOR = "o" * 26, "u" * 26, "a" * 26
ACCOUNT = (ORGANISATION, USER)


def after(event: Event, actor: str = ADMINISTRATOR, **data: object) -> dict[str, object]:
    """What is not empty after this event about the user."""
    changes = Changes()
    row = AuditRow(organisation_id=ORGANISATION, subject_id=USER, actor_id=actor, event=str(event), client_id="", data=data)
    changes.note(row)
    return {name: value for name, value in vars(changes).items() if value}


@pytest.mark.parametrize(
    ("event", "closed"),
    [
        (Event.USER_DISABLED, {"accounts", "passwords"}),
        (Event.USER_CHANGED, {"accounts", "passwords"}),
        (Event.ADDRESS_CHANGED, {"accounts", "passwords"}),
        (Event.ADDRESS_RESTORED, {"accounts", "passwords"}),
        (Event.OWNERSHIP_GIVEN, {"accounts", "passwords"}),
        (Event.OWNER_APPOINTED, {"accounts", "passwords"}),
        (Event.OWNER_RECOVERY_DONE, {"accounts", "passwords", "factors"}),
        (Event.PASSWORD_CHANGED, {"passwords"}),
        (Event.PASSWORD_SENT, {"passwords"}),
        (Event.ACCOUNT_LOCKED, {"passwords"}),
        (Event.FACTOR_SET_UP, {"passwords", "factors"}),
        (Event.FACTOR_SET_UP_AGAIN, {"passwords", "factors"}),
        (Event.FACTOR_REMOVED, {"passwords", "factors"}),
        (Event.FACTOR_RESET, {"passwords", "factors"}),
        (Event.FACTOR_REQUIRED, {"required"}),
        (Event.PASSKEY_ADDED, {"passwords", "factors"}),
        (Event.PASSKEY_REMOVED, {"passwords", "factors"}),
        (Event.USER_ENABLED, set()),
        (Event.ORGANISATION_DISABLED, {"disabled"}),
        (Event.ORGANISATION_ENABLED, {"gone"}),
        (Event.SIGNED_IN, set()),
        (Event.PASSWORD_WRONG, set()),
        (Event.USER_CREATED, {"gone"}),
        (Event.GROUP_CHANGED, {"gone"}),
        (Event.KEY_ROTATED, {"has_rotated"}),
    ],
)
def test_each_event_closes_what_it_replaced(event: Event, closed: set[str]) -> None:
    """I3: a second factor that was set up since means that the password alone was enough in the backup."""
    found = after(event)
    assert set(found) == closed
    for name in closed & {"accounts", "passwords", "factors", "required"}:
        assert found[name] == {ACCOUNT}


def test_what_people_change_of_themselves_closes_nothing() -> None:
    """Name and language are no rights."""
    assert after(Event.USER_CHANGED, USER) == {}


def test_an_organisation_that_was_removed_is_named() -> None:
    """Everybody in it is closed again."""
    changes = Changes()
    event = str(Event.ORGANISATION_CHANGED)
    row = AuditRow(organisation_id=ORGANISATION, subject_id="", actor_id="cli", event=event, data={"removed": True})
    changes.note(row)
    assert changes.removed == {ORGANISATION}
    assert not changes.accounts


@pytest.mark.parametrize("event", [Event.CLIENT_CHANGED, Event.CLIENT_DELETED])
def test_an_app_that_changed_is_named(event: Event) -> None:
    """Its secret or its addresses may be others now."""
    changes = Changes()
    changes.note(AuditRow(organisation_id="", subject_id="", actor_id="cli", client_id="till", event=str(event), data={}))
    assert changes.clients == {"till"}
