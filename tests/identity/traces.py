"""What a user has that can be ended, and what of it remains: for tests of what ends when."""

from datetime import timedelta

from idp import clock, crypto
from idp.actors import Person
from idp.audit import Origin, chain
from idp.config import Settings
from idp.db import transaction
from idp.identity.assurance import Proof
from idp.identity.credentials import remembered_devices
from idp.identity.organisations.settings import settings_of
from idp.identity.sessions import sessions
from idp.store import attempts, grants, users
from idp.store import audit as audit_rows
from idp.store.attempts import Attempt
from idp.store.grants import Grant
from idp.store.organisations import Group, Organisation
from idp.store.users import User

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def by(user: User) -> Origin:
    """Return an origin in which this user acts."""
    return Origin(Person(user.id), address="192.0.2.7")


def fresh(user: User) -> User:
    """Return the user as the database has it now."""
    found = users.user(user.organisation_id, user.id)
    assert found is not None
    return found


def events(organisation: Organisation) -> list[str]:
    """Return the events of the audit log and check its chain."""
    assert chain.verify(organisation.id) is None
    return [row.event for row in audit_rows.rows(organisation.id)]


def add_group(organisation: Organisation, name: str, *, requires_mfa: bool = True) -> None:
    """Create a group."""
    from idp.rows import add

    with transaction():
        add(Group(organisation_id=organisation.id, id=crypto.new_id(), name=name, requires_mfa=requires_mfa))


class Presence:
    """Everything of a user that can be ended: a session with a grant, a sign-in in progress and trust in a device."""

    def __init__(self, settings: Settings, organisation: Organisation, user: User) -> None:
        now, self.user = clock.now(), user
        terms = settings_of(settings, organisation)
        proofs = [Proof("password", now)]
        place = sessions.Place("", "Firefox", "192.0.2.7")
        self.login_id, started = sessions.start(settings, terms, user, proofs, place, now)
        self.cookie = started.value
        self.grant_id, self.attempt, self.device = crypto.new_id(), crypto.random_bytes(32), crypto.new_secret()
        remembered_devices.remember(settings, terms, user, self.device, "Firefox", now)
        later = now + timedelta(hours=1)
        with transaction():
            grants.add_grant(
                Grant(
                    organisation_id=organisation.id, id=self.grant_id, user_id=user.id, client_id="pos",
                    login_id=self.login_id, created_at=now, ends_at=later,
                )
            )  # fmt: skip
            attempts.add_attempt(
                Attempt(
                    digest=self.attempt, browser_id="b", needs={}, organisation_id=organisation.id, user_id=user.id,
                    created_at=now, expires_at=later,
                )
            )  # fmt: skip

    def left(self) -> set[str]:
        """Return the names of what still works."""
        now, here = clock.now(), self.user.organisation_id
        grant = grants.grant(here, self.grant_id)
        attempt = attempts.attempt_of(self.attempt, "b", now)
        holds = {
            "login": sessions.current(self.cookie, now) is not None,
            "grant": grant is not None and grant.revoked_at is None,
            "attempt": attempt is not None and (attempt.user_id is not None or bool(attempt.sealed)),
            "device": remembered_devices.trust(here, self.user.id, self.device, now) is not None,
        }
        return {name for name, held in holds.items() if held}
