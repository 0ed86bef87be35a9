"""Trust in devices (S36–S40): one row for each device and user, with a fixed end. Never a factor."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from idp import clock, crypto
from idp.audit import Event, Origin, record
from idp.config import Settings
from idp.db import transaction
from idp.errors import NotFound
from idp.identity.organisations.settings import OrganisationSettings
from idp.store import remembered_devices
from idp.store.remembered_devices import RememberedDevice
from idp.store.users import User


def digest_of(device_token: str) -> bytes:
    """Return what is stored of the device's cookie, which serves all organisations and users of a browser."""
    return crypto.digest("device", device_token)


def remember(
    settings: Settings,
    organisation_settings: OrganisationSettings,
    user: User,
    device_token: str,
    label: str,
    now: datetime,
) -> str:
    """Trust a device for a user from its tick on (S36, S38). Returns the id of the trust."""
    days = min(settings.lifetimes.remember_device_days, organisation_settings.remember_device_days)
    device_id = crypto.new_id()
    with transaction():
        remembered_devices.remember(
            RememberedDevice(
                organisation_id=user.organisation_id,
                user_id=user.id,
                digest=digest_of(device_token),
                id=device_id,
                label=label[:100],
                since=now,
                until=now + timedelta(days=days),
            )
        )
    return device_id


def replace_cookie(organisation_id: str, user_id: str, former: str, value: str, now: datetime) -> None:
    """Move a device to a new cookie value at a tick of this user, within the transaction. ``former`` is worthless then.

    Other people's trust in the device moves along and keeps its dates; this user's own is ended, as the tick replaces it.
    """
    if former:
        remembered_devices.end_trust(organisation_id, user_id, digest_of(former), now)
        remembered_devices.rekey_devices(digest_of(former), digest_of(value), now)


def trust(organisation_id: str, user_id: str, device_token: str, now: datetime) -> RememberedDevice | None:
    """Return this user's valid trust in this device, if any (S40)."""
    return remembered_devices.trust_of(organisation_id, user_id, digest_of(device_token), now) if device_token else None


def is_live(organisation_id: str, user_id: str, device_id: str, now: datetime) -> bool:
    """Return whether the trust that a proof names still holds: a grant that rests on it ends with it (S38, S40)."""
    return remembered_devices.live_trust(organisation_id, user_id, device_id, now) is not None


def note_use(organisation_id: str, user_id: str, device_token: str, now: datetime) -> None:
    """Note that trust replaced a code. Its end does not move (S38)."""
    with transaction():
        remembered_devices.note_use(organisation_id, user_id, digest_of(device_token), now)


def devices_of(user: User, now: datetime) -> Sequence[RememberedDevice]:
    """Return a user's remembered devices, newest first."""
    return remembered_devices.devices_of(user.organisation_id, user.id, now)


def revoke(organisation_id: str, user_id: str, device_id: str, origin: Origin) -> str:
    """End trust in one device of this user, and return its label. Raises ``NotFound`` for another user's."""
    with transaction():
        found = remembered_devices.live_trust(organisation_id, user_id, device_id, clock.now())
        if not remembered_devices.revoke_devices(organisation_id, user_id, clock.now(), device_id=device_id):
            raise NotFound(detail="no such device of this user")
        record(
            origin,
            Event.DEVICE_FORGOTTEN,
            organisation_id=organisation_id,
            subject_id=user_id,
            data={"device": device_id},
        )
        return found.label if found else ""
