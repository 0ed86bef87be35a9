"""``idp run`` refuses to start if it could not serve. It prints one line with the remedy and no traceback."""

import sqlite3
from pathlib import Path

import pytest

from idp import config
from tests.cli.conftest import ANNA, SHOP, Idp
from tests.conftest import SECRET
from tests.drivers.deadline import deadline
from tests.drivers.machine import free_port


def refused(idp: Idp, *options: str) -> str:
    """Return the one line with which a start is refused."""
    free = {"IDP_SERVER__BIND": f"127.0.0.1:{free_port()}"}
    with deadline("idp run was not refused, and serves", 60):
        lines = idp("run", *options, code=1, env=free).stderr.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0].removeprefix("Error: ")


def database_of(idp: Idp) -> Path:
    """Return the SQLite file."""
    return idp.folder / "sleutel.sqlite3"


def test_a_start_with_other_sealing_keys_is_refused(idp: Idp) -> None:
    """Another key sealed the signing keys."""
    idp.config.write_text(idp.config.read_text().replace(SECRET, config.new_ring_entry("other")))
    assert refused(idp).startswith("secrets: they do not open what is stored (signing key: ")


def test_a_start_without_one_sealing_key_is_refused(idp: Idp) -> None:
    """A removed key sealed an authenticator app."""
    idp.apply(SHOP + ANNA)
    with sqlite3.connect(database_of(idp)) as connection:
        connection.execute("UPDATE totp SET sealed_secret = CAST(x'0103676f6e' || substr(sealed_secret, 7) AS BLOB)")
    assert refused(idp).startswith("secrets: they do not open what is stored (authenticator app: ")


def test_a_start_on_tables_of_another_version_is_refused(idp: Idp) -> None:
    """The line names due migrations, or a newer version that made the database."""
    with sqlite3.connect(database_of(idp)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    assert "run `idp migrate`" in refused(idp, "--no-migrate")
    with sqlite3.connect(database_of(idp)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "cannot be brought to this version" in refused(idp)
    assert "run `idp migrate`" in refused(idp, "--no-migrate")


@pytest.mark.parametrize("options", [(), ("--no-migrate",)], ids=["", "no migrate"])
def test_a_start_without_a_database_is_refused(idp: Idp, tmp_path: Path, options: tuple[str, ...]) -> None:
    """No database listens at the address."""
    text = idp.config.read_text().replace(f"sqlite:///{database_of(idp)}", f"postgresql://nobody@/none?host={tmp_path}")
    idp.config.write_text(text)
    assert refused(idp, *options).startswith("database: ")
