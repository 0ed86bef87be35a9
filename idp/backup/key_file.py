"""The sealing keys beside a backup, sealed with a passphrase. Only they open the sealed values in the backup."""

import json
from collections.abc import Sequence
from pathlib import Path

from idp import crypto
from idp.backup import BackupError
from idp.backup.archive import written
from idp.errors import Unreadable

FORMAT = 1
KDF = "argon2id, 64 MiB, 3 passes, 4 lanes"
SHORTEST = 15
"""The minimum length of a passphrase, as of a password used alone (NIST SP 800-63B-4 §3.1.1.2)."""
LEAST_VARIED = 6
"""The minimum number of different characters in a passphrase."""


def beside(file: Path) -> Path:
    """Return the path of a backup's keys."""
    return file.with_name(f"{file.name}.keys")


def write(file: Path, backup_id: str, secrets: Sequence[str], passphrase: str, *, force: bool) -> None:
    """Write the sealing keys, sealed for the passphrase and bound to the backup. Slow."""
    sealed = crypto.seal_with_passphrase(passphrase, json.dumps(list(secrets)).encode(), f"backup:{backup_id}")
    with written(beside(file), force=force) as stream:
        stream.write(json.dumps({"format": FORMAT, "kdf": KDF, "sealed": crypto.b64url(sealed)}).encode() + b"\n")


def read(file: Path, backup_id: str, passphrase: str) -> tuple[str, ...]:
    """Return the sealing keys as the configuration takes them. Raises ``BackupError``. Slow."""
    at = beside(file)
    try:
        sealed = crypto.from_b64url(json.loads(at.read_bytes())["sealed"])
        return tuple(json.loads(crypto.open_with_passphrase(passphrase, sealed, f"backup:{backup_id}")))
    except OSError as error:
        raise BackupError(f"{at}: cannot be read: {error.strerror}") from error
    except Unreadable as error:
        raise BackupError(f"{at}: does not open with this passphrase, or is of another backup") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{at}: is not a file of sealing keys, or is damaged") from error
