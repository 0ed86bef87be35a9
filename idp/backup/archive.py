"""The file of a backup: a ZIP of a manifest and the engine's copy of the database, made readable for its owner alone.

The manifest names the SHA-256 of the copy and is authenticated under the sealing keys: a file that was damaged, or made by
somebody without those keys, is refused.
"""

import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO

from idp import crypto
from idp.backup import BackupError
from idp.crypto import Ring

FORMAT = 1
MANIFEST, COPY = "manifest.json", "database"
LONGEST_MANIFEST = 1 << 26
"""Bytes: the heads of some hundred thousand organisations."""
PURPOSE = "backup"


@dataclass(frozen=True)
class Facts:
    """What a copy holds, read at the moment of the copy. ``heads``: the last number and hash of each audit chain.

    ``schema`` and ``tables``: only of PostgreSQL.
    """

    revision: str
    heads: Mapping[str, tuple[int, str]]
    schema: str = ""
    tables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """Describe a backup. ``taken_at``: a moment (ISO 8601) before which everything that was answered is in it."""

    id: str
    program: str
    engine: str
    issuer: str
    taken_at: str
    facts: Facts
    sha256: str
    format: int = FORMAT

    @property
    def text(self) -> str:
        """Return the canonical JSON that is authenticated."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))


def write(file: Path, manifest: Manifest, copy: Path, ring: Ring, *, force: bool) -> None:
    """Write the archive. Raises ``BackupError`` if the file exists already, unless ``force``."""
    signed = {"manifest": manifest.text, "mac": ring.mac(PURPOSE, manifest.text)}
    with written(file, force=force) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as made:
        made.writestr(MANIFEST, json.dumps(signed))
        made.write(copy, COPY)


@contextmanager
def written(file: Path, *, force: bool) -> Iterator[BinaryIO]:
    """Yield a file to write, for its owner alone. It gets its name only when all of it is on the disk."""
    require_free(file, force=force)
    partial = file.with_name(f".{file.name}.{crypto.new_id()}")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        require_free(file, force=force)
        partial.replace(file)
        sync(file.parent)
    except OSError as error:
        raise BackupError(f"{file}: cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


def require_free(file: Path, *, force: bool) -> None:
    """Raise ``BackupError`` if the file exists, unless it may be replaced."""
    if file.exists() and not force:
        raise BackupError(f"{file}: exists already; choose another name, or use --force")


def sync(path: Path) -> None:
    """Wait until the content of a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class Archive:
    """A backup's file whose manifest was read, and not checked yet."""

    file: Path
    manifest: Manifest
    mac: str

    def is_authentic(self, ring: Ring) -> bool:
        """Check if one of these sealing keys made the backup."""
        return ring.is_mac(self.mac, PURPOSE, self.manifest.text)

    def extract(self, target: Path) -> None:
        """Write the copy of the database to ``target``. Raises ``BackupError`` if it is not what the manifest says."""
        try:
            with zipfile.ZipFile(self.file) as archive, archive.open(COPY) as packed, target.open("xb") as stream:
                copyfileobj(packed, stream, 1 << 20)
            with target.open("rb") as stream:
                is_whole = crypto.same(crypto.sha256_of_file(stream), self.manifest.sha256)
        except (zipfile.BadZipFile, KeyError, zlib.error, EOFError) as error:
            raise BackupError(f"{self.file}: is damaged ({error}); use another backup") from error
        if not is_whole:
            raise BackupError(f"{self.file}: is damaged (its checksum differs); use another backup")


def read(file: Path) -> Archive:
    """Read the manifest of a backup. Raises ``BackupError``."""
    try:
        with zipfile.ZipFile(file) as archive:
            if archive.getinfo(MANIFEST).file_size > LONGEST_MANIFEST:
                raise ValueError("its manifest is too long")
            signed = json.loads(archive.read(MANIFEST))
        manifest = json.loads(signed["manifest"])
        if manifest["format"] != FORMAT:
            raise BackupError(f"{file}: has format {manifest['format']}; a newer version made it, so use that version")
        names = {one.name for one in fields(Manifest)}
        manifest["facts"] = Facts(**manifest["facts"])
        return Archive(file, Manifest(**{name: manifest[name] for name in names}), str(signed["mac"]))
    except OSError as error:
        raise BackupError(f"{file}: cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{file}: is not a backup, or is damaged ({error})") from error
