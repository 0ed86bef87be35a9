"""Replace the database by a backup, and let it serve only after everything that must not work again is voided.

On SQLite all of it happens in a file beside the database, which is renamed at the end. On PostgreSQL the tables are
replaced in one transaction; from then to the end they have no epoch, and no process serves or works on them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from flask import Flask
from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError

from idp import clock, keys, schema, store
from idp.backup import BackupError, changes, epoch, sqlite
from idp.backup.archive import COPY, Archive
from idp.backup.changes import Changes, NotItsTrail
from idp.backup.epoch import Closed, Restored
from idp.config import Settings
from idp.db import Base, close, db, setup_db
from idp.on_use import OnUse

if TYPE_CHECKING:
    from idp.backup import postgresql
else:
    # On SQLite its driver would cost memory.
    postgresql = OnUse("idp.backup.postgresql")


@dataclass(frozen=True)
class Wanted:
    """A backup and where to restore it. ``former``: the configuration of the database that served since, if any."""

    archive: Archive
    settings: Settings
    former: Settings | None
    replace: bool = False
    keep_passwords: bool = False


@dataclass(frozen=True)
class Report:
    """What a restore did. ``unknown``: why nothing is known of what changed since the backup; empty where it is known.

    ``kept``: the file of the former database. ``notified``: how many people the worker writes to. ``gone``: what is undone.
    """

    closed: Closed
    notified: int
    unknown: str
    gone: dict[str, int]
    kept: Path | None = None


@contextmanager
def connected(settings: Settings) -> Iterator[Flask]:
    """Open a database, whatever its content."""
    app = Flask("idp")
    setup_db(app, settings)
    with app.app_context():
        try:
            yield app
        finally:
            close()
            db.engine.dispose()


def run(wanted: Wanted) -> Report:
    """Restore. Raises ``BackupError`` before anything was changed if it is not possible."""
    _require_possible(wanted)
    since, unknown = _changes(wanted)
    manifest = wanted.archive.manifest
    restored = Restored(datetime.fromisoformat(manifest.taken_at), manifest.id, since, wanted.keep_passwords)
    if manifest.engine == "sqlite":
        closed, notified, kept = _restore_sqlite(wanted, restored)
    else:
        closed, notified, kept = _restore_postgresql(wanted, restored)
    return Report(closed, notified, unknown, since.gone if since else {}, kept)


def _require_possible(wanted: Wanted) -> None:
    """Check the manifest against configuration and program, and that the database may be replaced and is not in use."""
    manifest = wanted.archive.manifest
    if not wanted.archive.is_authentic(wanted.settings.ring):
        raise BackupError(f"{wanted.archive.file}: no key in `secrets` opens this backup")
    if manifest.issuer != wanted.settings.issuer:
        raise BackupError(
            f"the backup is of the issuer {manifest.issuer}, but the configuration has {wanted.settings.issuer}"
        )
    if clock.now() < datetime.fromisoformat(manifest.taken_at):
        raise BackupError(
            f"the backup was made at {manifest.taken_at[:19]} UTC, but the clock of this machine is behind that"
        )
    if manifest.facts.revision[:4] > schema.head()[:4]:
        raise BackupError("a newer version made this backup; install that version")
    with connected(wanted.settings):
        if db.engine.dialect.name != manifest.engine:
            raise BackupError(f"the backup is of {manifest.engine}, but [database] url is of {db.engine.dialect.name}")
        if not wanted.replace and not _is_empty():
            raise BackupError("the database is not empty; use --replace to replace it with the backup")
        if manifest.engine == "sqlite":
            db.engine.dispose()
            sqlite.require_unused(_file())
        else:
            postgresql.require_unused(db.engine)


def _is_empty() -> bool:
    if db.engine.dialect.name == "sqlite" and not _file().exists():
        return True
    try:
        store.register_tables()
        return not {*inspect(db.engine).get_table_names()} & {*Base.metadata.tables}
    except SQLAlchemyError:
        return False  # the file cannot be read


def _file() -> Path:
    return Path(str(db.engine.url.database))


def _changes(wanted: Wanted) -> tuple[Changes | None, str]:
    """Return what changed since the backup, or why it is unknown."""
    if wanted.former is None:
        return None, "there is no former database to ask"
    try:
        with connected(wanted.former):
            return changes.since(wanted.archive.manifest.facts.heads), ""
    except NotItsTrail as error:
        return None, str(error)
    except SQLAlchemyError as error:
        return None, f"the former database cannot be read ({getattr(error, 'orig', None) or error})"


def _restore_sqlite(wanted: Wanted, restored: Restored) -> tuple[Closed, int, Path | None]:
    with connected(wanted.settings):
        file, was_there = _file(), _file().exists()
    stamp = _stamp()
    with sqlite.prepared(file, stamp) as fresh:
        wanted.archive.extract(fresh)
        fresh.chmod(0o600)
        url = {"url": f"sqlite:///{fresh}"}
        beside = wanted.settings.model_copy(update={"database": wanted.settings.database.model_copy(update=url)})
        closed, notified = _begin_epoch(beside, restored)
    return closed, notified, sqlite.before_restore(file, stamp) if was_there else None


def _restore_postgresql(wanted: Wanted, restored: Restored) -> tuple[Closed, int, Path | None]:
    kept = wanted.archive.file.with_name(f"{wanted.archive.file.name}.before-{_stamp()}")
    with TemporaryDirectory(prefix=".restore.", dir=wanted.archive.file.parent) as folder:
        copy = Path(folder) / COPY
        wanted.archive.extract(copy)
        with connected(wanted.settings):
            was_there = not _is_empty()
            if was_there:
                postgresql.keep(db.engine, kept)
            facts = wanted.archive.manifest.facts
            postgresql.put_back(db.engine, copy, facts.schema, facts.tables)
    return *_begin_epoch(wanted.settings, restored), kept if was_there else None


def _stamp() -> str:
    return f"restore-{clock.now():%Y%m%d-%H%M%S}"


def _begin_epoch(settings: Settings, restored: Restored) -> tuple[Closed, int]:
    """Migrate the loaded tables, void what must not work, and only then let the database serve."""
    with connected(settings) as app:
        schema.upgrade(app)
    with connected(settings):
        now = clock.now()
        closed, notified = epoch.make_void(restored, now)
        if keys.is_complete() and (restored.changes is None or restored.changes.has_rotated):
            keys.rotate(settings, epoch.ORIGIN)
        epoch.begin(now, restored.backup_at)
        return closed, notified
