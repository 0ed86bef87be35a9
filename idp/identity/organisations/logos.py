"""Adopt logos of organisations: an upload is drawn again (``identity.pictures``), and only that result is served."""

from typing import TYPE_CHECKING

from idp import audit, clock, crypto, db
from idp.audit import Event, Origin
from idp.db import outside_transaction
from idp.identity import permissions, pictures, sensitive_changes
from idp.identity.sensitive_changes import OrganisationState
from idp.store import logos as store
from idp.store.logos import LogoFacts
from idp.store.organisations import Organisation

if TYPE_CHECKING:
    from PIL import Image

BOX = (480, 160)
"""The most width and height in pixels of a stored logo: two to three times what pages show."""


@outside_transaction
def adopt(organisation: Organisation, upload: bytes, origin: Origin) -> None:
    """Make an upload the organisation's logo; raises ``Invalid``. Decoding is slow."""
    permissions.require_ruler(organisation.id, origin)
    sensitive_changes.require(*_logo_change(crypto.sha256(upload).hex()))
    db.release()
    image = pictures.redrawn(upload, BOX)
    logo = LogoFacts(crypto.new_id(), image.width, image.height, ground_for(image))
    with db.transaction():
        store.put_logo(organisation.id, logo, pictures.as_png(image), clock.now())
        _record(organisation, origin)


def remove(organisation: Organisation, origin: Origin) -> bool:
    """Remove the logo, within the caller's transaction. Returns whether there was one."""
    permissions.require_ruler(organisation.id, origin)
    sensitive_changes.require(*_logo_change(""))
    was_there = store.delete_logo(organisation.id)
    if was_there:
        _record(organisation, origin)
    return was_there


def _logo_change(logo: str) -> tuple[OrganisationState, OrganisationState]:
    """Return the states of a change. The present logo is not compared: an upload is always a change."""
    return OrganisationState({"logo": None}), OrganisationState({"logo": logo})


def _record(organisation: Organisation, origin: Origin) -> None:
    audit.record(origin, Event.ORGANISATION_CHANGED, organisation_id=organisation.id, data={"keys": ["logo"]})


def ground_for(image: "Image.Image") -> str:
    """Return ``light`` or ``dark``: the ground on which a transparent logo can be seen; empty if any ground will do.

    Black letters are lost on a dark page, white ones on a light page. Pure.
    """
    if image.mode != "RGBA":
        return ""
    ink = image.convert("L").histogram(mask=image.getchannel("A").point(lambda alpha: 255 if alpha > 127 else 0))
    inked = sum(ink)
    dark, light = sum(ink[:60]), sum(ink[200:])
    if not inked or max(dark, light) < inked / 10:
        return ""
    return "light" if dark >= light else "dark"
