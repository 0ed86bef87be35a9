"""Copy a PostgreSQL database by ``pg_dump`` and put it back by ``pg_restore``. Only our own tables are touched.

The programs get the options of the database's address; the password goes through their environment, never through the
list of processes.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from psycopg.conninfo import make_conninfo
from sqlalchemy import Connection, Engine, inspect

from idp import schema as schema_of_code
from idp import store
from idp.backup import BackupError
from idp.backup.archive import Facts
from idp.database_url import OURS
from idp.db import Base

LINGERING_SECONDS = 2.0
EPOCH, REVISIONS = "epoch", "alembic_version"
OTHERS = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user
    AND pid <> pg_backend_pid() AND coalesce(backend_type, 'client backend') = 'client backend'"""


def copy(engine: Engine, target: Path) -> Facts:
    """Dump the database as it is at one moment, without its epoch: nothing serves it before ``idp restore`` is through.

    The dump and the facts are of one snapshot (``pg_export_snapshot``). Writers go on.
    """
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        snapshot = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar()
        facts = _facts(connection)
        options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--file={target}"]
        options += [f"--table={_pattern(facts.schema, table)}" for table in facts.tables]
        _run(engine, "pg_dump", [*options, f"--exclude-table-data={_pattern(facts.schema, EPOCH)}"])
    return facts


def _pattern(schema: str, table: str) -> str:
    return f'"{schema}"."{table}"'


def keep(engine: Engine, target: Path) -> None:
    """Dump everything into a file before it is replaced. Raises ``BackupError``."""
    target.touch(mode=0o600)
    try:
        _run(engine, "pg_dump", ["--format=custom", f"--file={target}"])
    except BackupError as error:
        target.unlink(missing_ok=True)
        remedy = "if it is lost, drop its tables and restore without --replace"
        raise BackupError(f"the former database cannot be kept ({error}); {remedy}") from error


def our_tables() -> set[str]:
    """Return the names of all our tables."""
    store.register_tables()
    return {REVISIONS, *Base.metadata.tables}


def _facts(connection: Connection) -> Facts:
    schema = str(connection.exec_driver_sql("SELECT current_schema()").scalar())
    revision = str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())
    heads = connection.exec_driver_sql("SELECT organisation_id, seq, hash FROM audit_heads")
    if revision != schema_of_code.head():
        raise BackupError("the tables are of another version; make the backup with that version")
    ours = our_tables()
    missing = ours - {*inspect(connection).get_table_names()}
    if missing:
        raise BackupError(f"the schema {schema!r} lacks {', '.join(sorted(missing))}; run `idp migrate`")
    return Facts(revision, {row[0]: (row[1], bytes(row[2]).hex()) for row in heads}, schema, tuple(sorted(ours)))


def require_unused(engine: Engine) -> None:
    """Raise ``BackupError`` if others are connected as our user: a server would continue on the replaced tables.

    Waits a little, because the server ends the connection of a stopped program with a delay.
    """
    until = time.monotonic() + LINGERING_SECONDS
    while others := _others(engine):
        if time.monotonic() > until:
            remedy = "stop the server and its workers first, and a pooler if there is one"
            raise BackupError(f"the database is in use (other connections: {others}); {remedy}")
        time.sleep(0.1)


def _others(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(OTHERS).scalar() or 0)


def put_back(engine: Engine, source: Path, schema: str, tables: Sequence[str]) -> None:
    """Replace our tables by those of a dump, in one transaction. Raises ``BackupError`` where another schema is configured.

    ``tables``: those in the dump. Our other tables are of a newer version, and would block its migration.
    """
    with engine.begin() as connection:
        here = connection.exec_driver_sql("SELECT current_schema()").scalar()
        if here != schema:
            raise BackupError(f"the backup is of the schema {schema!r}, but [database] url leads to {here!r}")
        for name in {*inspect(connection).get_table_names()} & (our_tables() - {*tables}):
            connection.exec_driver_sql(f"DROP TABLE {_pattern(schema, name)} CASCADE")
    options = ["--clean", "--if-exists", "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    _run(engine, "pg_restore", [*options, str(source)])


def _run(engine: Engine, program: str, arguments: Sequence[str]) -> None:
    """Run one of PostgreSQL's own programs on the engine's database."""
    if shutil.which(program) is None:
        raise BackupError(f"{program} is not installed; install PostgreSQL's client programs of the server's version")
    _, given = engine.dialect.create_connect_args(engine.url)
    password = given.pop("password", None)
    options = {name: value for name, value in given.items() if isinstance(value, str | int) and name != OURS}
    environment = {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}
    command = [program, f"--dbname={make_conninfo('', **options)}", "--no-password", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 — our own words
    if done.returncode:
        complaint = "; ".join(done.stderr.strip().splitlines()[:2])  # the second line has the detail, such as the versions
        raise BackupError(complaint or f"{program}: exit code {done.returncode}")
