"""``idp --help`` and ``idp --version`` are quick and correct."""

import subprocess
import sys
from importlib import metadata

import click
import pytest

from idp.cli import main


def test_the_list_has_the_summary_of_each_command() -> None:
    """The list is made without an import of the commands, so it could silently become outdated."""
    own = {name: main.get_command(click.Context(main), name).get_short_help_str(1000) for name in main.places}
    assert {name: place.help for name, place in main.places.items()} == own


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_no_command(option: str) -> None:
    """Users and the completion of a shell wait for them, so they import only click."""
    code = "import sys; from idp.cli import main; main([sys.argv[1]], standalone_mode=False); print(*sys.modules)"
    output = subprocess.run([sys.executable, "-c", code, option], capture_output=True, text=True, check=True).stdout
    assert {name for name in output.split() if name.startswith("idp.")} == {"idp.cli", "idp.cli.command"}
    assert "sqlalchemy" not in output.split()
    assert f"idp {metadata.version('sleutel')}" in output or option == "--help"
