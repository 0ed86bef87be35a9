"""Make pictures that people upload, and pictures that must be refused."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw, TiffImagePlugin

GPS = 0x8825
ORIENTATION = 0x0112
RED, BLUE = (200, 16, 46), (11, 61, 145)


def picture(kind: str = "PNG", size: tuple[int, int] = (640, 200), mode: str = "RGB", **options: Any) -> bytes:
    """Return a red picture with a blue left half."""
    image = Image.new(mode, size, RED if mode.startswith("RGB") else 120)
    if mode.startswith("RGB"):
        image.paste(BLUE, (0, 0, size[0] // 2, size[1]))
    return encoded(image, kind, **options)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Return the file of a picture."""
    written = BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def see_through(ink: str, size: tuple[int, int] = (600, 160)) -> bytes:
    """Return a name in one colour on a transparent ground, as most logos are."""
    image = Image.new("RGBA", size, (0, 0, 0, 0))
    drawing = ImageDraw.Draw(image)
    drawing.rounded_rectangle((8, 8, 152, 152), 40, outline=ink, width=20)
    drawing.line((50, 110, 110, 50), fill=ink, width=20)
    drawing.text((190, 16), "Velora", fill=ink, font_size=110)
    return encoded(image)


def from_a_phone() -> bytes:
    """Return a photograph taken upright and stored lying, with an orientation, a place and a camera's name."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[0x010F] = "Camera of Ann"
    exif[GPS] = {1: "N", 2: tuple(TiffImagePlugin.IFDRational(part) for part in (52, 22, 1))}
    return picture("JPEG", (400, 200), exif=exif, comment=b"taken at home")


def animated(kind: str) -> bytes:
    """Return two frames, red and blue."""
    frames = [Image.new("RGB", (120, 40), colour) for colour in (RED, BLUE)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)


def of_many_scans(scans: int, size: tuple[int, int] = (64, 64)) -> bytes:
    """Return a progressive JPEG with its last scan repeated so many times. Each scan costs a pass over all pixels."""
    whole = picture("JPEG", size, "L", progressive=True)
    last = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + last * scans + whole[-2:]


def header_of(width: int, height: int) -> bytes:
    """Return a PNG of some hundred bytes whose header claims this size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
PAGE = b"<html><script>alert(1)</script></html>"
