"""`idp backup` under load and on both engines, what it refuses, and the keys beside it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from idp import schema
from idp.cli import main
from idp.config import Settings, new_ring_entry
from idp.db import connection, transaction
from idp.store.sessions import UserSession
from tests.cli.conftest import ANNA, PASSPHRASE, SHOP, Idp
from tests.drivers.applications import bare_app
from tests.drivers.browser import Browser
from tests.drivers.crowd import write_config
from tests.drivers.idp_process import PATIENCE, answers, started, stop, until, wait_for_port
from tests.drivers.machine import free_port
from tests.drivers.relying_party import RelyingParty
from tests.drivers.remote import Remote
from tests.factories import Factory, MadeClient, MadePerson

FIRST_WITH_EPOCHS = "0016"


class Load:
    """Users that sign in, and an app that refreshes, until they are told to stop."""

    def __init__(self, issuer: str, person: MadePerson, made: MadeClient) -> None:
        self._issuer, self._person, self._made, self._app = issuer, person, made, Remote(issuer)
        self._stop, self.sign_ins, self.refreshes = threading.Event(), 0, 0
        self.failures: list[str] = []

    def sign_in(self) -> RelyingParty:
        """Sign in with a new browser and bring the code to the app."""
        browser = Browser(self._app, self._issuer)
        party = RelyingParty(
            self._app, self._issuer, self._made.client_id, self._made.redirect_uri, secret=self._made.secret
        )
        browser.open(party.authorize_url(scope="openid offline_access"))
        if "organisation" in browser.fields:
            browser.fill(organisation=self._person.store_url).submit()
        browser.fill(username=self._person.username, password=self._person.password).submit()
        party.callback(browser.left_for)
        return party

    def _sign_in_often(self) -> None:
        while not self._stop.is_set():
            self.sign_in()
            self.sign_ins += 1

    def _refresh_often(self) -> None:
        party = self.sign_in()
        while not self._stop.is_set():
            party.refresh()
            self.refreshes += 1

    def _outlived(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 — told by the test
            self.failures.append(repr(error))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the load until the context ends."""
        works = (self._sign_in_often, self._refresh_often)
        threads = [threading.Thread(target=self._outlived, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        try:
            until(lambda: (self.sign_ins > 2 and self.refreshes > 2) or bool(self.failures), "no user signs in")
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(PATIENCE)


@pytest.mark.both_engines
def test_a_backup_under_load_has_every_earlier_change(
    engine: str, tmp_path: Path, configure: Callable[..., Settings]
) -> None:
    """While users sign in and apps refresh, no request fails. No earlier change is missing, and the chain is whole."""
    port = free_port()
    settings = configure(issuer=f"http://localhost:{port}", server={"bind": f"127.0.0.1:{port}", "workers": 1})
    file, kept = write_config(settings, tmp_path), str(tmp_path / "kept")
    with bare_app(settings) as app:
        factory = Factory(settings, app)
        jan = factory.make_user(factory.make_organisation(settings={"offer_set_up": False}))
        made = factory.make_client(public=True, grant_types=["authorization_code", "refresh_token"])
    load = Load(settings.issuer, jan, made)
    with started(file, "run") as server:
        wait_for_port(server, port)
        with load.running():
            before, refreshed = load.sign_ins, load.refreshes
            assert "Wrote" in _output_of(file, "backup", kept, "--no-keys")
            until(lambda: load.refreshes > refreshed + 2 or bool(load.failures), "no refresh succeeds after the backup")
        assert not load.failures
        assert "stop what listens there" in _output_of(file, "restore", kept, "--replace")
        stop(server)
    assert "Ready to serve after" in _output_of(file, "restore", kept, "--replace")
    with bare_app(settings) as app, app.app_context():
        held = connection().execute(UserSession.__table__.select()).all()
        assert before <= len(held) <= load.sign_ins + 1
        assert all(session.ended_why == "restored" for session in held)
    assert "broken" not in _output_of(file, "audit", "verify")
    with started(file, "run") as server:
        wait_for_port(server, port)
        until(lambda: answers(port), "the server does not become ready")
        load.sign_in()
        stop(server)


def _output_of(file: Path, *arguments: str) -> str:
    """Run a command in this process. Returns its output."""
    return CliRunner().invoke(main, arguments, env={"IDP_CONFIG": str(file)}).output


@pytest.mark.both_engines
def test_a_database_in_use_is_not_replaced(engine: str, idp: Idp, inside: Callable[[], object]) -> None:
    """A running server would go on with the old file or tables, so there would be two truths."""
    idp.apply(SHOP)
    kept = str(idp.folder / "kept")
    idp("backup", kept, "--no-keys")
    with inside():  # type: ignore[attr-defined] # a context of Flask's
        connection()
        assert "stop the server and its workers first" in idp("restore", kept, "--replace", code=1).stderr


def test_the_passphrase_recovers_the_keys_of_a_lost_configuration(idp: Idp, tmp_path: Path) -> None:
    """V6: without FILE.keys and its passphrase the sealed values stay closed. No terminal shows it."""
    idp.apply(SHOP + ANNA)
    kept, passphrase = str(idp.folder / "kept"), idp.folder / "passphrase"
    for weak, why in (("too short", "15 characters"), ("aaaaaaaaaaaaaaaaaaaa", "different")):
        assert why in idp("backup", kept, stdin=f"{weak}\n", code=1).stderr
    assert not Path(kept).exists()
    idp("backup", kept, stdin=f"{PASSPHRASE}\n")
    assert [Path(f"{kept}{end}").stat().st_mode & 0o777 for end in ("", ".keys")] == [0o600, 0o600]
    assert "--force" in idp("backup", kept, stdin=f"{PASSPHRASE}\n", code=1).stderr
    old = idp.settings.secrets[0]
    idp.config.unlink()
    idp("init", str(idp.config), "--issuer", "https://id.example.com")
    assert "does not open with this passphrase" in idp("restore", kept, stdin="wrong\n", code=1).stderr
    assert "It must hold one line: passphrase for the sealing keys" in idp("restore", kept, stdin="", code=2).stderr
    passphrase.write_text(f"{PASSPHRASE}\n")
    refused = idp("restore", kept, "--replace", "--passphrase-file", str(passphrase), code=1)
    assert old not in refused.output
    line = Path(f"{idp.config}.secrets").read_text()
    given = idp.config.read_text()
    idp.config.write_text(given.replace(next(one for one in given.splitlines() if one.startswith("secrets")), line.strip()))
    idp("restore", kept, "--replace")
    idp("reopen", "--all")
    assert "everything opens with the key 'test'" in idp("doctor").stdout
    assert idp.json("user", "show", "example-shoes", "anna")["second_factor"]["since"]


@pytest.mark.parametrize("at", [40, -400, -30])
def test_a_damaged_backup_changes_nothing(idp: Idp, at: int) -> None:
    """One bit is changed in the manifest, in the copy or in the table of contents."""
    idp.apply(SHOP)
    kept = idp.folder / "kept"
    idp("backup", str(kept), "--no-keys")
    raw = bytearray(kept.read_bytes())
    raw[at] ^= 1
    kept.write_bytes(raw)
    idp("restore", str(kept), "--replace", code=1)
    assert idp.json("user", "show", "example-shoes", "olga")["disabled_since"] is None
    assert not list(idp.folder.glob("*before-restore*"))


def test_a_backup_of_another_installation_or_version_is_refused(idp: Idp) -> None:
    """Each refusal has a remedy, and no data is replaced."""
    idp.apply(SHOP)
    kept = str(idp.folder / "kept")
    idp("backup", kept, "--no-keys")
    assert "--replace" in idp("restore", kept, code=1).stderr
    other = {"IDP_ISSUER": "https://other.example.com"}
    assert "of the issuer https://id.example.com" in idp("restore", kept, "--replace", env=other, code=1).stderr
    assert (
        "no key in `secrets`"
        in idp("restore", kept, "--replace", env={"IDP_SECRETS": new_ring_entry("other")}, code=1).stderr
    )
    assert "is not a backup" in idp("restore", str(idp.config), "--replace", code=1).stderr
    assert idp.json("user", "show", "example-shoes", "olga")["disabled_since"] is None


def test_a_backup_of_an_older_version_is_migrated(idp: Idp) -> None:
    """A failed upgrade needs the last backup before it. The upgrade itself is no unknown change."""
    idp.apply(SHOP)
    with bare_app(idp.settings) as app:
        schema.downgrade(app, FIRST_WITH_EPOCHS)
    kept = str(idp.folder / "kept")
    idp("migrate", "--check", code=1)
    idp("backup", kept, "--no-keys")
    idp("migrate")
    output = idp("restore", kept, "--replace").stdout
    assert "not known" not in output
    assert "up to date" in idp("migrate", "--check").stdout
    assert idp.json("user", "show", "example-shoes", "olga")["disabled_since"] is None


def test_a_trail_that_does_not_continue_the_backup_is_not_used(idp: Idp) -> None:
    """I3: another database, or one with deleted rows, does not show what was withdrawn."""
    idp.apply(SHOP)
    kept = str(idp.folder / "kept")
    idp("backup", kept, "--no-keys")
    idp.apply(SHOP.replace('name = "Example Shoes"', 'name = "Other Shoes"'))
    with bare_app(idp.settings) as app, app.app_context(), transaction():
        connection().execute(text("DELETE FROM audit WHERE seq > 2"))
    output = idp("restore", kept, "--replace").stdout
    assert "is not known: its audit log is" in output
    assert "closed account  example-shoes/olga" in idp("reopen").stdout
