"""Draw uploaded and fetched pictures again. Only the result is ever served.

A file that is a picture and a page at once is only a picture afterwards. Metadata of a camera (place, name, preview) is
dropped. SVG is refused, since it carries scripts and links.
"""

import struct
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

from idp.errors import Invalid, say
from idp.on_use import OnUse

if TYPE_CHECKING:
    import PIL
    from PIL import Image, ImageOps
else:
    PIL, Image, ImageOps = OnUse("PIL"), OnUse("PIL.Image"), OnUse("PIL.ImageOps")

MOST_BYTES = 1_048_576
MOST_PIXELS = 10_000_000
"""Pixels of an upload, by its header: 40 MB once decoded."""
JPEG = b"\xff\xd8"
"""The first bytes of a JPEG, also of one that Pillow calls MPO."""
SCAN = b"\xff\xda"
"""The marker before each scan of a JPEG (ITU-T T.81 §B.1.1.3). Its data never contain it."""
MOST_SCANS = 50
"""A progressive JPEG has about ten. A scan of 23 bytes goes over all pixels: of thousands, each would take as long."""
KINDS = ("PNG", "JPEG", "WEBP")
DAMAGED = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)
"""The exceptions that Pillow raises for a damaged file."""
HAS_TOO_MANY_PIXELS = say("This picture has too many pixels. Make it smaller: %(plenty)s is plenty.", plenty="480 × 160")
IS_DAMAGED = say("This picture is damaged. Save it again, or choose another one.")


def redrawn(upload: bytes, box: tuple[int, int]) -> "Image.Image":
    """Return a picture upright and scaled down to fit a box (width, height in pixels), without metadata.

    It is the first frame of an animation. Raises ``Invalid``. Decoding is slow.
    """
    image = _opened(upload)
    try:
        image.load()
        upright = ImageOps.exif_transpose(image)
        if upright.mode == "I;16":  # 16 bits of grey: Pillow would clip them, not scale them
            upright = upright.point(lambda value: value / 256).convert("L")
        drawn = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
        drawn.thumbnail(box, Image.Resampling.LANCZOS)
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
    if upload.startswith(JPEG) and upload.count(SCAN) > MOST_SCANS:
        raise Invalid("logo", IS_DAMAGED)
    return image


def as_png(image: "Image.Image") -> bytes:
    """Return a picture as a file."""
    written = BytesIO()
    image.save(written, "PNG", optimize=True)
    return written.getvalue()
