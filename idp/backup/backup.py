"""Make a backup of the open database, while others write to it."""

import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from idp import clock, crypto
from idp.backup import BackupError, archive, key_file, sqlite
from idp.backup.archive import Facts, Manifest
from idp.config import Settings
from idp.db import db
from idp.on_use import OnUse

if TYPE_CHECKING:
    from idp.backup import postgresql
else:
    # On SQLite its driver would cost memory.
    postgresql = OnUse("idp.backup.postgresql")


def make(settings: Settings, file: Path, passphrase: str, *, force: bool) -> Manifest:
    """Write the backup, and the sealing keys beside it unless ``passphrase`` is empty. Raises ``BackupError``.

    The backup contains everything that was answered before this call. The key file is written first, so no backup lacks
    its keys.
    """
    for target in (file, key_file.beside(file)) if passphrase else (file,):
        archive.require_free(target, force=force)
    backup_id, taken_at = crypto.new_id(), clock.now()
    try:
        scratch = tempfile.TemporaryDirectory(prefix=f".{file.name}.", dir=file.parent)  # on a disk with room for it
    except OSError as error:
        raise BackupError(f"{file.parent}: cannot be written: {error.strerror}") from error
    with scratch as folder:
        copy = Path(folder) / archive.COPY
        facts = _copied(copy)
        with copy.open("rb") as stream:
            digest = crypto.sha256_of_file(stream)
        manifest = Manifest(
            id=backup_id,
            program=metadata.version("sleutel"),
            engine=db.engine.dialect.name,
            issuer=settings.issuer,
            taken_at=taken_at.isoformat(),
            facts=facts,
            sha256=digest,
        )
        if passphrase:
            key_file.write(file, backup_id, settings.secrets, passphrase, force=force)
        archive.write(file, manifest, copy, settings.ring, force=force)
    return manifest


def _copied(target: Path) -> Facts:
    if db.engine.dialect.name == "sqlite":
        return sqlite.copy(Path(str(db.engine.url.database)), target)
    return postgresql.copy(db.engine, target)
