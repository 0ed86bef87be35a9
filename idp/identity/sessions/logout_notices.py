"""Find ended sessions, and write a notice for each app that they were used with. ``oauth.backchannel_logout`` sends it.

A session that only ran out ends nothing at an app: it may keep its own session for longer than ours.
"""

from functools import partial

from idp import clock
from idp.batches import in_batches
from idp.store import clients, disabled_organisations, removals
from idp.store import logout_notices as store
from idp.store.kept import Kept

URI = "backchannel_logout_uri"
_TOLD_APPS = Kept(lambda: [row.client_id for row in clients.clients() if row.metadata_.get(URI)])


def note_ended() -> int:
    """Write the notices of all sessions that ended since. Returns the number of sessions."""
    now = clock.now()
    for organisation_id in removals.removed():
        in_batches(partial(store.end_sessions_of, organisation_id, now))
    for organisation_id in disabled_organisations.disabled():
        in_batches(partial(disabled_organisations.end_sessions, organisation_id, now))
    if store.an_ended_session() is None:
        return 0
    apps = told_apps()
    return in_batches(lambda most: store.note_ended(apps, clock.now(), most))


def told_apps() -> list[str]:
    """Return the ids of the apps that are told of ended sessions."""
    return _TOLD_APPS.get()


def due_apps() -> list[str]:
    """Return the ids of the apps that may be sent to now. An app that gave no answer is left alone until its next try."""
    if store.any_waiting() is None:
        return []
    now = clock.now()
    return [client_id for client_id in told_apps() if store.silent_until(client_id, now) is None]
