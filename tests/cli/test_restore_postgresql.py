"""`idp restore` on PostgreSQL: other tables and schemas, what is kept, and an interrupted restore."""

import os
import signal
from pathlib import Path

import psycopg
import pytest

from tests.cli.conftest import PASSPHRASE, SHOP, Idp
from tests.drivers import postgres
from tests.drivers.idp_process import started, stop, until

MIGRATING = 5_133_001
"""The advisory lock of migrations."""


def at(idp: Idp, url: str) -> Idp:
    """Return the command line on this database."""
    text = idp.config.read_text()
    before = next(line for line in text.splitlines() if line.startswith("url"))
    idp.config.write_text(text.replace(before, f'url = "{url}"'))
    return idp


def test_a_restore_keeps_tables_of_other_programs(idp: Idp, empty_postgres_url: str) -> None:
    """Options of the address apply (here the schema), and tables beside ours stay."""
    with psycopg.connect(empty_postgres_url, autocommit=True) as own:
        own.execute("CREATE SCHEMA shop")
        own.execute("CREATE TABLE shop.theirs AS SELECT 1 AS number")
        own.execute("CREATE TABLE public.users AS SELECT 2 AS number")
    at(idp, f"{empty_postgres_url}&options=-csearch_path%3Dshop")
    idp("migrate")
    idp.apply(SHOP)
    kept = str(idp.folder / "kept")
    idp("backup", kept, "--no-keys")
    assert b"theirs" not in Path(kept).read_bytes()
    output = idp("restore", kept, "--replace").stdout
    assert "Closed: 0 accounts, 0 passwords" in output
    with psycopg.connect(empty_postgres_url) as own:
        assert own.execute("SELECT number FROM shop.theirs").fetchall() == [(1,)]
        assert own.execute("SELECT number FROM public.users").fetchall() == [(2,)]
        assert own.execute("SELECT count(*) FROM shop.users").fetchall() == [(1,)]
    (former,) = idp.folder.glob("kept.before-restore-*")
    assert former.stat().st_mode & 0o077 == 0
    assert str(former) in output
    at(idp, empty_postgres_url)
    assert "is of the schema 'shop'" in idp("restore", kept, "--replace", code=1).stderr


def _waits(watcher: "psycopg.Connection[tuple[int]]") -> bool:
    return bool(watcher.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() != (0,))


def test_an_interrupted_restore_is_not_served_and_can_be_repeated(
    idp: Idp, empty_postgres_url: str, postgres_server: postgres.Server
) -> None:
    """I3: there is no epoch until the restore ends. The next restore does not use the unfinished one as former database."""
    at(idp, empty_postgres_url)
    idp.apply(SHOP)
    kept = str(idp.folder / "kept")
    idp("backup", kept, "--no-keys")
    postgres_server.execute("CREATE ROLE watcher SUPERUSER LOGIN")
    try:
        with psycopg.connect(empty_postgres_url, user="watcher", autocommit=True) as watcher:
            watcher.execute("SELECT pg_advisory_lock(%s)", [MIGRATING])
            with started(idp.config, "restore", kept, "--replace") as restore:
                until(lambda: _waits(watcher) or restore.poll() is not None, "the restore does not reach its migrations")
                stop(restore, signal.SIGKILL)
    finally:
        postgres_server.execute("DROP ROLE watcher")
    assert "restore is not finished" in idp("user", "list", "example-shoes", code=1).stderr
    output = idp("restore", kept, "--replace").stdout
    assert "is not known: it is a restore that was not finished" in output
    assert "closed account  example-shoes/olga" in idp("reopen").stdout


def test_a_restore_without_postgresqls_programs_changes_nothing(
    idp: Idp, empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the remedy."""
    at(idp, empty_postgres_url)
    idp.apply(SHOP)
    kept = str(idp.folder / "kept")
    idp("backup", kept, "--no-keys")
    monkeypatch.setenv("PATH", str(idp.folder))
    for command in (("backup", f"{kept}2", "--no-keys"), ("restore", kept, "--replace")):
        assert "pg_dump is not installed; install PostgreSQL's client programs" in idp(*command, code=1).stderr
    assert not os.path.lexists(f"{kept}2")
    assert "olga" in idp("user", "list", "example-shoes").stdout


def test_no_list_of_processes_shows_the_database_password(
    idp: Idp, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V13.3: pg_dump reads it from its environment, and every other option of the address from its arguments."""
    fake, seen = idp.folder / "bin" / "pg_dump", idp.folder / "seen"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" "PGPASSWORD=$PGPASSWORD" > {seen}\necho refused >&2\nexit 1\n')
    fake.chmod(0o700)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    own = postgres_url.replace("postgres@/", "postgres:kettle-4711@/") + "&application_name=sleutel&prepare_threshold=0"
    assert "refused" in at(idp, own)("backup", str(idp.folder / "kept"), code=1, stdin=f"{PASSPHRASE}\n").stderr
    *arguments, password = seen.read_text().splitlines()
    assert password == "PGPASSWORD=kettle-4711"
    assert "kettle" not in "".join(arguments)
    assert "application_name=sleutel" in arguments[0]
    assert "prepare_threshold" not in arguments[0]
    assert not list(idp.folder.glob("*kept*")), "a failed backup must leave no file and no keys"
