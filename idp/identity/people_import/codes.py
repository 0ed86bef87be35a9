"""Show the printed codes of an import: once, and only until they expire. Then they are wiped."""

from dataclasses import dataclass

from idp import clock
from idp.audit import Event, Origin, record
from idp.config import Settings
from idp.db import transaction
from idp.errors import Conflict, Unreadable, say
from idp.identity import permissions, sensitive_changes
from idp.identity.accounts import invitations
from idp.identity.people_import.jobs import content_of
from idp.identity.roles import Role
from idp.identity.sensitive_changes import Access
from idp.store import jobs as store
from idp.store import sealed
from idp.store.jobs import Job


@dataclass(frozen=True)
class Card:
    """Hold what one person gets on paper."""

    username: str
    name: str
    code: str


@dataclass(frozen=True)
class Sheet:
    """Hold the cards of an import. ``ended``: the usernames whose code opens nothing any more; they have no card."""

    cards: tuple[Card, ...]
    ended: tuple[str, ...]


def show_once(settings: Settings, job: Job, origin: Origin) -> Sheet:
    """Return the cards of an import in the order of its file. Raises ``Conflict`` at the second call.

    Codes may have ended since the import, for example as a person got another role.
    """
    permissions.require_ruler(job.organisation_id, origin)
    sensitive_changes.require(None, Access("printed_code", Role.ADMINISTRATOR))
    with transaction():
        if not store.show_codes(job.organisation_id, job.id, clock.now()):
            raise Conflict(say("These codes were already shown, or have expired. Print a new code on a person's page."))
        found = [_card(settings, line) for line in store.lines_with_code(job.organisation_id, job.id)]
        made = [card for card in found if card is not None]
        ended = invitations.ended_codes(job.organisation_id, {card.username: card.code for card in made})
        cards = tuple(card for card in made if card.username not in ended)
        store.wipe_codes(job.organisation_id, job.id)
        data = {"codes": len(cards), "job": job.id}
        record(origin, Event.CODES_SHOWN, organisation_id=job.organisation_id, data=data)
    return Sheet(cards, tuple(card.username for card in made if card.username in ended))


def wipe_expired(most: int) -> int:
    """Wipe the codes of imports that were not shown before they expired. Returns the number of imports."""
    now = clock.now()
    found = store.with_expired_codes(now, most)
    for job in found:
        store.close_codes(job.organisation_id, job.id, now)
        store.wipe_codes(job.organisation_id, job.id)
    return len(found)


def _card(settings: Settings, line: store.JobLine) -> Card | None:
    """Return a card; None where its sealing key was removed: a new code can be printed."""
    content = content_of(settings, line)
    try:
        code = sealed.JOB_CODES.open_json(settings.ring, line.id, line.sealed_code)
    except Unreadable:
        return None
    return Card(content["username"], content.get("name", ""), code)
