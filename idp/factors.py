"""List the second factors, one entry each in ``FACTORS``, and trust in a device. A new factor begins with an entry here.

Assurance, policy, removal, lockout, activity, export, mail, console and profile read this table and name no factor. Not
here: how a factor is checked (``identity.credentials``), and the page that asks for it (``signin.steps``).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal

from idp.audit import Event
from idp.errors import Message, say, say_many
from idp.factor import Counter, Factor, Method, Owned, Ownership, Panel, Shown
from idp.store import email_links, passkeys, recovery_codes, remembered_devices, totp

NOTHING, PASSWORD, REMEMBERED, SECOND, PHISHING_RESISTANT, HARDWARE = 0, 1, 2, 3, 4, 5
"""The levels of assurance."""

MethodName = Literal["password", "totp", "recovery", "bypass", "passkey", "remembered"]


def _always(level: int) -> Callable[[Shown], int]:
    return lambda _: level


def _app_level(organisation_id: str, user_id: str) -> int:
    return SECOND if totp.active_totps(organisation_id, user_id) else NOTHING


def _app_levels(organisation_id: str) -> Mapping[str, int]:
    return dict.fromkeys(totp.totp_owners(organisation_id), SECOND)


def _app_since(organisation_id: str, user_id: str) -> datetime | None:
    return min((row.active_since for row in totp.active_totps(organisation_id, user_id)), default=None)


def _strength(*, is_hardware: bool) -> int:
    return HARDWARE if is_hardware else PHISHING_RESISTANT


def _passkey_beside_password(shown: Shown) -> int:
    return _strength(is_hardware=shown.hardware and not shown.copyable)


def _passkey_alone(shown: Shown) -> int:
    return _passkey_beside_password(shown) if shown.user_verified else NOTHING


def _passkey_amr(shown: Shown) -> tuple[str, ...]:
    kind = "swk" if shown.copyable else "hwk"
    return (kind, "user") if shown.user_verified else (kind,)


def _passkey_level(organisation_id: str, user_id: str) -> int:
    kinds = passkeys.kinds_of(organisation_id, user_id)
    return max((_strength(is_hardware=kind) for kind in kinds), default=NOTHING)


def _passkey_levels(organisation_id: str) -> Mapping[str, int]:
    levels: dict[str, int] = defaultdict(int)
    for user_id, is_hardware in passkeys.kinds(organisation_id):
        levels[user_id] = max(levels[user_id], _strength(is_hardware=is_hardware))
    return levels


def _passkey_since(organisation_id: str, user_id: str) -> datetime | None:
    return min((row.created_at for row in passkeys.passkeys_of(organisation_id, user_id)), default=None)


def _drop_codes(organisation_id: str, user_id: str, now: datetime) -> int:
    email_links.void_links(organisation_id, user_id, now, ("bypass",))
    return recovery_codes.remove_recovery_set(organisation_id, user_id, now)


BY_PASSWORD = Method("password", _always(PASSWORD), _always(PASSWORD), lambda _: ("pwd",))
APP = Factor(
    name="totp",
    methods=(Method("totp", _always(NOTHING), _always(SECOND), lambda _: ("otp",)),),
    ownership=Ownership(_app_level, _app_levels, _app_since),
    drop=totp.remove_totp,
    signed_in=say("Signed in with password and code"),
    counters={
        "totp": Counter(
            say("Codes of your authenticator app"),
            say(
                "After many wrong attempts in a row, signing in with a code of the authenticator app was blocked for "
                "%(username)s at %(organisation)s on %(when)s."
            ),
        )
    },
    events={
        Event.FACTOR_SET_UP: say("Second factor set up"),
        Event.FACTOR_SET_UP_AGAIN: say("Second factor set up again"),
        Event.APP_RENAMED: say("Authenticator app renamed"),
        Event.APP_REMOVED: say("Authenticator app removed"),
        Event.CODE_WRONG: say("Wrong code entered"),
    },
    notices={
        "factor_set_up": say("Second factor set up"),
        "factor_set_up_again": say("Second factor set up again"),
    },
    first_notice="factor_set_up",
    set_up=say(
        "An authenticator app was set up for %(username)s at %(organisation)s on %(when)s. From now on signing in asks for "
        "a code from that app."
    ),
)
RECOVERY_CODES = Factor(
    name="recovery",
    methods=(
        Method("recovery", _always(NOTHING), _always(SECOND), lambda _: ("recovery",)),
        Method("bypass", _always(NOTHING), _always(SECOND), lambda _: ("recovery",)),  # an administrator's code for today
    ),
    drop=_drop_codes,
    signed_in=say("Signed in with password and recovery or one-time code"),
    counters={
        "recovery": Counter(
            say("Recovery codes"),
            say(
                "After many wrong attempts in a row, signing in with a recovery code was blocked for "
                "%(username)s at %(organisation)s on %(when)s."
            ),
        )
    },
    events={
        Event.RECOVERY_CODES_MADE: say("Recovery codes created"),
        Event.RECOVERY_CODE_WRONG: say("Wrong recovery code entered"),
        Event.LAST_RECOVERY_CODE_SHOWN: say("Last recovery code entered"),
        Event.RECOVERY_CODE_USED: say("Recovery code used"),
        Event.BYPASS_CODE_ISSUED: say("One-time code for today issued"),
        Event.BYPASS_CODE_USED: say("One-time code for today used"),
    },
    notices={
        "recovery_codes_made": say("Recovery codes created"),
        "recovery_code_used": say("Recovery code used"),
        "bypass_code_issued": say("One-time code for today issued"),
        "bypass_code_used": say("One-time code for today used"),
    },
)
PASSKEY = Factor(
    name="passkey",
    methods=(Method("passkey", _passkey_alone, _passkey_beside_password, _passkey_amr),),
    ownership=Ownership(_passkey_level, _passkey_levels, _passkey_since),
    drop=passkeys.remove_passkeys,
    signed_in=say("Signed in with a passkey"),
    counters={
        "passkey": Counter(
            say("Passkeys and security keys"),
            say(
                "After many wrong attempts in a row, signing in with a passkey or security key was blocked for "
                "%(username)s at %(organisation)s on %(when)s."
            ),
        )
    },
    events={
        Event.PASSKEY_ADDED: say("Passkey added"),
        Event.PASSKEY_RENAMED: say("Passkey renamed"),
        Event.PASSKEY_REMOVED: say("Passkey removed"),
        Event.PASSKEY_WRONG: say("Passkey not accepted"),
        Event.PASSKEY_BEHIND: say("Passkey used that may have been copied"),
    },
    notices={
        "passkey_added": say("Passkey added"),
        "passkey_behind": say("Passkey that may have been copied"),
        "passkey_removed": say("Passkey removed"),
    },
    first_notice="passkey_added",
    panel=Panel(
        endpoint="passkeys",
        title=say("Passkeys and security keys"),
        count=lambda organisation_id, user_id: len(passkeys.passkeys_of(organisation_id, user_id)),
        has=lambda count: say_many("You have %(num)s passkey.", "You have %(num)s passkeys.", count),
        lacks=say("Sign in with your fingerprint, face or PIN, without a password."),
        add=say("Add a passkey"),
        active=say("Active: you use a passkey"),
    ),
)
FACTORS = (APP, RECOVERY_CODES, PASSKEY)
"""The order of pages. If a sign-in used several, the last one describes it."""

TRUST = Factor(
    name="remembered",
    methods=(Method("remembered", _always(NOTHING), _always(REMEMBERED), lambda _: (), is_trust=True),),
    drop=remembered_devices.revoke_devices,
    events={
        Event.DEVICE_REMEMBERED: say("Device remembered"),
        Event.DEVICE_FORGOTTEN: say("Remembered device forgotten"),
        Event.DEVICES_FORGOTTEN: say("All remembered devices forgotten"),
    },
)
"""Trust in a device. It replaces the code of a factor and is no factor itself."""

METHODS: Mapping[str, Method] = {
    method.name: method for method in (BY_PASSWORD, *(method for factor in (*FACTORS, TRUST) for method in factor.methods))
}
"""The methods by name, in their order in ``amr``."""
REPLACING = frozenset(method.name for factor in FACTORS if factor.ownership is None for method in factor.methods)
"""Methods that replace a lost factor of any kind."""
EVENTS: Mapping[str, Message] = {event: words for factor in (*FACTORS, TRUST) for event, words in factor.events.items()}
NOTICES: Mapping[str, Message] = {template: words for factor in FACTORS for template, words in factor.notices.items()}
SET_UP_COUNTER = Counter(
    say("Setting up a second factor"),
    say(
        "After many wrong attempts in a row, setting up a second factor was blocked for %(username)s at %(organisation)s on "
        "%(when)s."
    ),
)
COUNTERS: Mapping[str, Counter] = {
    **{name: counter for factor in FACTORS for name, counter in factor.counters.items()},
    "set_up": SET_UP_COUNTER,
}
"""The counters that the password and a mailed link open again."""
FIRST_NOTICES = frozenset(factor.first_notice for factor in FACTORS if factor.first_notice)


def owned_by(organisation_id: str, user_id: str) -> tuple[Owned, ...]:
    """Return the factors that a user owns."""
    levels = [(factor.name, factor.ownership.level(organisation_id, user_id)) for factor in FACTORS if factor.ownership]
    return tuple(Owned(name, level) for name, level in levels if level)


def owned_in(organisation_id: str) -> Mapping[str, tuple[Owned, ...]]:
    """Return the factors of an organisation's users, by user id. Users without one are left out."""
    found: dict[str, tuple[Owned, ...]] = {}
    for factor in FACTORS:
        for user_id, level in (factor.ownership.levels(organisation_id) if factor.ownership else {}).items():
            found[user_id] = (*found.get(user_id, ()), Owned(factor.name, level))
    return found


def since(organisation_id: str, user_id: str) -> Mapping[str, datetime]:
    """Return the date since which a user owns each factor, by its name."""
    found = {factor.name: factor.ownership.since(organisation_id, user_id) for factor in FACTORS if factor.ownership}
    return {name: at for name, at in found.items() if at is not None}


def owns_another(organisation_id: str, user_id: str, factor: Factor) -> bool:
    """Check if a user owns a factor besides ``factor``."""
    others = (other.ownership for other in FACTORS if other is not factor and other.ownership)
    return any(ownership.level(organisation_id, user_id) for ownership in others)


def mail_sentence(template: str, values: Mapping[str, object]) -> Message | None:
    """Return the sentence of a mail that differs by factor, None for other mails.

    Stored mails of older versions name no factor: they are about the authenticator app.
    """
    if template == "unlock":
        return COUNTERS.get(str(values.get("authenticator")), COUNTERS[APP.name]).blocked
    named = {factor.name: factor.set_up for factor in FACTORS}
    return named.get(str(values.get("factor", APP.name))) if template == APP.first_notice else None


def drop_all(organisation_id: str, user_id: str, now: datetime) -> int:
    """Remove all factors of a user, within the transaction. Returns their number."""
    return sum([factor.drop(organisation_id, user_id, now) for factor in FACTORS])


def drop_replacing(organisation_id: str, user_id: str, now: datetime) -> int:
    """Remove the replacements of a lost factor, within the transaction: without a factor they replace nothing (S28)."""
    return sum([factor.drop(organisation_id, user_id, now) for factor in FACTORS if factor.ownership is None])
