"""List relying apps by id, page by page: all, those that serve an organisation, those that no operator registered."""

from collections.abc import Iterator, Mapping

from sqlalchemy import ColumnElement, exists, select, true

from idp.keyset import Place, page_of
from idp.store.client_registrations import ClientRegistration, RegistrationToken
from idp.store.clients import Client, is_near

CHUNK = 200
ONLY: Mapping[str, ColumnElement[bool]] = {
    "": true(),
    "self": exists().where(ClientRegistration.client_id == Client.client_id),
    "managed": Client.managed_by != "",
}
"""What narrows a list: to apps that registered themselves, or to those that administrators connected."""


def listed(place: Place | None, most: int, *, organisation_id: str = "", only: str = "") -> list[Client]:
    """Return a page of the clients by ``client_id``; with an organisation, of those that serve it.

    Which of the operators' clients do is known after reading: it reads chunk by chunk until the page is full.
    """
    here, found = [ONLY[only], *([is_near(organisation_id)] if organisation_id else [])], list[Client]()
    while len(found) < most:
        chunk = page_of(select(Client).where(*here), (Client.client_id,), place, most)
        wanted = [row for row in chunk if not organisation_id or row.serves(organisation_id)]
        is_before = place is not None and place.is_before
        found = [*wanted, *found] if is_before else [*found, *wanted]
        if len(chunk) < most:
            break
        place = Place((chunk[0 if is_before else -1].client_id,), is_before)
    return found[-most:] if place is not None and place.is_before else found[:most]


def place_of(name: str, *, is_before: bool) -> Place:
    """Return the place of a client in the list, even if it is gone."""
    return Place((name,), is_before)


def each(only: str = "") -> Iterator[list[Client]]:
    """Yield all clients by ``client_id``, in batches. A reader may release the connection between two of them."""
    place = None
    while rows := listed(place, CHUNK, only=only):
        yield rows
        place = Place((rows[-1].client_id,))


def each_token() -> Iterator[list[RegistrationToken]]:
    """Yield all initial access tokens, the newest first, in batches."""
    columns, place = (RegistrationToken.created_at, RegistrationToken.id), None
    while rows := page_of(select(RegistrationToken), columns, place, CHUNK, descending=True):
        yield rows
        place = Place((rows[-1].created_at, rows[-1].id))
