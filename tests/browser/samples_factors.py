"""Samples of the pages of a person's passkeys and authenticator apps."""

from dataclasses import replace
from typing import Any

from idp.errors import say
from idp.identity.credentials import passkeys
from idp.web.account.authenticator_apps import App, AuthenticatorAppsPage, RemoveAuthenticatorAppPage
from idp.web.account.passkeys import Key, PasskeysPage, RemovePasskeyPage
from tests.browser.samples_console import DAY

KEY = Key("k", "My phone", "iCloud Keychain", is_synced=True, is_hardware=False, added_at=DAY, last_used_at=DAY)
KEYS = (KEY, replace(KEY, id="l", name="", maker="YubiKey 5 NFC", is_synced=False, is_hardware=True, last_used_at=None))
ALL_KEYS = tuple(replace(KEY, id=str(number), name=f"Phone {number}") for number in range(1, passkeys.MOST + 1))
ACCEPTED = '{"rpId":"id.example.com","userId":"AAAA","allAcceptedCredentialIds":[]}'
PHONE = App("a", 1, "My phone", DAY, DAY)
TABLET = App("b", 2, "", DAY, None)
LONG_NAME = replace(PHONE, id="c", number=3, name="The telephone of the shop in Amsterdam, in the drawer on left")
WHY = (say("Required by the group %(group)s", group="2FA"),)
FACTORS: dict[str, tuple[str, Any]] = {
    "passkeys": ("account/passkeys.html", PasskeysPage("sanne", "Example Shoes", KEYS, is_full=False, accepted=ACCEPTED)),
    "passkeys-none": ("account/passkeys.html", PasskeysPage("sanne", "Example Shoes", (), is_full=False, accepted=ACCEPTED)),
    "passkeys-full": (
        "account/passkeys.html",
        PasskeysPage("sanne", "Example Shoes", ALL_KEYS, is_full=True, accepted=ACCEPTED),
    ),
    "passkey-remove": (
        "account/remove_passkey.html",
        RemovePasskeyPage("sanne", "Example Shoes", KEY, is_last=True, asks_password=True),
    ),
    "authenticator-apps": (
        "account/authenticator_apps.html",
        AuthenticatorAppsPage(
            "sanne", "Example Shoes", (PHONE, replace(TABLET, typed="My tablet"), LONG_NAME), is_full=True
        ),
    ),
    "authenticator-apps-one": (
        "account/authenticator_apps.html",
        AuthenticatorAppsPage("sanne", "Example Shoes", (PHONE,), is_full=False, reasons=WHY),
    ),
    "authenticator-apps-none": (
        "account/authenticator_apps.html",
        AuthenticatorAppsPage("sanne", "Example Shoes", (), is_full=False),
    ),
    "authenticator-app-remove": (
        "account/remove_authenticator_app.html",
        RemoveAuthenticatorAppPage("sanne", "Example Shoes", TABLET, is_last=False, asks_password=True),
    ),
    "authenticator-app-remove-last": (
        "account/remove_authenticator_app.html",
        RemoveAuthenticatorAppPage("sanne", "Example Shoes", PHONE, is_last=True, asks_password=True),
    ),
}
