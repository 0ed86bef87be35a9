"""Copy SQLite's file while others write to it, and replace it when no process has it open."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from idp.backup import BackupError
from idp.backup.archive import Facts, sync

BUSY_SECONDS = 1.0
LOGS = ("-wal", "-shm")
SIDES = (*LOGS, "-gate", "-journal")
"""Files beside the database, by what their names end in."""


def copy(source: Path, target: Path) -> Facts:
    """Copy the database as it is at one moment. Raises ``BackupError`` if the copy is damaged.

    One step of the online backup API reads one snapshot of the write-ahead log: writers go on, and it never begins again.
    The copy has no epoch, so that nothing serves it before ``idp restore`` is through with it.
    """
    with closing(_connected(source)) as live, closing(sqlite3.connect(target, isolation_level=None)) as copied:
        live.backup(copied, pages=-1)
        copied.execute("PRAGMA journal_mode=DELETE")
        found = [str(row[0]) for row in copied.execute("PRAGMA integrity_check(5)")]
        if found != ["ok"]:
            raise BackupError(f"{source}: is damaged ({'; '.join(found)}); restore an older backup")
        copied.execute("DELETE FROM epoch")
        (revision,) = copied.execute("SELECT version_num FROM alembic_version").fetchone()
        heads = copied.execute("SELECT organisation_id, seq, hash FROM audit_heads")
        return Facts(revision, {row[0]: (row[1], bytes(row[2]).hex()) for row in heads})


def _connected(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=BUSY_SECONDS)


def require_unused(file: Path) -> None:
    """Raise ``BackupError`` if another process has the database open: it would go on with the file that is replaced.

    Leaving write-ahead logging needs exclusive use of the file. A file that is no database has no users.
    """
    if not file.exists():
        return
    try:
        with closing(_connected(file)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise BackupError(f"{file}: is in use; stop the server and its workers first") from error
    except sqlite3.DatabaseError:
        pass  # damaged: the reason for a restore


@contextmanager
def prepared(file: Path, stamp: str) -> Iterator[Path]:
    """Yield the name of a file beside the database, which replaces it at the end of this context unless an error was raised.

    The former database is kept (``before_restore``).
    """
    fresh = file.with_name(f".{file.name}.{stamp}")
    try:
        yield fresh
        with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
        _give_to_owner(fresh, file if file.exists() else file.parent)
        sync(fresh)
        require_unused(file)
        _swap(fresh, file, before_restore(file, stamp))
        sync(file.parent)
    finally:
        for side in ("", *SIDES):
            fresh.with_name(fresh.name + side).unlink(missing_ok=True)


def _give_to_owner(fresh: Path, like: Path) -> None:
    """Give a new file to the account that runs the server, where an administrator restores."""
    with suppress(PermissionError):
        os.chown(fresh, like.stat().st_uid, like.stat().st_gid)


def before_restore(file: Path, stamp: str) -> Path:
    """Return where the former database is kept."""
    return file.with_name(f"{file.name}.before-{stamp}")


def _swap(fresh: Path, file: Path, kept: Path) -> None:
    """Replace the database by one rename, so that it exists at every moment: `idp run` would create an empty one.

    The write-ahead log of a damaged database is removed first, because SQLite would apply it to the new file.
    """
    for side in LOGS:
        with suppress(FileNotFoundError):
            file.with_name(file.name + side).rename(kept.with_name(kept.name + side))
    if file.exists():
        try:
            os.link(file, kept)
        except OSError:  # a file system without hard links
            shutil.copy2(file, kept)
    fresh.replace(file)
