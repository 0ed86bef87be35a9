"""An uploaded logo is refused in plain words, or drawn again so that nothing of the file remains."""

import struct
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from idp.actors import Person
from idp.audit import Origin
from idp.db import transaction
from idp.errors import Forbidden, Invalid, NotFound
from idp.identity.organisations import logos
from idp.identity.pictures import MOST_BYTES, redrawn
from idp.store import audit as trail
from idp.store import logos as store
from idp.store import removals
from tests.drivers import pictures
from tests.factories import BY_TESTS, Factory

REFUSED = {
    "a text named .png": (b"This is a text.\n", "not a supported picture"),
    "an SVG": (pictures.SVG, "not a supported picture"),
    "a GIF": (pictures.picture("GIF"), "not a supported picture"),
    "a BMP": (pictures.picture("BMP"), "not a supported picture"),
    "a TIFF": (pictures.picture("TIFF"), "not a supported picture"),
    "nothing": (b"", "not a supported picture"),
    "a signature alone": (b"\x89PNG\r\n\x1a\n", "not a supported picture"),
    "half a PNG": (pictures.picture(size=(2000, 900))[:-2000], "damaged"),
    "half a JPEG": (pictures.picture("JPEG")[:1500], "damaged"),
    "a JPEG of many scans": (pictures.of_many_scans(100), "damaged"),
    "half a WebP": (pictures.picture("WEBP", lossless=True)[:-30], "damaged|no picture"),
    "a header of 30000 × 30000": (pictures.header_of(30_000, 30_000), "too many pixels"),
    "a header of 12000 × 9000": (pictures.header_of(12_000, 9_000), "too many pixels"),
    "a header of 2³¹−1 × 1": (pictures.header_of(2**31 - 1, 1), "too many pixels"),
    "one byte too many": (pictures.picture() + bytes(MOST_BYTES), "too large"),
}
"""An upload, and the message about it."""
TAKEN = {
    "a PNG": pictures.picture(),
    "a JPEG": pictures.picture("JPEG"),
    "a progressive JPEG": pictures.picture("JPEG", progressive=True),
    "a JPEG of forty scans": pictures.of_many_scans(30),
    "a JPEG for print": pictures.encoded(Image.new("CMYK", (300, 90), (0, 90, 90, 0)), "JPEG"),
    "a WebP": pictures.picture("WEBP"),
    "a PNG of 16 bits of grey": pictures.encoded(Image.new("I;16", (300, 90), 30_000)),
    "a PNG with a palette": pictures.encoded(Image.open(BytesIO(pictures.see_through("navy"))).quantize(8)),
    "a photograph": pictures.from_a_phone(),
    "a PNG of one pixel": pictures.picture(size=(1, 1)),
    "a very long one": pictures.picture(size=(9_000, 2)),
}
CAMERA = (b"Exif", b"Camera", b"taken at home", b"ICC", b"JFIF")


@pytest.fixture
def shoes(factory: Factory) -> str:
    """Create an organisation."""
    return factory.make_organisation()


def adopted(factory: Factory, organisation_id: str, upload: bytes) -> tuple[store.LogoFacts, bytes]:
    """Return what is stored of an upload."""
    with factory.context():
        logos.adopt(factory.organisation(organisation_id), upload, BY_TESTS)
        kept = store.logo_of(organisation_id)
        assert kept is not None
        image = store.image_of(kept.id)
        assert image is not None
    return kept, image


def chunks(png: bytes) -> list[bytes]:
    """Return the names of a PNG's chunks."""
    found, at = [], 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        found.append(png[at + 4 : at + 8])
        at += 12 + length
    assert at == len(png), "there is data after the picture"
    return found


@pytest.mark.parametrize("what", REFUSED)
def test_an_unsuitable_logo_is_refused_with_a_plain_reason(factory: Factory, shoes: str, what: str) -> None:
    """ASVS V5.2.2, V5.2.6: the content, the size and the number of pixels are checked before decoding. Nothing is stored."""
    upload, reason = REFUSED[what]
    with factory.context():
        with pytest.raises(Invalid, match=reason) as refusal:
            logos.adopt(factory.organisation(shoes), upload, BY_TESTS)
        assert refusal.value.field == "logo"
        assert store.logo_of(shoes) is None


@pytest.mark.parametrize("what", TAKEN)
def test_a_logo_is_stored_as_a_small_png_of_its_pixels(factory: Factory, shoes: str, what: str) -> None:
    """V5.2.2: logos are encoded again, so no other part of the file is ever served."""
    kept, image = adopted(factory, shoes, TAKEN[what])
    assert set(chunks(image)) == {b"IHDR", b"IDAT", b"IEND"}
    shown = Image.open(BytesIO(image), formats=("PNG",))
    assert shown.size == (kept.width, kept.height)
    assert shown.width <= logos.BOX[0]
    assert shown.height <= logos.BOX[1]


def test_sixteen_bit_grey_keeps_its_shade(factory: Factory, shoes: str) -> None:
    """Values are scaled to eight bits, not clipped to white."""
    _, image = adopted(factory, shoes, TAKEN["a PNG of 16 bits of grey"])
    assert Image.open(BytesIO(image)).getpixel((5, 5)) == (117, 117, 117)


def test_a_photograph_is_turned_upright_and_loses_its_metadata(factory: Factory, shoes: str) -> None:
    """V5.2.2, V14.2.8: the camera's orientation is applied first. Then all metadata, such as the place, is dropped."""
    upload = pictures.from_a_phone()
    assert pictures.GPS in Image.open(BytesIO(upload)).getexif()
    kept, image = adopted(factory, shoes, upload)
    assert kept.height > kept.width
    shown = Image.open(BytesIO(image))
    assert not shown.getexif()
    assert not shown.info
    assert not [mark for mark in CAMERA if mark in image]
    top = shown.convert("RGB").getpixel((shown.width // 2, 3))
    assert isinstance(top, tuple)
    assert top[2] > top[0], "the left side is not on top"


def test_html_in_a_picture_is_not_served(factory: Factory, shoes: str) -> None:
    """V5.2.2, V1.5.1: HTML behind the picture or in its comments is dropped."""
    for upload in (pictures.picture() + pictures.PAGE, pictures.picture("JPEG", comment=pictures.PAGE)):
        _, image = adopted(factory, shoes, upload)
        assert b"<script" not in image
        assert chunks(image)[-1] == b"IEND"


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_the_first_frame_of_an_animation_is_kept(factory: Factory, shoes: str, kind: str) -> None:
    """Nothing moves on a sign-in page (WCAG 2.2.2)."""
    _, image = adopted(factory, shoes, pictures.animated(kind))
    shown = Image.open(BytesIO(image))
    assert getattr(shown, "n_frames", 1) == 1
    pixel = shown.convert("RGB").getpixel((60, 20))
    assert isinstance(pixel, tuple)
    assert pixel[0] > pixel[2]


@pytest.mark.parametrize(
    ("ink", "ground"), [("#101010", "light"), ("#ffffff", "dark"), ("#d0021b", ""), ("#0b3d91", "light")]
)
def test_a_transparent_logo_stays_transparent_with_a_background(factory: Factory, shoes: str, ink: str, ground: str) -> None:
    """A black name must stay visible on a dark page, and a white one on a light page."""
    kept, image = adopted(factory, shoes, pictures.see_through(ink))
    assert kept.ground == ground
    corner = Image.open(BytesIO(image)).getpixel((kept.width - 1, 0))
    assert isinstance(corner, tuple)
    assert corner[3] == 0


def test_a_picture_of_one_colour_has_no_background() -> None:
    """A fully transparent picture, or one of a single colour, has nothing that a background could hide."""
    assert logos.ground_for(Image.new("RGBA", (10, 10), (0, 0, 0, 0))) == ""
    assert logos.ground_for(Image.new("RGB", (10, 10), "black")) == ""


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of odd metadata, which is dropped
@given(st.data())
def test_a_damaged_picture_never_causes_a_server_error(data: st.DataObject) -> None:
    """V16.5.3: with changed bytes anywhere, in every format, the result is a picture or a refusal."""
    upload = bytearray(TAKEN[data.draw(st.sampled_from(["a PNG", "a JPEG", "a WebP", "a photograph"]))])
    for _ in range(data.draw(st.integers(1, 8))):
        upload[data.draw(st.integers(0, len(upload) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Invalid):
        assert redrawn(bytes(upload), logos.BOX).width <= logos.BOX[0]


def test_a_new_logo_has_a_new_address_and_the_old_one_ends(factory: Factory, shoes: str) -> None:
    """Browsers may cache an address for ever, so it names one upload only, even if the same file is sent again."""
    first, _ = adopted(factory, shoes, pictures.picture())
    second, _ = adopted(factory, shoes, pictures.picture())
    assert first.id != second.id
    with factory.context():
        assert store.image_of(first.id) is None


def test_a_logo_is_deleted_by_removal_and_with_its_organisation(factory: Factory, shoes: str) -> None:
    """I8: no orphan rows."""
    kept, _ = adopted(factory, shoes, pictures.picture())
    with factory.context():
        row = factory.organisation(shoes)
        with transaction():
            assert logos.remove(row, BY_TESTS)
            assert not logos.remove(row, BY_TESTS)
        assert store.image_of(kept.id) is None
    kept, _ = adopted(factory, shoes, pictures.picture())
    with factory.context(), transaction():
        removals.close_organisation(shoes, "~")
        assert store.image_of(kept.id) is None


def test_only_administrators_of_the_organisation_set_its_logo(factory: Factory, shoes: str) -> None:
    """S13: employees and administrators of another organisation are refused."""
    anna = factory.make_user(shoes, "anna", role="administrator", email="anna@shoes.example")
    jan = factory.make_user(shoes, "jan")
    bob = factory.make_user(factory.make_organisation("toys"), "bob", role="administrator", email="bob@toys.example")
    with factory.context():
        row = factory.organisation(shoes)
        for person, refusal in ((jan, Forbidden), (bob, NotFound)):
            with pytest.raises(refusal):
                logos.adopt(row, pictures.picture(), Origin(Person(person.id)))
            with pytest.raises(refusal), transaction():
                logos.remove(row, Origin(Person(person.id)))
        assert store.logo_of(shoes) is None
        logos.adopt(row, pictures.picture(), Origin(Person(anna.id)))
        assert store.logo_of(shoes) is not None


def test_each_change_of_the_logo_is_audited(factory: Factory, shoes: str) -> None:
    """I1: each change writes one row that names the setting. A refused upload, or a removal without a logo, writes none."""
    with factory.context():
        before = len(trail.rows(shoes))
        row = factory.organisation(shoes)
        logos.adopt(row, pictures.picture(), BY_TESTS)
        with transaction():
            logos.remove(row, BY_TESTS)
            logos.remove(row, BY_TESTS)
        with pytest.raises(Invalid):
            logos.adopt(row, pictures.SVG, BY_TESTS)
        rows = trail.rows(shoes)[before:]
        assert [(one.event, one.data) for one in rows] == [("organisation:changed", {"keys": ["logo"]})] * 2
