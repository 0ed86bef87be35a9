"""``idp --help`` and ``idp --version``: quick, and true."""

import subprocess
import sys
from importlib import metadata

import click
import pytest

from idp.cli import main


def test_the_list_of_commands_says_what_each_says_of_itself() -> None:
    """The list is made without importing the commands, so it could go out of date unseen."""
    own = {name: main.get_command(click.Context(main), name).get_short_help_str(1000) for name in main.places}
    assert {name: place.help for name, place in main.places.items()} == own


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_no_command(option: str) -> None:
    """A person waits for them, and so does a shell that completes words: nothing but click is imported."""
    code = "import sys; from idp.cli import main; main([sys.argv[1]], standalone_mode=False); print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code, option], capture_output=True, text=True, check=True).stdout
    assert {name for name in said.split() if name.startswith("idp.")} == {"idp.cli", "idp.cli.command"}
    assert "sqlalchemy" not in said.split()
    assert f"idp {metadata.version('sleutel')}" in said or option == "--help"
