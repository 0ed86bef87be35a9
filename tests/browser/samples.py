"""Show every template with a page of each kind, in each state that looks different."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from idp import ip_network
from idp.audit import Event
from idp.errors import Message, say, say_many
from idp.identity.consents import ConnectedApp
from idp.identity.credentials.passwords import LEAKED
from idp.identity.credentials.reauthentication import WRONG_PASSWORD
from idp.identity.sessions.listing import OpenSession
from idp.identity.users.activity import PLAIN, Happening, History
from idp.signin.state import KnownPerson
from idp.signin.step import Frame
from idp.signin.steps.add_passkey import PasskeyPage
from idp.signin.steps.after_recovery_code import RecoveredPage
from idp.signin.steps.choose_account import AccountPage
from idp.signin.steps.consent import ConsentPage
from idp.signin.steps.leaked_password import LeakedPage
from idp.signin.steps.new_password import NewPasswordPage
from idp.signin.steps.organisation import OrganisationPage
from idp.signin.steps.password import MISMATCH, PasswordPage
from idp.signin.steps.second_factor import SCAN_AGAIN, WRONG_CODE, WRONG_RECOVERY, FactorPage
from idp.signin.steps.set_up_totp import SetUpPage
from idp.signin.steps.show_recovery_codes import RecoveryCodesPage
from idp.signin.steps.use_passkey import NOT_ACCEPTED, PasskeyAsk
from idp.web.account.activity import ActivityPage
from idp.web.account.apps import AppsPage
from idp.web.account.credentials import RemoveFactorPage
from idp.web.account.home import App, Asked, HomePage
from idp.web.account.profile import DetailsPage
from idp.web.account.security import Device, FactorPanel, SecurityPage
from idp.web.account.sessions import SessionsPage
from idp.web.oauth_pages import FormPostPage, LogoutPage, SignedOutPage
from idp.web.pages import NOT_TAKEN, TEXTS, TITLES, ErrorPage
from idp.web.pagination import NO_PAGES, Pages
from tests.browser.samples_apps import APPS
from tests.browser.samples_console import ZONES
from tests.browser.samples_factors import FACTORS
from tests.browser.samples_links import LINKS, REFUND
from tests.browser.samples_menu import in_menu
from tests.browser.samples_person import CONSOLE_PAGES
from tests.browser.samples_rules import RULES
from tests.drivers.words import (
    ADD_A_PASSKEY,
    YOU_ARE_SIGNED_OUT_SENTENCE,
    YOUR_NAME_IS_SAVED,
    YOUR_PASSWORD_IS_CHANGED,
)

DAY = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
LONG = "customer.with.a.very.long.address@webshop.example"
REASONS = (
    say("Required for administrators and owners."),
    say("Required by the policy %(policy)s since %(date)s.", policy="xero-au", date=DAY.date()),
)


def _frame(step: str, *errors: Message, client_name: str = "Kassa", organisation_name: str = "") -> Frame:
    return Frame(
        attempt_id="a",
        action="/sign-in/a",
        step=step,
        request="sealed" * 60,
        client_name=client_name,
        organisation_name=organisation_name,
        username="sanne",
        errors=errors,
        notices=(say("This page was out of date, so signing in starts again."),) if step == "organisation" else (),
    )


MISTAKE = (say("The app made a mistake"), say("The app sent you here with an invalid request."))
DEVELOPER = (
    ("error", "invalid_request"),
    ("error_description", "The redirect_uri is not registered. A registered address is the same but for its port."),
    ("client_id", "webshop"),
    ("redirect_uri", "https://shop.example/a?" + "long" * 30),
)
PEOPLE = (
    KnownPerson("o", "1", "sanne", "Example Shoes", is_signed_in=True, name="Sanne de Vries"),
    KnownPerson("o", "2", "mohamed", "Example Shoes"),
    KnownPerson("o", "3", LONG, "", name=LONG),
)
PASSWORD = PasswordPage(
    _frame("password"),
    username="",
    username_is_fixed=False,
    store_url="example-shoes",
    can_change_organisation=True,
    can_change_person=False,
    stay_days=30,
)
CONFIRM = replace(_frame("password", client_name=""), purpose=say("Settings"), cancel_to="/account")
"""A reauthentication, which shows its purpose and has a way back."""
SET_UP = SetUpPage(
    _frame("enrol"),
    stage="start",
    may_leave=True,
    is_again=False,
    only_codes=False,
    uri="otpauth://totp/Sleutel:sanne%20%28Example%20Shoes%29?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Sleutel",
    key="JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP",
)
FURTHER = replace(SET_UP, is_further=True, keeps_codes=True)
CODES = RecoveryCodesPage(
    _frame("enrol"),
    codes=tuple(f"{one}7m2xqp-r4t9wh{one}" for one in "abcdefghijkm"),
    file_name="example-shoes-sanne",
    download="/sign-in/a/recovery-codes.txt",
    made_at=DAY,
    only_codes=False, may_leave=True,
)  # fmt: skip
DONE = say(YOUR_PASSWORD_IS_CHANGED)
LATER = DAY + timedelta(days=30)
SECURITY = SecurityPage(
    username="sanne",
    name="Sanne de Vries",
    organisation_name="Example Shoes",
    active_since=DAY,
    apps=1,
    has_factor=True,
    codes_left=12,
    reasons=(),
    recommends=False,
    password_changed_at=DAY,
    devices=(Device("1", "Firefox · Windows", DAY, DAY, LATER), Device("2", "Chrome · Android", DAY, None, LATER)),
    device_pages=Pages("", "?page=2"),
    panels=(
        FactorPanel(
            "account.passkeys",
            say("Passkeys and security keys"),
            say("Sign in with your fingerprint, face or PIN, without a password."),
            say(ADD_A_PASSKEY),
        ),
    ),
)
WITHOUT_DEVICES = replace(SECURITY, devices=(), device_pages=NO_PAGES)
ASK = PasskeyAsk("get", '{"challenge":"AAAA","allowCredentials":[]}', 300)
ADD = PasskeyPage(_frame("passkey"), "make", is_needed=True, instead=False, wants_hardware=False, passkey=ASK)
SCOPES = ("openid", "profile", "email", "phone", "address", "organisation", "offline_access", "stock:read")
SCOPE_WORDS = {"stock:read": {"": "See what is in stock (Stock)", "nl": "Zien wat er op voorraad is (Stock)"}}
"""The words of an API for its scope."""

REFERENCE = "3j5eunzpfkqwqy744dgvtqfonw"
CONSENT = ConsentPage(_frame("consent", client_name="Boekhouder"), SCOPES[:3], "b.example", "", "")
TOO_LONG = say_many("Use at most %(num)s printable character.", "Use at most %(num)s printable characters.", 200)
TOO_MANY = say_many(
    "Too many attempts. Please try again in %(num)s second.", "Too many attempts. Please try again in %(num)s seconds.", 30
)
SESSIONS = (
    OpenSession(
        "1", "u", "sanne", "Firefox · Windows", ip_network.in_words("192.168.1.20"), DAY, DAY, ("Kassa", "Back office")
    ),
    OpenSession("2", "u", "sanne", "Chrome · Android", ip_network.in_words("2001:db8::7"), DAY, DAY, (), DAY),
)
CONNECTED = (
    ConnectedApp("b", "Boekhouder", SCOPES, DAY, DAY, was_asked=True),
    ConnectedApp("k", "Kassa", ("openid",), DAY, None, was_asked=False),
)
HISTORY = History(
    (
        Happening(
            PLAIN[Event.PASSWORD_CHANGED], DAY, "Firefox · Windows", ip_network.in_words("192.0.2.7"), None, went_wrong=False
        ),
        Happening(PLAIN[Event.FACTOR_RESET], DAY, "", None, say("by an administrator"), False),
        Happening(PLAIN[Event.PASSWORD_WRONG], DAY, "", ip_network.in_words("127.0.0.1"), None, True),
    ),
    older=3,
)

PAGES: dict[str, tuple[str, object]] = {
    "chooser": ("signin/choose_account.html", AccountPage(_frame("account", organisation_name="Example Shoes"), PEOPLE)),
    "store": ("signin/organisation.html", OrganisationPage(_frame("organisation"), "")),
    "password": ("signin/password.html", PASSWORD),
    "password-wrong": (
        "signin/password.html",
        replace(
            PASSWORD, frame=_frame("password", MISMATCH), username=LONG, store_url="example-shoes-and-boots-in-amsterdam"
        ),
    ),
    "password-again": (
        "signin/password.html",
        replace(PASSWORD, username="sanne", username_is_fixed=True, can_change_person=True),
    ),
    "password-confirm": ("signin/password.html", replace(PASSWORD, frame=CONFIRM, username="sanne", username_is_fixed=True)),
    "code-confirm": ("signin/second_factor.html", FactorPage(replace(CONFIRM, step="factor"), "app", 0)),
    "leaked": ("signin/leaked_password.html", LeakedPage(_frame("leaked"))),
    "code-or-passkey": ("signin/second_factor.html", FactorPage(_frame("factor"), "app", 30, ASK)),
    "passkey": ("signin/second_factor.html", FactorPage(_frame("factor"), "passkey", 30, ASK, only_passkey=True)),
    "passkey-refused": (
        "signin/second_factor.html",
        FactorPage(_frame("factor", NOT_ACCEPTED), "passkey", 0, ASK, has_codes=False, only_passkey=True),
    ),
    "passkey-add": ("signin/add_passkey.html", ADD),
    "passkey-password": ("signin/add_passkey.html", replace(ADD, stage="password", passkey=None)),
    **FACTORS,
    "password-or-passkey": ("signin/password.html", replace(PASSWORD, passkey=ASK)),
    "code": ("signin/second_factor.html", FactorPage(_frame("factor"), "app", 30)),
    "code-wrong": ("signin/second_factor.html", FactorPage(_frame("factor", WRONG_CODE, SCAN_AGAIN), "app", 0)),
    "recovery": ("signin/second_factor.html", FactorPage(_frame("factor", WRONG_RECOVERY), "recovery", 30)),
    "set-up": ("signin/set_up_totp.html", SET_UP),
    "set-up-must": ("signin/set_up_totp.html", replace(SET_UP, may_leave=False, reasons=REASONS)),
    "set-up-again": ("signin/set_up_totp.html", replace(SET_UP, is_again=True)),
    "set-up-further": ("signin/set_up_totp.html", FURTHER),
    "set-up-further-codes": ("signin/set_up_totp.html", replace(FURTHER, keeps_codes=False)),
    "set-up-further-scan": ("signin/set_up_totp.html", replace(FURTHER, stage="scan", name="My tablet")),
    "set-up-password": ("signin/set_up_totp.html", replace(SET_UP, frame=_frame("enrol", WRONG_PASSWORD), stage="password")),
    "set-up-apps": ("signin/set_up_totp.html", replace(SET_UP, stage="apps")),
    "set-up-scan": ("signin/set_up_totp.html", replace(SET_UP, stage="scan", is_again=True)),
    "set-up-scan-all": ("signin/set_up_totp.html", replace(SET_UP, stage="scan", is_again=True, replaces_all=True)),
    "set-up-scan-wrong": ("signin/set_up_totp.html", replace(SET_UP, frame=_frame("enrol", WRONG_CODE), stage="scan")),
    "set-up-codes": ("signin/show_recovery_codes.html", CODES),
    "codes-start": ("signin/set_up_totp.html", replace(SET_UP, only_codes=True)),
    "codes": ("signin/show_recovery_codes.html", replace(CODES, only_codes=True)),
    "recovered": ("signin/after_recovery_code.html", RecoveredPage(_frame("recovered"), codes_left=7)),
    "recovered-last": ("signin/after_recovery_code.html", RecoveredPage(_frame("recovered"), codes_left=1)),
    "new-password": ("signin/new_password.html", NewPasswordPage(_frame("new_password"), "sanne", 8, is_forced=False)),
    "new-password-forced": (
        "signin/new_password.html",
        NewPasswordPage(_frame("new_password", LEAKED), "sanne", 12, is_forced=True),
    ),
    "consent": (
        "signin/consent.html",
        ConsentPage(
            _frame("consent", client_name="Boekhouder"), SCOPES, "b.example", "https://b.example/p", "", SCOPE_WORDS
        ),
    ),
    "consent-kept": ("signin/consent.html", ConsentPage(_frame("consent"), SCOPES, "b.example", "", "", {}, True)),
    "consent-unchecked": ("signin/consent.html", replace(CONSENT, registered_itself=True)),
    "consent-connected": ("signin/consent.html", replace(CONSENT, managed_by="Example Shoes")),
    "consent-device": ("signin/consent.html", replace(CONSENT, redirect_host="")),
    "consent-act": (
        "signin/consent.html",
        replace(CONSENT, scopes=(), redirect_host="till.example", details=(REFUND,)),
    ),
    "consent-act-data": ("signin/consent.html", replace(CONSENT, details=(REFUND,))),
    "home": (
        "account/home.html",
        HomePage("sanne", "Sanne", "Example Shoes", (App("Kassa", "https://kassa.example"), App("Back office", "")), True),
    ),
    "home-asked": (
        "account/home.html",
        HomePage("sanne", "", "Example Shoes", (), asked=(Asked("Kassa", "Bon R-17: € 49,95", "/approve/x"),)),
    ),
    "home-recovery": ("account/home.html", HomePage("sanne", "", "Example Shoes", (), True, True)),
    "home-of-a-stranger": ("account/home.html", HomePage("", "", "", (), done=say(YOU_ARE_SIGNED_OUT_SENTENCE))),
    "security": ("account/security.html", SECURITY),
    "security-must": ("account/security.html", replace(WITHOUT_DEVICES, reasons=REASONS, codes_left=1)),
    "security-apps": ("account/security.html", replace(SECURITY, apps=2)),
    "security-done": ("account/security.html", replace(SECURITY, done=DONE, codes_left=0, password_is_leaked=True)),
    "security-without": (
        "account/security.html",
        replace(WITHOUT_DEVICES, active_since=None, apps=0, has_factor=False, recommends=True, name=""),
    ),
    "details": ("account/profile.html", DetailsPage("sanne", "Example Shoes", "Sanne de Vries", "nl", "", ZONES)),
    "details-done": (
        "account/profile.html",
        DetailsPage("sanne", "Example Shoes", "Sanne", "nl", "", ZONES, done=say(YOUR_NAME_IS_SAVED)),
    ),
    "details-wrong": (
        "account/profile.html",
        DetailsPage(LONG, "Example Shoes", "Sanne " * 40, "", "", ZONES, "name", (TOO_LONG,)),
    ),
    "sessions": ("account/sessions.html", SessionsPage("sanne", "Example Shoes", "1", SESSIONS, Pages("", "?after=2"))),
    "apps": ("account/apps.html", AppsPage("sanne", "Example Shoes", CONNECTED, Pages("?page=1", ""))),
    "apps-none": ("account/apps.html", AppsPage("sanne", "Example Shoes", (), NO_PAGES)),
    "activity": ("account/activity.html", ActivityPage("sanne", "Example Shoes", HISTORY, is_first=False)),
    "activity-none": ("account/activity.html", ActivityPage("sanne", "Example Shoes", History((), 0), is_first=True)),
    "remove": ("account/remove_factor.html", RemoveFactorPage("sanne", "Example Shoes", asks_password=False)),
    "remove-password": (
        "account/remove_factor.html",
        RemoveFactorPage("sanne", "Example Shoes", asks_password=True, is_last_page=True),
    ),
    "remove-wrong": ("account/remove_factor.html", RemoveFactorPage(LONG, "Example Shoes", True, True, (WRONG_PASSWORD,))),
    "error": ("web/error.html", ErrorPage(404, TITLES[404], TEXTS[404], request_id=REFERENCE)),
    "error-wait": ("web/error.html", ErrorPage(429, TITLES[429], TOO_MANY, retry_after=30, request_id=REFERENCE)),
    "error-outage": ("web/error.html", ErrorPage(503, TITLES[503], NOT_TAKEN, retry_after=30, request_id=REFERENCE)),
    "error-developer": ("web/error.html", ErrorPage(400, *MISTAKE, DEVELOPER, request_id=REFERENCE)),
    "sign-out": ("oauth/logout.html", LogoutPage("/oauth/logout/confirm", "sanne", "Example Shoes", "Kassa", ())),
    "signed-out": ("oauth/signed_out.html", SignedOutPage("", "")),
    "signed-out-wrong": (
        "oauth/signed_out.html",
        SignedOutPage("", "", "The post_logout_redirect_uri is registered for no client."),
    ),
    "signed-out-app": ("oauth/signed_out.html", SignedOutPage("https://kassa.example", "Kassa")),
    "form-post": ("oauth/form_post.html", FormPostPage("/sample/home", (("code", "x"),), "Kassa")),
    **CONSOLE_PAGES,
    **APPS,
    **RULES,
    **LINKS,
}
SAMPLES = {name: (template, in_menu(page)) for name, (template, page) in PAGES.items()}
