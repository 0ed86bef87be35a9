"""``idp audit`` verifies and exports the audit log."""

import csv
import io
import json

import pytest
from sqlalchemy import text

from idp.actors import System
from idp.audit import Origin
from idp.db import connection, transaction
from idp.identity.organisations import organisations as organisation_changes
from idp.store import organisations
from tests.cli.conftest import ANNA, POS, SHOP, Idp


@pytest.fixture
def shop(idp: Idp) -> Idp:
    """Make a shop with users and an app."""
    idp.apply(SHOP + ANNA + POS)
    return idp


def test_unbroken_chains_are_reported_as_whole(shop: Idp) -> None:
    """I1, V16.4.2: the command verifies all chains, or that of one organisation."""
    output = shop("audit", "verify").stdout
    assert [line.split()[-1] for line in output.splitlines()] == ["whole", "whole"]
    assert shop("audit", "verify", "--organisation", "Example-Shoes").stdout.startswith("example-shoes")


def test_a_changed_row_is_found(shop: Idp, inside) -> None:
    """V16.4.2: a manual change of the database breaks the chain, and the exit code is 1."""
    with inside(), transaction():
        connection().execute(text("UPDATE audit SET actor_id = 'nobody' WHERE organisation_id <> '' AND seq = 2"))
    found = shop("audit", "verify", code=1)
    assert "broken at entry 2: the entry was changed" in found.stdout


def test_the_trail_of_a_removed_organisation_stays_and_is_verified(shop: Idp, inside) -> None:
    """I1: the removal of an organisation does not hide its earlier events."""
    with inside(), transaction():
        row = organisations.organisation_at("example-shoes")
        assert row is not None
        organisation_changes.remove(row, Origin(System("cli")))
    assert f"{row.id} (removed) whole" in shop("audit", "verify").stdout
    rows = json.loads(shop("audit", "export", "--organisation", row.id).stdout)
    assert rows[-1]["data"] == {"removed": True}
    with inside(), transaction():
        connection().execute(text("DELETE FROM audit WHERE organisation_id <> '' AND seq = 2"))
    assert "broken at entry 2: the entry is gone" in shop("audit", "verify", code=1).stdout


def test_the_trail_is_exported_as_json_and_csv(shop: Idp) -> None:
    """V16.4.3: another system can read both forms, and they contain the same rows."""
    rows = json.loads(shop("audit", "export", "--organisation", "example-shoes").stdout)
    lines = csv.DictReader(io.StringIO(shop("audit", "export", "--organisation", "example-shoes", "--format", "csv").stdout))
    assert [row["hash"] for row in rows] == [line["hash"] for line in lines]
    assert "user:created" in {row["event"] for row in rows}
    assert "client:created" in {row["event"] for row in json.loads(shop("audit", "export").stdout)}


def test_an_unknown_organisation_gets_one_clear_line(shop: Idp) -> None:
    """The line has a remedy, and the exit code is 1."""
    for command in ("verify", "export"):
        assert "there is no organisation 'nowhere'" in shop("audit", command, "--organisation", "nowhere", code=1).stderr
