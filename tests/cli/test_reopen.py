"""`idp reopen`, and the two options that tell a restore what may stay open."""

from pathlib import Path

import pytest

from idp.db import connection
from tests.cli.conftest import ANNA, POS, SHOP, Idp
from tests.drivers.applications import bare_app


@pytest.fixture
def lost(idp: Idp) -> str:
    """Make a backup of an installation and move its database away. Returns the backup."""
    idp.apply(SHOP + ANNA + POS)
    idp("backup", str(idp.folder / "kept"), "--no-keys")
    (idp.folder / "sleutel.sqlite3").rename(idp.folder / "moved.sqlite3")
    for side in ("-wal", "-shm"):
        (idp.folder / f"sleutel.sqlite3{side}").unlink(missing_ok=True)
    return str(idp.folder / "kept")


def closed(idp: Idp) -> list[str]:
    """Return the names of the closed accounts and apps."""
    return [line.split()[-1] for line in idp("reopen").stdout.splitlines()]


def test_reopen_opens_only_what_is_named_correctly(idp: Idp, lost: str) -> None:
    """I3: a misspelt account after --but would be opened, so the command opens nothing."""
    assert "never restored" in idp("reopen", env={"IDP_DATABASE__URL": "sqlite:///new.sqlite3"}).stdout
    idp("restore", lost)
    everything = ["pos", "example-shoes/anna", "example-shoes/olga"]
    assert closed(idp) == everything
    for wrong in (("--all", "--but", "example-shoes/ana"), ("example-boots",), ("apps", "--but", "anna")):
        assert "nothing was opened" in idp("reopen", *wrong, code=1).stderr
    assert closed(idp) == everything
    idp("reopen", "apps")
    assert closed(idp) == everything[1:]
    idp("reopen", "example-shoes", "--but", "example-shoes/anna")
    assert closed(idp) == ["example-shoes/anna"]
    idp("user", "disable", "example-shoes", "olga", code=1)
    assert "accounts and apps still closed: 1 (idp reopen lists them)" in idp("doctor").stdout
    assert "whole" in idp("audit", "verify").stdout


@pytest.mark.parametrize("keeps", [True, False])
def test_passwords_stay_only_if_the_operator_says_so(idp: Idp, lost: str, keeps: bool) -> None:
    """Otherwise each user without an address needs a code on paper. The audit log records the decision."""
    output = idp("restore", lost, *(["--keep-passwords"] if keeps else [])).stdout
    assert ("also those that were replaced since" in output) is keeps
    idp("reopen", "--all")
    with bare_app(idp.settings) as app, app.app_context():
        rows = connection().exec_driver_sql("SELECT password_hash FROM users").all()
    assert [row[0] is not None for row in rows] == [keeps, keeps]
    assert f'"passwords": {0 if keeps else 2}' in idp("audit", "export").stdout


def test_a_moved_former_database_shows_what_changed(idp: Idp, lost: str) -> None:
    """I3: a readable disk knows more than a backup. Accounts that it does not name stay unchanged."""
    moved = {"IDP_DATABASE__URL": f"sqlite:///{idp.folder / 'moved.sqlite3'}"}
    idp("user", "disable", "example-shoes", "anna", env=moved)
    idp.apply(SHOP + ANNA.replace("anna", "cees").replace("Anna", "Cees"), env=moved)
    output = idp("restore", lost, "--former", moved["IDP_DATABASE__URL"]).stdout
    assert "Closed: 1 account, 1 password, 0 second factors, 0 apps" in output
    assert "to be done again: 1 × new account" in output
    assert closed(idp) == ["example-shoes/anna"]
    assert Path(idp.folder / "moved.sqlite3").exists()
    assert "--former must be" in idp("restore", lost, "--former", "mysql://x", code=2).stderr


def test_a_restored_database_does_not_count_as_the_former_one(idp: Idp, lost: str) -> None:
    """I3: the database that served before the first restore knew more than the second one can."""
    idp("restore", lost, "--former", f"sqlite:///{idp.folder / 'moved.sqlite3'}")
    output = idp("restore", lost, "--replace").stdout
    assert "is not known: it was restored itself since the backup" in output
