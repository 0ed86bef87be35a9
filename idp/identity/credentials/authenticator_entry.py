"""The entry in an authenticator app: its issuer and its account's name, by the key-URI format of Google Authenticator.

A label has one colon, between issuer and account, and the parameter ``issuer`` equals the part before it. Readers take an
encoded colon for the separator too, so neither part may contain one. Both are stored with the factor, because an app
overwrites its entry only if both stay the same (S26), whatever was renamed since.
"""

from dataclasses import dataclass
from urllib.parse import quote

from idp.config import Settings
from idp.store import totp
from idp.store.organisations import Organisation
from idp.store.users import User

LONGEST_LABEL = 96
"""Characters that are stored of a label."""


@dataclass(frozen=True)
class AppEntry:
    """What an app shows of an entry."""

    issuer: str
    label: str


def entry_of(settings: Settings, organisation: Organisation, user: User, number: int) -> AppEntry:
    """Return the entry of the user's last authenticator app of a number (S26), or a new one from the present names."""
    last = totp.last_totp(user.organisation_id, user.id, number)
    if last is not None and last.issuer and last.label:
        return AppEntry(last.issuer, last.label)
    return new_entry(settings.name, organisation.name, user, number)


def new_entry(product: str, shop: str, user: User, number: int = 1) -> AppEntry:
    """Make an entry for names of any kind: ``Sleutel`` and ``jan (Example Shoes)``, the next one ``… 2``. Pure.

    Names are cut: a QR code that holds more than some hundred characters is too dense for a phone's camera.
    """
    username = without_colons(user.username)
    kept = _fitted(username, 56)
    # Two usernames may be cut to the same one; the end of the id keeps one entry from overwriting the other.
    whose = username if kept == username else f"{kept}… {user.id[-6:]}"
    which = f" {number}" if number > 1 else ""  # else it would overwrite the entry of the person's first app
    return AppEntry(
        _fitted(without_colons(product), 30) or "Sleutel", f"{whose} ({_fitted(without_colons(shop), 26)}){which}"
    )


def without_colons(name: str) -> str:
    """Return a name without colons, as they separate issuer and account."""
    return " ".join("".join("-" if letter in ":：﹕" else letter for letter in name).split())


def _fitted(name: str, most: int) -> str:
    """Cut a name to a number of characters, and to twice as many once it is encoded."""
    kept = name[:most]
    while len(quote(kept, safe="")) > 2 * most:
        kept = kept[:-1]
    return kept.strip()
