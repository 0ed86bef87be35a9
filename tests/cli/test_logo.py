"""``idp organisation logo``, and ``colour`` in a file for ``idp apply``, use the functions of the console."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from idp.store import logos
from idp.store import organisations as store
from tests.cli.conftest import SHOP, Idp
from tests.drivers import pictures

COLOURED = '\n[organisations.settings]\ncolour = "{}"\n\n[[users]]'


def test_a_logo_is_set_and_removed_from_the_command_line(idp: Idp, inside: Callable[[], Any], tmp_path: Path) -> None:
    """A refused file gets one line and is not stored."""

    def kept() -> logos.LogoFacts | None:
        with inside():
            row = store.organisation_at("example-shoes")
            assert row is not None
            return logos.logo_of(row.id)

    idp.apply(SHOP)
    file = tmp_path / "logo.png"
    file.write_bytes(pictures.SVG)
    assert "Choose a PNG, JPEG or WebP file." in idp("organisation", "logo", "example-shoes", str(file), code=1).output
    assert kept() is None
    file.write_bytes(pictures.picture())
    idp("organisation", "logo", "no-such-shop", str(file), code=1)
    idp("organisation", "logo", "example-shoes", code=2)
    idp("organisation", "logo", "example-shoes", str(file))
    assert kept() is not None
    idp("organisation", "logo", "example-shoes", "--remove")
    assert kept() is None


def test_a_colour_is_applied_from_a_file(idp: Idp) -> None:
    """A second run changes nothing. An invalid colour is reported with its line."""
    coloured = SHOP.replace("\n[[users]]", COLOURED.format("#0b3d91"))
    idp.apply(coloured)
    assert idp.json("organisation", "show", "example-shoes")["settings"]["colour"] == "#0b3d91"
    assert "0 created, 0 changed, 0 removed" in idp.apply(coloured).output
    (fault,) = idp.faults(coloured.replace("#0b3d91", "navy"))
    assert "colour" in fault
