"""End the access of users whose last day has passed: their sessions, grants and trust in devices. The worker runs this.

Their sign-ins are refused without it (``identity.access``). It ends what is open, so that relying apps are told.
"""

import threading
from datetime import UTC
from functools import partial

from idp import clock, zones
from idp.actors import System
from idp.audit import Event, Origin, record_about
from idp.batches import in_batches
from idp.identity import email_links
from idp.identity.access import DAY
from idp.identity.users.status import end_everything
from idp.store import access, organisations, users
from idp.store.organisations import Organisation

ORIGIN = Origin(System("worker"))


def end_due(stop: threading.Event | None = None) -> int:
    """End the access of everybody whose last day has passed, each once. Returns their number."""
    latest = clock.now().astimezone(UTC).date() + DAY  # it is tomorrow in some zones
    rows = (organisations.organisation(organisation_id) for organisation_id in access.organisations_with_ending(latest))
    return sum(in_batches(partial(_end_some, row), stop) for row in rows if row is not None)


def _end_some(organisation: Organisation, most: int) -> int:
    now = clock.now()
    found = access.lock_ending(organisation.id, zones.today(now, organisation.zone), most)
    for user in found:
        users.change_user(organisation.id, user.id, access_ended_at=now)
        email_links.void(user, "ownership")
        end_everything(user, "access_ended", ORIGIN)
        record_about(ORIGIN, Event.ACCESS_ENDED, user, day=str(user.valid_until))
    return len(found)
