"""Provide pages of password reset, of addresses and of mailed links for ``samples``."""

from dataclasses import replace
from typing import Any

from idp.errors import say, say_many
from idp.factors import COUNTERS
from idp.identity.accounts.invitations import WRONG_CODE
from idp.identity.credentials.reauthentication import WRONG_PASSWORD
from idp.identity.email_links import GONE
from idp.signin.step import Frame
from idp.signin.steps.verify_email import VerifyEmailPage
from idp.web.account.email import AddressPage
from idp.web.approve import ApprovePage
from idp.web.device import NOT_SHOWN, DeviceCodePage, DevicePage
from idp.web.email_links import ACTIONS, PressPage
from idp.web.link_pages import OutcomePage
from idp.web.password_reset import ChoosePage, ForgottenPage, WelcomePage
from idp.web.unlock import UnlockPage
from tests.drivers.words import BACK_TO_SIGNING_IN, CHECK_YOUR_E_MAIL, YOUR_PASSWORD_IS_SET

LONG = "customer.with.a.very.long.address@webshop.example"
FORGOTTEN = ForgottenPage("example-shoes", "", "a")
CHOOSE = ChoosePage("token" * 10, "sanne", "Example Shoes", 12, is_first=False)
MAILED = say("An e-mail is on its way to %(email)s.", email="new@shoes.example")
ADDRESS = AddressPage("sanne", "Example Shoes", "sanne@shoes.example", is_verified=True, pending="")
VERIFY = VerifyEmailPage(Frame("a", "/sign-in/a", "verify_email", "sealed" * 60), LONG, 6, was_sent=False)
UNLOCK = UnlockPage("token" * 10, "sanne", "Example Shoes", (COUNTERS["totp"].words,))
ENDED = say("Everybody who was signed in to your account is signed out. Sign in with the new password.")
TOO_SHORT = say_many(
    "Choose a password of at least %(num)s character.", "Choose a password of at least %(num)s characters.", 12
)
PRESS = {
    f"press-{purpose}": (
        "email_links/press.html",
        PressPage(
            action=f"/link/{purpose}",
            token="token",
            heading=action.heading,
            sentences=action.sentences,
            button=action.button,
            otherwise=action.otherwise,
            username="sanne",
            organisation_name="Example Shoes",
            email=LONG,
        ),
    )
    for purpose, action in ACTIONS.items()
}

DEVICE = DevicePage("/device/confirm/a", "Kassa", "Kassa 3", "Utrecht Station", "BCDF-GHJK", "sanne", "Example Shoes")
APPROVE = ApprovePage(
    "/approve/confirm/a", "Kassa", "Bon R-17: € 49,95", "Kassa 3", "Utrecht Station", "sanne", "Example Shoes"
)

REFUND = {"": "Refund €49.95 for receipt R-17 (Till)", "nl": "€ 49,95 terugbetalen voor bon R-17 (Till)"}
ACTS: Any = (REFUND, {"en": LONG, "nl": LONG})

SENT = (
    say("If this account exists and has a verified e-mail address, an e-mail with a link is on its way."),
    say("Nothing after a few minutes? Check your spam folder, or ask an administrator of your organisation."),
)
LINKS: dict[str, tuple[str, object]] = {
    "approve": ("oauth/approve.html", APPROVE),
    "approve-long": (
        "oauth/approve.html",
        replace(APPROVE, client_name=LONG, message=LONG, device_name="", shop_name=LONG),
    ),
    "approve-acts": ("oauth/approve.html", replace(APPROVE, details=ACTS)),
    "device-acts": ("oauth/device.html", replace(DEVICE, details=ACTS)),
    "device-code": ("oauth/device_code.html", DeviceCodePage("")),
    "device-code-wrong": ("oauth/device_code.html", DeviceCodePage("BCDF-GHJK", (NOT_SHOWN,))),
    "device": ("oauth/device.html", DEVICE),
    "device-long": ("oauth/device.html", replace(DEVICE, client_name=LONG, device_name=LONG, shop_name=LONG, username=LONG)),
    "forgotten": ("password_reset/forgotten.html", FORGOTTEN),
    "forgotten-empty": ("password_reset/forgotten.html", ForgottenPage("", "", "", (say("Fill in both fields."),))),
    "forgotten-sent": (
        "email_links/outcome.html",
        OutcomePage(say(CHECK_YOUR_E_MAIL), SENT, "/sign-in/a", say(BACK_TO_SIGNING_IN)),
    ),
    "reset": ("password_reset/choose.html", CHOOSE),
    "reset-wrong": ("password_reset/choose.html", replace(CHOOSE, username=LONG, errors=(TOO_SHORT,))),
    "reset-first": ("password_reset/choose.html", replace(CHOOSE, is_first=True)),
    "reset-done": ("email_links/outcome.html", OutcomePage(say(YOUR_PASSWORD_IS_SET), (ENDED,), signs_in=True)),
    "unlock": ("email_links/unlock.html", UNLOCK),
    "unlock-wrong": (
        "email_links/unlock.html",
        replace(UNLOCK, username=LONG, closed=tuple(one.words for one in COUNTERS.values()), errors=(WRONG_PASSWORD,)),
    ),
    "unlock-open": ("email_links/unlock.html", replace(UNLOCK, closed=())),
    "welcome": ("email_links/welcome.html", WelcomePage("", "")),
    "welcome-wrong": ("email_links/welcome.html", WelcomePage("example-shoes", LONG, (WRONG_CODE,))),
    "address": ("account/email.html", ADDRESS),
    "address-pending": ("account/email.html", replace(ADDRESS, is_verified=False, pending=LONG, email=LONG)),
    "address-sent": ("account/email.html", replace(ADDRESS, pending="new@shoes.example", done=MAILED)),
    "address-none": ("account/email.html", replace(ADDRESS, email="", is_verified=False, typed="x", errors=(GONE,))),
    "verify-email": ("signin/verify_email.html", VERIFY),
    "verify-email-closed": ("signin/verify_email.html", replace(VERIFY, days_left=0, was_sent=True)),
    **PRESS,
}
