"""Describe the apps that people can open from their own pages."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from idp.store import clients as store
from idp.store.client_registrations import ClientRegistration
from idp.store.clients import Client


@dataclass(frozen=True)
class Launchable:
    """Hold an app that people can open. ``initiate``: where it begins a sign-in (Core §4), or ``home``, its own page."""

    client_id: str
    name: str
    initiate: str
    home: str
    organisations: tuple[str, ...]
    icon: str
    """The id of its icon; empty if it has none."""

    def serves(self, organisation_id: str) -> bool:
        """Return whether people of this organisation may use it."""
        return store.serves(self.organisations, organisation_id)


def launchable_of(row: Client, icon: str) -> Launchable:
    """Return an app with its addresses. One to which nobody signs in at a browser has none."""
    is_opened = "authorization_code" in row.metadata_.get("grant_types", ())
    initiate, home = (str(row.metadata_.get(name) or "") for name in ("initiate_login_uri", "client_uri"))
    return Launchable(
        row.client_id, row.name, initiate if is_opened else "", home if is_opened else "", tuple(row.organisations), icon
    )


def launchable_among(
    rows: Iterable[Client], registrations: Iterable[ClientRegistration], icons: Mapping[str, str]
) -> tuple[Launchable, ...]:
    """Return the apps that people can open: enabled, with an address, and none that registered itself.

    ``icons``: ids of icons by ``client_id``.
    """
    alone = {row.client_id for row in registrations}
    found = (
        launchable_of(row, icons.get(row.client_id, ""))
        for row in rows
        if row.disabled_at is None and row.client_id not in alone
    )
    return tuple(one for one in found if one.initiate or one.home)
