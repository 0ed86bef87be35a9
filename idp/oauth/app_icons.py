"""Fetch the icons of apps for people's home page, from ``logo_uri`` (OpenID Connect Registration §2).

Browsers load nothing from an address that an app chose: it would learn who signs in, and when. The worker fetches the
picture, draws it again as a small PNG, and pages show that copy. An app that registered itself gets none: nobody has looked
at it.
"""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import structlog

from idp import clock, crypto, outgoing
from idp.config import Settings
from idp.db import transaction
from idp.errors import Invalid
from idp.identity import pictures
from idp.store import app_icons as store
from idp.store import client_registrations, clients
from idp.store.clients import Client

SIDE = 96
"""Pixels of an icon, twice what pages show."""
AGAIN = timedelta(days=7)
"""After this time an address is asked again: for a new picture, or because it gave none."""
ROUND_SECONDS = 10.0
"""How long one round of the worker may take: mails come next."""

log = structlog.get_logger("oauth")


def fetch_due(settings: Settings) -> int:
    """Fetch icons that are missing or old. Returns how many addresses were asked. For the worker."""
    rows = {row.client_id: row for row in clients.clients() if row.metadata_.get("logo_uri")}
    alone = set(client_registrations.registered_among(list(rows)))
    wanted = {client_id: row for client_id, row in rows.items() if client_id not in alone}
    asked = {client_id: (address, at) for client_id, address, at in store.asked()}
    if gone := asked.keys() - wanted.keys():
        with transaction():
            store.drop(gone)
    return sum(_fetch(settings, row) for row in _due(wanted, asked))


def _due(wanted: dict[str, Client], asked: dict[str, tuple[str, datetime]]) -> Iterator[Client]:
    ends, now = time.monotonic() + ROUND_SECONDS, clock.now()
    for client_id, row in wanted.items():
        address, at = asked.get(client_id, ("", now))
        if (address != row.metadata_["logo_uri"] or now - at > AGAIN) and time.monotonic() < ends:
            yield row


def _fetch(settings: Settings, row: Client) -> int:
    address = row.metadata_["logo_uri"]
    image = _read(settings, address, only_public=bool(row.managed_by)) or store.image_from(row.client_id, address)
    with transaction():
        if clients.lock_client(row.client_id) is not None:
            store.put(row.client_id, crypto.new_id(), address, image, clock.now())
    return 1


def _read(settings: Settings, address: str, *, only_public: bool) -> bytes | None:
    """Return the picture as a PNG; None if there is none. ``only_public``: for an app that administrators manage."""
    try:
        answer = outgoing.get(settings, address, {"Accept": "image/png, image/jpeg, image/webp"}, only_public=only_public)
        if answer.status != 200:
            raise outgoing.NoAnswer(f"status {answer.status}")
        return pictures.as_png(pictures.redrawn(answer.body, (SIDE, SIDE)))
    except (outgoing.NoAnswer, Invalid) as error:
        log.warning("no_app_icon", address=address, why=str(error)[:200])
        return None
