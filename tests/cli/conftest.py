"""The command line on a fresh, migrated database: ``idp("user", "list", …)`` as entered, and files for it."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from idp import config
from idp.cli import main
from idp.config import Settings
from idp.identity.users import lookup
from idp.store import organisations as store
from tests.conftest import CHEAP
from tests.conftest import SECRET as SEALING
from tests.drivers.applications import bare_app

SHOP = """\
[[organisations]]
store_url = "example-shoes"
name = "Example Shoes"
country = "NL"
owner = "olga"

[[users]]
organisation = "example-shoes"
username = "olga"
email = "olga@shoes.example"
email_verified = true
role = "owner"
password = "klompen staan buiten"
"""
ANNA = """
[[users]]
organisation = "example-shoes"
username = "anna"
email = "anna@shoes.example"
email_verified = true
given_name = "Anna"
password = "a sturdy kettle sings"
totp_secret = "ANNAANNAANNAANNAANNAANNAANNAANNA"
recovery_codes = ["abcdefg-hijkmnp", "bcdefgh-ijkmnpq"]
"""
SECRET = "0123456789abcdef0123456789abcdef"
PASSPHRASE = "seven quiet lanterns by the sea"
POS = f"""
[[clients]]
client_id = "pos"
client_secret = "{SECRET}"
client_name = "Kassa"
redirect_uris = ["http://localhost:8001/callback"]
first_party = true
"""


@dataclass
class Idp:
    """The command ``idp`` with its configuration, in a folder of its own."""

    folder: Path
    config: Path

    def __call__(
        self, *arguments: str, stdin: str | None = None, code: int = 0, env: dict[str, str] | None = None
    ) -> Result:
        """Run a command and expect this exit code. It must never show a traceback."""
        result = CliRunner().invoke(main, arguments, input=stdin, env={"IDP_CONFIG": str(self.config), **(env or {})})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result

    def apply(self, text: str, *options: str, code: int = 0, env: dict[str, str] | None = None) -> Result:
        """Apply a document of this text."""
        file = self.folder / "shop.toml"
        file.write_text(text, "utf-8")
        return self("apply", str(file), *options, code=code, env=env)

    def faults(self, text: str, *options: str) -> list[str]:
        """Return the faults for which a document is refused, without the folder's name."""
        output = self.apply(text, *options, code=1).stderr
        return [line.removeprefix(f"{self.folder}/") for line in output.splitlines() if line.startswith(str(self.folder))]

    def json(self, *arguments: str, stdin: str | None = None) -> Any:
        """Return the JSON that a command prints."""
        return json.loads(self(*arguments, stdin=stdin).stdout)

    def point_at(self, file: str) -> None:
        """Name another database than the prepared one: a file, whatever engine the test uses."""
        url = f'url = "sqlite:///{self.folder / file}"'
        self.config.write_text(re.sub(r'^url = ".*"$', url, self.config.read_text(), flags=re.MULTILINE))

    @property
    def settings(self) -> Settings:
        """Return the settings that the configuration gives."""
        return config.read(self.config)


@pytest.fixture
def idp(tmp_path: Path, database_url: str) -> Idp:
    """Return ``idp`` with cheap hashing."""
    file = tmp_path / "sleutel.toml"
    costs = "\n".join(f"{key} = {value}" for key, value in CHEAP.items())
    text = f'issuer = "https://id.example.com"\nsecrets = ["{SEALING}"]\n'
    text += f'[database]\nurl = "{database_url}"\n[passwords]\n{costs}\n'
    file.write_text(text)
    file.chmod(0o600)
    return Idp(tmp_path, file)


@pytest.fixture
def inside(idp: Idp) -> Iterator[Callable[[], Flask]]:
    """Return a function that opens the database of the command: ``with inside(): …``."""
    with bare_app(idp.settings) as app:
        yield app.app_context


@pytest.fixture
def anna(inside: Callable[[], Any]) -> Callable[[], Any]:
    """Return a function that reads Anna's row again."""

    def _read() -> Any:
        with inside():
            organisation = store.organisation_at("example-shoes")
            assert organisation is not None
            return lookup.find(organisation.id, "anna")

    return _read


def outcomes(text: str) -> dict[str, str]:
    """Return the printed outcome of each object, with its keys."""
    found = {}
    for line in text.splitlines()[:-1]:
        outcome, kind, name = line.split(maxsplit=2)
        found[f"{kind} {name.partition(':')[0]}"] = outcome + name[len(name.partition(":")[0]) :]
    return found
