"""Adopt logos of organisations. An upload is decoded and encoded again, and only that result is served.

A file that is a picture and a page at once is only a picture afterwards. Metadata of a camera (place, name, preview) is
dropped. SVG is refused, since it carries scripts and links.
"""

import struct
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

from idp import audit, clock, crypto, db
from idp.audit import Event, Origin
from idp.db import outside_transaction
from idp.errors import Invalid, say
from idp.identity import permissions, sensitive_changes
from idp.identity.sensitive_changes import OrganisationState
from idp.on_use import OnUse
from idp.store import logos as store
from idp.store.logos import LogoFacts
from idp.store.organisations import Organisation

if TYPE_CHECKING:
    import PIL
    from PIL import Image, ImageOps
else:
    PIL, Image, ImageOps = OnUse("PIL"), OnUse("PIL.Image"), OnUse("PIL.ImageOps")

MOST_BYTES = 1_048_576
MOST_PIXELS = 10_000_000
"""Pixels of an upload, by its header: 40 MB once decoded."""
BOX = (480, 160)
"""The most width and height in pixels of a stored logo: two to three times what pages show."""
KINDS = ("PNG", "JPEG", "WEBP")
DAMAGED = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)
"""The exceptions that Pillow raises for a damaged file."""
HAS_TOO_MANY_PIXELS = say(
    "This picture has too many pixels. Make it smaller: %(plenty)s is plenty.", plenty=f"{BOX[0]} × {BOX[1]}"
)
IS_DAMAGED = say("This picture is damaged. Save it again, or choose another one.")


@outside_transaction
def adopt(organisation: Organisation, upload: bytes, origin: Origin) -> None:
    """Make an upload the organisation's logo; raises ``Invalid``. Decoding is slow."""
    permissions.require_ruler(organisation.id, origin)
    sensitive_changes.require(*_logo_change(crypto.sha256(upload).hex()))
    db.release()
    image = _redraw(upload)
    logo = LogoFacts(crypto.new_id(), image.width, image.height, ground_for(image))
    with db.transaction():
        store.put_logo(organisation.id, logo, _as_png(image), clock.now())
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


def _redraw(upload: bytes) -> "Image.Image":
    """Return the picture upright and scaled down, without metadata; the first frame of an animation."""
    image = _opened(upload)
    try:
        image.load()
        upright = ImageOps.exif_transpose(image)
        if upright.mode == "I;16":  # 16 bits of grey: Pillow would clip them, not scale them
            upright = upright.point(lambda value: value / 256).convert("L")
        drawn = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
        drawn.thumbnail(BOX, Image.Resampling.LANCZOS)
    except DAMAGED as fault:
        raise Invalid("logo", IS_DAMAGED) from fault
    drawn.info.clear()
    return drawn


def _opened(upload: bytes) -> "Image.Image":
    """Open a picture, reading its header only. The format is detected from the content, not from the file name."""
    if len(upload) > MOST_BYTES:
        raise Invalid("logo", say("This file is too large. A logo may be up to %(most)s MB.", most=MOST_BYTES // 1_048_576))
    try:
        image = Image.open(BytesIO(upload), formats=KINDS)
    except PIL.UnidentifiedImageError as fault:
        raise Invalid("logo", say("This file is not a supported picture. Choose a PNG, JPEG or WebP file.")) from fault
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as fault:
        raise Invalid("logo", HAS_TOO_MANY_PIXELS) from fault
    except DAMAGED as fault:
        raise Invalid("logo", IS_DAMAGED) from fault
    if image.width * image.height > MOST_PIXELS:
        raise Invalid("logo", HAS_TOO_MANY_PIXELS)
    return image


def _as_png(image: "Image.Image") -> bytes:
    written = BytesIO()
    image.save(written, "PNG", optimize=True)
    return written.getvalue()


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
