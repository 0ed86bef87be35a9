"""Gather what ``idp user show`` prints about one person."""

from datetime import datetime

from idp import clock
from idp.cli.refusals import in_english
from idp.config import Settings
from idp.identity.credentials import passkeys, remembered_devices
from idp.identity.credentials.authenticator_names import maker_of
from idp.identity.user_fields import USER_FIELDS
from idp.identity.users import lookup
from idp.store import sessions, users
from idp.store import totp as store_totp
from idp.store.organisations import Organisation
from idp.store.passkeys import Passkey
from idp.store.totp import Totp
from idp.store.users import User

MOST_SHOWN = 100
"""Open sessions of one person. A till that many people use may have thousands."""


def all_of(settings: Settings, organisation: Organisation, row: User) -> dict[str, object]:
    """Return details, groups and shops, factors, devices and the newest open sessions, ready for JSON."""
    return {**_details(row), **_belongings(organisation, row), **_proofs(settings, organisation, row)}


def _details(row: User) -> dict[str, object]:
    return {
        "sub": row.id,
        **{field.name: field.value_of(row) for field in USER_FIELDS if not field.is_claim_only or field.name in row.claims},
        "disabled_since": _moment(row.disabled_at),
        "last_login": _moment(row.last_login_at),
    }


def _belongings(organisation: Organisation, row: User) -> dict[str, object]:
    shops = None if row.all_shops else [shop.code for shop in users.shops_of(organisation.id, row.id)]
    groups = [group.name for group in users.groups_of(organisation.id, row.id)]
    return {"organisation": organisation.store_url, "groups": groups, "shops": "all" if shops is None else shops}


def _proofs(settings: Settings, organisation: Organisation, row: User) -> dict[str, object]:
    now = clock.now()
    person = lookup.person_of(settings, organisation, row)
    rules = lookup.rules_of(settings, organisation, person, now)
    apps = store_totp.active_totps(organisation.id, row.id)
    return {
        "password_since": _moment(row.password_changed_at),
        "must_change_password": row.must_change_password,
        "second_factor": {
            "since": _moment(min((app.active_since for app in apps), default=None)),
            "apps": [_app(app) for app in apps],
            "recovery_codes_left": person.recovery_codes_left,
            "must_set_up": person.must_set_up,
            "compulsory_because": [in_english(reason.message) for reason in rules.compulsory_because],
        },
        "passkeys": [_passkey(passkey) for passkey in passkeys.passkeys_of(row)],
        "remembered_devices": [
            {"device": device.label, "since": _moment(device.since), "until": _moment(device.until)}
            for device in remembered_devices.devices_of(row, now)
        ],
        "sessions": [
            {"browser": session.label, "address": session.address, "since": _moment(session.started_at)}
            for session in sessions.sessions_of(organisation.id, row.id, now, None, MOST_SHOWN)
        ],
    }


def _app(row: Totp) -> dict[str, object]:
    since, used = _moment(row.active_since), _moment(row.last_used_at)
    return {"id": row.id, "number": row.number, "name": row.name, "since": since, "last_used": used}


def _passkey(row: Passkey) -> dict[str, object]:
    return {
        "id": row.id,
        "name": row.name,
        "maker": maker_of(row.aaguid),
        "since": _moment(row.created_at),
        "last_used": _moment(row.last_used_at),
        "can_be_copied": row.backup_eligible,
        "hardware": row.hardware,
    }


def _moment(value: datetime | None) -> str | None:
    return value.isoformat(timespec="seconds") if value else None
