"""Sealed columns: how each value is bound to its row, which key sealed it, and how it moves to the current key.

``COLUMNS`` is the only list of what depends on the sealing keys (``crypto.Ring``). Not here: when rows are resealed
(``sealing``), the successor of a used refresh token, which lives for seconds, and the stash, whose values live for a day at
most. What of those was sealed with a key that is gone is answered as if it had run out.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import structlog
from sqlalchemy import ColumnElement, Select, Table, and_, false, func, not_, or_, select, tuple_, update
from sqlalchemy.orm import InstrumentedAttribute

from idp import crypto
from idp.crypto import Ring
from idp.db import Base
from idp.errors import Unreadable
from idp.statements import values, write
from idp.store.attempts import Attempt
from idp.store.client_secrets import ClientSecret
from idp.store.email_links import EmailLink
from idp.store.installation_keys import InstallationKey
from idp.store.jobs import JobLine
from idp.store.outbox import OutgoingMail
from idp.store.password_resets import PasswordReset
from idp.store.signing_keys import SigningKey
from idp.store.totp import Totp

Key = str | bytes
"""What names a row within its table: an id, or a digest."""
Span = tuple[Any, ...] | None
"""The primary key of a row at which a walk through a table begins or ends; None for the table's own end."""
log = structlog.get_logger()


@dataclass(frozen=True)
class SealedColumn:
    """One kind of sealed value. ``name``: what administrators call it. ``row``: the column that names a row.

    ``bound_to`` is part of what each value is sealed for (``place``): the column's name when its first value was sealed. It
    stays the same if the table or the column is renamed.
    """

    name: str
    bound_to: str
    column: InstrumentedAttribute[Any]
    row: InstrumentedAttribute[Any]
    form: Literal["bytes", "text", "json"] = "text"
    """``json``: the value is the text in ``{"sealed": …}``."""

    @property
    def value(self) -> ColumnElement[Any]:
        """The sealed value itself, in SQL."""
        return self.column["sealed"].as_string() if self.form == "json" else self.column.expression

    def place(self, key: Key) -> str:
        """Return what binds a value to its row: copied to another row it does not open."""
        return f"{self.bound_to}:{key.hex() if isinstance(key, bytes) else key}"

    def seal(self, ring: Ring, key: Key, plain: bytes) -> Any:
        """Seal ``plain`` for the row that ``key`` names."""
        blob = ring.seal(plain, self.place(key))
        return blob if self.form == "bytes" else crypto.b64url(blob)

    def open(self, ring: Ring, key: Key, value: Any) -> bytes:
        """Open a value. Raises ``Unreadable`` and logs the kind and the key's name if it does not open."""
        blob = b""
        try:
            blob = self._blob(value)
            return ring.open(blob, self.place(key))
        except Unreadable:
            log.error("sealed_value_does_not_open", kind=self.name, key=_name_of(blob))
            raise

    def seal_json(self, ring: Ring, key: Key, value: Any) -> str:
        """Seal a JSON value for a text column."""
        return ring.seal_json(value, self.place(key))

    def open_json(self, ring: Ring, key: Key, value: str) -> Any:
        """Open what ``seal_json`` made. Raises ``Unreadable``."""
        return json.loads(self.open(ring, key, value))

    def span_end(self, after: Span, most: int) -> Span:
        """Return the key of the last of the next ``most`` rows after ``after``; None where fewer are left."""
        keys = self._keys
        end = select(*keys).where(*([tuple_(*keys) > tuple_(*after)] if after else [])).order_by(*keys)
        found = values(end.offset(most - 1).limit(1))
        return tuple(found[0]) if found else None

    def has_old(self, ring: Ring, after: Span, until: Span) -> bool:
        """Return whether an old key of the ring sealed a row in a span. Locks nothing."""
        return bool(values(self._old(ring, after, until).limit(1)))

    def reseal(self, ring: Ring, after: Span, until: Span) -> int:
        """Move the rows of a span to the current key, within the transaction. Returns how many moved.

        Skips locked rows (PostgreSQL), so the sweep cannot deadlock.
        """
        found = values(self._old(ring, after, until).with_for_update(skip_locked=True))
        return sum(self._move(ring, name, value, self._is_row(key)) for *key, name, value in found)

    @property
    def _keys(self) -> tuple[Any, ...]:
        return tuple(cast(Table, self.column.class_.__table__).primary_key.columns)

    def _is_row(self, key: Sequence[Any]) -> ColumnElement[bool]:
        return and_(*(column == value for column, value in zip(self._keys, key, strict=True)))

    def _old(self, ring: Ring, after: Span, until: Span) -> Select[*tuple[Any, ...]]:
        keys = tuple_(*self._keys)
        here = [keys > tuple_(*after)] if after else []
        here += [keys <= tuple_(*until)] if until else []
        asked = select(*self._keys, self.row.label("sealed_row"), self.value.label("sealed_value"))
        return asked.where(*here, self._sealed_by(ring.names[1:])).order_by(*self._keys)

    def reseal_row(self, ring: Ring, row: Base) -> bool:
        """Move one row to the current key, within the transaction. Does nothing if the row changed since it was read."""
        value = getattr(row, self.column.key)
        is_row = self._is_row([getattr(row, column.key) for column in self._keys])
        return not ring.is_current(self._blob(value)) and self._move(ring, getattr(row, self.row.key), value, is_row)

    def _blob(self, value: Any) -> bytes:
        return bytes(value) if self.form == "bytes" else crypto.from_b64url(value)

    def _move(self, ring: Ring, key: Key, value: Any, is_row: ColumnElement[bool]) -> bool:
        try:
            plain = self.open(ring, key, value)
        except Unreadable:
            return False
        sealed = self.seal(ring, key, plain)
        moved = {self.column: {"sealed": sealed} if self.form == "json" else sealed}
        return write(update(self.column.class_).where(is_row, self.value == value).values(moved)) == 1

    def count_old(self, ring: Ring) -> int:
        """Count the rows that an old key of the ring sealed."""
        return self._count(self._sealed_by(ring.names[1:]))

    def count_unknown(self, ring: Ring) -> int:
        """Count the rows sealed with a key that is not in the ring."""
        return self._count(self.value != (b"" if self.form == "bytes" else ""), not_(self._sealed_by(ring.names)))

    def _count(self, *here: ColumnElement[bool]) -> int:
        return int(values(select(func.count()).select_from(self.column.class_).where(*here))[0][0])

    def sample(self, key_name: str) -> tuple[Key, Any] | None:
        """Return one row whose value names this key, or None."""
        found = values(select(self.row, self.value).where(self._sealed_by((key_name,))).limit(1))
        return (found[0][0], found[0][1]) if found else None

    def _sealed_by(self, names: Sequence[str]) -> ColumnElement[bool]:
        """Match the rows that one of these keys sealed, by the first bytes of the value."""
        begins: list[ColumnElement[bool]] = []
        for name in names:
            marks: Sequence[str | bytes] = [crypto.mark(name)] if self.form == "bytes" else crypto.text_marks(name)
            begins.append(func.substr(self.value, 1, len(marks[0])).in_(marks))
        return or_(false(), *begins)


def _name_of(blob: bytes) -> str:
    try:
        return crypto.key_name(blob)
    except Unreadable:
        return "?"


TOTP = SealedColumn("authenticator app", "totp:sealed_secret", Totp.sealed_secret, Totp.id, "bytes")
SIGNING_KEYS = SealedColumn("signing key", "signing_keys:sealed_private", SigningKey.sealed_private, SigningKey.kid, "bytes")
MAILS = SealedColumn("mail", "outbox:sealed_values", OutgoingMail.sealed_values, OutgoingMail.id)
EMAIL_LINKS = SealedColumn("mailed link", "mailed_links:sealed_values", EmailLink.sealed_values, EmailLink.digest)
PASSWORD_RESETS = SealedColumn(
    "reset request", "reset_requests:sealed_values", PasswordReset.sealed_values, PasswordReset.id
)
ATTEMPTS = SealedColumn("sign-in in progress", "attempts:sealed", Attempt.sealed, Attempt.digest)
NEEDS = SealedColumn("request of a sign-in", "attempts:needs", Attempt.needs, Attempt.digest, "json")
INSTALLATION_KEYS = SealedColumn(
    "installation key", "installation_keys:sealed", InstallationKey.sealed, InstallationKey.name, "bytes"
)
CLIENT_SECRETS = SealedColumn("client secret", "client_secrets:sealed", ClientSecret.sealed, ClientSecret.id)
JOB_LINES = SealedColumn("line of a job", "job_lines:sealed", JobLine.sealed, JobLine.id)
JOB_CODES = SealedColumn("printed code", "job_lines:sealed_code", JobLine.sealed_code, JobLine.id)
COLUMNS = (
    TOTP, SIGNING_KEYS, INSTALLATION_KEYS, CLIENT_SECRETS, MAILS, EMAIL_LINKS, PASSWORD_RESETS, ATTEMPTS, NEEDS,
    JOB_LINES, JOB_CODES,
)  # fmt: skip
