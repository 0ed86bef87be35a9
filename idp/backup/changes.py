"""Find what changed since a backup, in the audit log of the database that it replaces.

The audit log is only believed if each of its chains goes on from the row at which the backup ends, whole to its head. Then
everything that was withdrawn since is withdrawn again. Without a log everything may have been withdrawn, and is closed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from idp.audit import Event, chain
from idp.store import audit, epoch
from idp.store.audit import AuditRow

ACCOUNT = frozenset(
    (
        Event.USER_DISABLED, Event.USER_CHANGED, Event.ADDRESS_CHANGED, Event.ADDRESS_RESTORED, Event.OWNERSHIP_GIVEN,
        Event.OWNERSHIP_TAKEN, Event.OWNER_APPOINTED, Event.OWNER_RECOVERY_DONE, Event.ORGANISATION_CHANGED,
    )
)  # fmt: skip
"""The rights or the address of a user changed: the account is closed until an operator opens it."""
FACTOR = frozenset(
    (
        Event.FACTOR_SET_UP, Event.FACTOR_SET_UP_AGAIN, Event.FACTOR_REMOVED, Event.FACTOR_RESET, Event.PASSKEY_ADDED,
        Event.PASSKEY_REMOVED, Event.APP_REMOVED, Event.OWNER_RECOVERY_DONE,
    )
)  # fmt: skip
"""The second factor in the backup is outdated: it is reset, as an administrator would do (S47)."""
PASSWORD = frozenset((Event.PASSWORD_CHANGED, Event.PASSWORD_SENT, Event.ACCOUNT_LOCKED, *FACTOR, *ACCOUNT))
"""The password is closed: the user chooses a new one by a mailed link. The backup lacks the wrong guesses of a lockout."""
CLIENT = frozenset((Event.CLIENT_CHANGED, Event.CLIENT_DELETED, Event.CLIENT_SECRET_MADE, Event.CLIENT_SECRET_ENDED))
GONE: Mapping[str, str] = {
    Event.USER_CREATED: "new account",
    Event.CLIENT_CREATED: "new app",
    Event.ORGANISATION_CREATED: "new organisation",
    Event.ORGANISATION_CHANGED: "change of an organisation",
    Event.ORGANISATION_ENABLED: "enabling of an organisation",
    Event.GROUP_CHANGED: "change of a group",
    Event.SHOP_CHANGED: "change of a shop",
    Event.POLICY_CHANGED: "change of a dated rule",
}
"""What a restore undoes, and operators may have to do again."""

Account = tuple[str, str]
"""The ids of an organisation and of a user in it."""


@dataclass
class Changes:
    """What changed since a backup. ``required``: users who must set up a second factor.

    ``removed``, ``disabled``: organisations.
    """

    accounts: set[Account] = field(default_factory=set)
    passwords: set[Account] = field(default_factory=set)
    factors: set[Account] = field(default_factory=set)
    required: set[Account] = field(default_factory=set)
    clients: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    disabled: set[str] = field(default_factory=set)
    gone: dict[str, int] = field(default_factory=dict)
    has_rotated: bool = False
    """The key that signs in the backup was replaced."""

    def note(self, row: AuditRow) -> None:
        """Take one event into account."""
        account = (row.organisation_id, row.subject_id)
        is_own = row.event == Event.USER_CHANGED and row.actor_id == row.subject_id  # name, language: no rights
        if row.event in ACCOUNT and row.subject_id and not is_own:
            self.accounts.add(account)
        if row.event in PASSWORD and row.subject_id and not is_own:
            self.passwords.add(account)
        if row.event in FACTOR:
            self.factors.add(account)
        if row.event == Event.FACTOR_REQUIRED:
            self.required.add(account)
        if row.event in CLIENT:
            self.clients.add(row.client_id)
        if row.event == Event.ORGANISATION_CHANGED and row.data.get("removed"):
            self.removed.add(row.organisation_id)
        if row.event == Event.ORGANISATION_DISABLED:
            self.disabled.add(row.organisation_id)
        if row.event == Event.ORGANISATION_ENABLED:
            self.disabled.discard(row.organisation_id)
        if row.event == Event.KEY_ROTATED:
            self.has_rotated = True
        if kind := GONE.get(row.event):
            self.gone[kind] = self.gone.get(kind, 0) + 1


class NotItsTrail(Exception):
    """The audit log does not continue from the backup. The text says why."""


def since(heads: Mapping[str, tuple[int, str]]) -> Changes:
    """Read what changed since a backup whose chains end at ``heads``. Raises ``NotItsTrail``.

    The former database must be open, and no process may write to it.
    """
    if epoch.epoch() is None:
        raise NotItsTrail("it is a restore that was not finished")
    found = Changes()
    for organisation_id in sorted({*heads, *audit.chain_ids()}):
        seq, hashed = heads.get(organisation_id, (0, bytes(32).hex()))
        if seq and [row.hash.hex() for row in audit.rows(organisation_id, seq - 1, 1) if row.seq == seq] != [hashed]:
            raise NotItsTrail("its audit log is not the one of the backup")
        if fault := chain.verify(organisation_id, seq, bytes.fromhex(hashed)):
            raise NotItsTrail(f"its audit log is broken at entry {fault.seq}: {fault.why}")
        for row in _rows_after(organisation_id, seq):
            if row.event == Event.RESTORED:
                raise NotItsTrail("it was restored itself since the backup")
            found.note(row)
    return found


def _rows_after(organisation_id: str, seq: int) -> Iterator[AuditRow]:
    while rows := audit.rows(organisation_id, seq, chain.PAGE):
        yield from rows
        seq = rows[-1].seq
