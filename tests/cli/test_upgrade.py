"""An old and a new version run on one database.
The migration that only adds runs first (expand), then the new code starts.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from idp import schema
from idp.config import Settings
from tests.architecture.sources import ROOT
from tests.cli.conftest import Idp
from tests.drivers.browser import Browser
from tests.drivers.crowd import write_config
from tests.drivers.idp_process import ask, started, stop, wait_for_port
from tests.drivers.machine import free_port
from tests.drivers.relying_party import RelyingParty
from tests.drivers.remote import Remote
from tests.factories import Factory

NEXT = int(schema.head()[:4]) + 1
EXPANDS = f"{NEXT:04}_from_{schema.head()[:4]}"
MIGRATION = """\
from alembic import op
import sqlalchemy as sa

revision = {revision!r}
down_revision = {head!r}
branch_labels = None
depends_on = None


def upgrade():
    for table in ("users", "sessions", "grants", "audit"):
        with op.batch_alter_table(table) as batch_op:
            batch_op.add_column(sa.Column("made_up", sa.String(length=40), nullable=False, server_default="later"))
"""


@pytest.mark.parametrize(
    ("revision", "known", "is_usable"),
    [
        ("0014", "0014", True),
        ("0014", "0013", False),
        ("0014", "0015", False),
        ("0015_from_0014", "0014", True),
        ("0015_from_0014", "0015_from_0014", True),
        ("0015_from_0014", "0013", False),
        ("0015_from_0014", "0016", False),
        ("0016_from_0014", "0015_from_0014", True),
        ("0016_from_0014", "0015_from_0013", True),
        ("0016_from_0016", "0015", False),
        ("9999", "0014", False),
        ("", "0014", False),
        ("strange_from_", "0014", False),
    ],
)
def test_a_newer_database_says_which_code_can_use_it(revision: str, known: str, is_usable: bool) -> None:
    """Old code cannot judge a newer migration, so only what the migration itself says counts."""
    assert schema.is_usable(revision, known) is is_usable


def next_version(folder: Path) -> Path:
    """Make the present code with one more migration, as the next version would have it. Returns its package path."""
    shutil.copytree(ROOT / "idp", folder / "idp", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("templates", "migrations"):
        shutil.copytree(ROOT / name, folder / "idp" / name, ignore=shutil.ignore_patterns("__pycache__"))
    text = MIGRATION.format(revision=EXPANDS, head=schema.head())
    (folder / "idp" / "migrations" / "versions" / f"{EXPANDS}_a_made_up_column.py").write_text(text, "utf-8")
    return folder


@pytest.mark.both_engines
def test_an_old_and_a_new_process_serve_one_database(
    engine: str,
    tmp_path: Path,
    configure: Callable[..., Settings],
    factory: Factory,
    idp: Idp,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The old process continues after the migration of the new one. Users and tokens work at both."""
    old_port, new_port = free_port(), free_port()
    issuer = f"http://localhost:{old_port}"
    file = write_config(configure(issuer=issuer, server={"bind": f"127.0.0.1:{old_port}", "workers": 1}), tmp_path)
    jan = factory.make_user(factory.make_organisation())
    made = factory.make_client(grant_types=["authorization_code", "refresh_token"])
    old, new = Remote(issuer), Remote(f"http://localhost:{new_port}")
    with started(file, "run") as former:
        wait_for_port(former, old_port)
        browser = Browser(old, issuer)
        party = RelyingParty(old, issuer, made.client_id, made.redirect_uri, secret=made.secret)
        browser.open(party.authorize_url(scope="openid offline_access"))

        monkeypatch.setenv("PYTHONPATH", str(next_version(tmp_path / "next")))
        monkeypatch.setenv("IDP_SERVER__BIND", f"127.0.0.1:{new_port}")
        with started(file, "run", folder=tmp_path / "next") as latter:
            wait_for_port(latter, new_port)
            assert ask(old_port, "/readyz")[0] == 200, "the old process must stay ready for the load balancer"
            assert ask(new_port, "/readyz")[0] == 200
            browser.fill(username=jan.username, password=jan.password).submit().submit("Not now")
            tokens = party.callback(browser.left_for, browser.left_with)
            there = RelyingParty(new, issuer, made.client_id, made.redirect_uri, secret=made.secret)
            renewed = there.refresh(tokens.refresh_token)
            assert party.userinfo(renewed.access_token)["sub"] == jan.id
            assert "brought up to date" in stop(latter)
        # After a rollback, the old version starts on the tables of the new one.
        stop(former)
    assert former.returncode == latter.returncode == 0
    monkeypatch.delenv("PYTHONPATH")
    monkeypatch.setenv("IDP_SERVER__BIND", f"127.0.0.1:{old_port}")
    with started(file, "run") as again:
        wait_for_port(again, old_port)
        assert ask(old_port, "/readyz")[0] == 200
        assert party.refresh(tokens.refresh_token).claims["sub"] == jan.id
        stop(again)
    assert "up to date" in idp("migrate", "--check", "--config", str(file)).stdout
