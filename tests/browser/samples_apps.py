"""Show the console's technical pages, in each state that looks different."""

from dataclasses import replace
from typing import Any

from idp import config, ip_network
from idp.audit import Event
from idp.audit.chain import ChainError
from idp.errors import say
from idp.identity.credentials.reauthentication import WRONG_PASSWORD
from idp.identity.sessions.listing import OpenSession
from idp.identity.users import activity
from idp.mail.smtp import Failure
from idp.oauth.authorize import DESCRIPTIONS
from idp.oauth.client_kinds import KINDS, KINDS_OF_ADMINISTRATORS, stacks_of
from idp.oauth.guides import APIS
from idp.oauth.pkce import Demand
from idp.store.clients import Client
from idp.web.admin import client_form
from idp.web.admin.audit import NOT_HERE, WITHOUT_NAME, AuditPage, Chain, Entry, Line
from idp.web.admin.audit_filter import FIELDS as ASKED
from idp.web.admin.audit_filter import Filter, Preset
from idp.web.admin.client_connect import ASKED_FOR, AskPage, ConnectForm, KindRow, KindsPage
from idp.web.admin.client_detail import PKCE, AppDetailPage, AppRow
from idp.web.admin.client_guide import GuidePanel, Piece
from idp.web.admin.client_test import MEANINGS, Claim, TrialPage
from idp.web.admin.clients import AppForm, AppListPage
from idp.web.admin.keys import STATES, Key, KeysPage
from idp.web.admin.logout_failures import LogoutFailures
from idp.web.admin.outbox import ABOUT, OTHER, WHY, MailPage, MailRow
from idp.web.admin.secret_panel import Secret, SecretPanel
from idp.web.admin.sessions import OpenSessionsPage
from idp.web.pagination import Pages
from tests.browser.samples_console import DAY, FRAME, LONG
from tests.browser.samples_export import EXPORTS
from tests.browser.samples_import import JOBS

BESIDE = Pages("?page=1", "?page=3")
SESSION = OpenSession(
    "1", "u", "anna", "Firefox · Windows", ip_network.in_words("192.168.1.2"), DAY, DAY, ("Kassa", "Webshop")
)
ELSEWHERE = OpenSession("2", "v", LONG, "Chrome · Android", ip_network.in_words("2001:db8::7"), DAY, DAY, (), DAY)


WAITING = MailRow(
    id="m",
    about=ABOUT["password_changed"],
    username="jan",
    recipient=LONG,
    created_at=DAY,
    sent_at=None,
    failed_at=None,
    tries=0,
    due_at=DAY,
    why=None,
    reason="",
    can_resend=False,
)
REFUSED = "SMTPRecipientsRefused: 550 5.1.1 mailbox unknown"
MAILS = (
    WAITING,
    replace(WAITING, about=ABOUT["invitation"], sent_at=DAY),
    replace(WAITING, about=OTHER, username="", failed_at=DAY, why=WHY[Failure.RECIPIENT], reason=REFUSED, can_resend=True),
)


def _line(seq: int, event: str, **over: Any) -> Line:
    line = Line(
        seq=seq,
        at=DAY,
        what=activity.sentence(event, {}, "") or OTHER,
        has_failed=False,
        address="192.0.2.7",
        label="Firefox · Windows",
        app="",
        actor="anna",
        subject="jan",
    )
    return replace(line, **over)


def _audit(chain: Chain, *lines: Line, **over: Any) -> AuditPage:
    asked = {**dict.fromkeys(ASKED, ""), "until": "2026-11-20", **over.pop("asked", {})}
    wanted = Filter(
        asked, "Europe/Amsterdam",
        (Preset(say("Today"), "?since=x", is_on=True), Preset(say("Yesterday"), "?since=y", is_on=False)),
        (("", say("All apps")), ("kassa", "Kassa")), over.pop("shops", (("", say("All shops")), ("s", LONG))),
        "username" if over.get("errors") else "",
    )  # fmt: skip
    values: dict[str, Any] = {
        "frame": FRAME, "of_installation": False, "filter": wanted,
        "kinds": (("sign-ins", say("Sign-ins")),), "events": tuple((str(event), OTHER) for event in Event),
        "address": "?check=1", "older": "?before=3", "csv": "c", "json": "j",
    }  # fmt: skip
    entries = tuple(Entry(line, (replace(line, seq=1),) if line.sign_in else ()) for line in lines)
    return AuditPage(entries=entries, chain=chain, **{**values, **over})


KEYS = tuple(
    Key(f"{state}-kid-of-forty-three-characters-0123456789", "ES256", state, words, DAY, DAY, None)
    for state, words in STATES.items()
)

KASSA = AppRow("kassa", "Kassa", False, True, False, PKCE[Demand.UNLESS_NONCE])
LONGEST = AppRow(LONG, LONG, True, False, True, PKCE[Demand.NEVER], "Example Shoes", True)
CLIENT = Client(
    client_id="kassa",
    metadata_={"client_name": "Kassa", "redirect_uris": ["https://kassa.example/callback"], "scope": "openid profile"},
    first_party=True, minimum_acr="mfa", remember_device=True, shared_device=False, organisations=[],
)  # fmt: skip
PLAIN = config.make({"issuer": "https://id.example.com", "secrets": [config.new_ring_entry("samples")]})
FIELDS = client_form.shown(PLAIN, CLIENT)
SECRETS = (
    Secret("a", DAY, "", None, DAY), Secret("b", DAY, LONG, DAY, DAY), Secret("c", DAY, WITHOUT_NAME["cli"], DAY, None),
)  # fmt: skip
DETAIL = AppDetailPage(
    frame=FRAME, app=KASSA, fields=FIELDS, settings=("OIDC_ISSUER=https://id.example.com", "OIDC_CLIENT_ID=kassa"),
    guide=GuidePanel(stacks_of("web")),
    secrets=SecretPanel(("client_secret_basic", "client_secret_post"), secrets=SECRETS), may_change=True, is_operator=True,
)  # fmt: skip
GUIDE = GuidePanel(
    stacks_of("web"), "authlib", (say("Register this redirect address first: %(address)s", address=LONG),),
    (
        Piece("", "pip install Flask"),
        Piece("app.py", f"def home():\n    return {LONG!r}"),
        Piece("", "flask run"),
    ),
)  # fmt: skip
API = "https://stock.example.com/api"
WRONG_STATE = say("The state in the answer does not match the one that was sent: the answer belongs to another request.")
CLAIMS = (
    Claim("iss", "https://id.example.com", None, MEANINGS["iss"]),
    Claim("exp", "1795170000", DAY, MEANINGS["exp"]),
    Claim("nickname", LONG, None, None),
)
KIND_ROWS = tuple(KindRow(kind.title, kind.hint, f"/connect/{name}") for name, kind in KINDS.items())
CONNECT = ConnectForm(
    FRAME, KINDS["shop"].title, KINDS["shop"].hint, KINDS["shop"].fields, KINDS["shop"].address, stacks_of("shop"),
    {"name": LONG, "address": "http://shop.example", "stack": "authlib", "scopes": ""}, serves_all=False, wrong="address",
    errors=(say("%(address)s must begin with https://.", address="http://shop.example"),),
)  # fmt: skip

APPS: dict[str, tuple[str, object]] = {
    "console-sessions": (
        "admin/sessions.html",
        OpenSessionsPage(FRAME, "", "1", (SESSION, ELSEWHERE), frozenset({"u"}), BESIDE),
    ),
    "console-sessions-none": ("admin/sessions.html", OpenSessionsPage(FRAME, "x", "1", (), frozenset(), Pages("", ""))),
    "console-mail": ("admin/outbox.html", MailPage(FRAME, "failed", MAILS, BESIDE)),
    "console-mail-none": ("admin/outbox.html", MailPage(FRAME, "", (), Pages("", ""))),
    "console-apps": (
        "admin/clients.html",
        AppListPage(FRAME, (KASSA, LONGEST), BESIDE, True, True),
    ),
    "console-mail-none-failed": ("admin/outbox.html", MailPage(FRAME, "failed", (), Pages("", ""))),
    "console-apps-none-connect": ("admin/clients.html", AppListPage(FRAME, (), Pages("", ""), True, False)),
    "console-apps-none-filter": ("admin/clients.html", AppListPage(FRAME, (), Pages("", ""), True, True, "self")),
    "console-apps-none": ("admin/clients.html", AppListPage(FRAME, (), Pages("", ""), False, False)),
    "console-app": ("admin/client.html", replace(DETAIL, secret="x" * 43)),
    "console-app-no-secret": ("admin/client.html", replace(DETAIL, secrets=SecretPanel(("client_secret_basic",)))),
    "console-app-off": ("admin/client.html", replace(DETAIL, app=replace(KASSA, is_disabled=True))),
    "console-app-logout-failures": (
        "admin/client.html",
        replace(DETAIL, logout_failures=LogoutFailures(12, 1, DAY, "status 302, and redirects are not followed")),
    ),
    "console-app-guide": ("admin/client.html", replace(DETAIL, guide=GUIDE)),
    "console-app-api": (
        "admin/client.html",
        replace(
            DETAIL,
            app=replace(KASSA, client_id="stock", name="Stock"),
            settings=("OIDC_ISSUER=https://id.example.com", "OIDC_CLIENT_ID=stock", f"OIDC_AUDIENCE={API}"),
            guide=GuidePanel(
                APIS, "pyjwt", (), (Piece("", 'pip install Flask "PyJWT[crypto]"'), Piece("app.py", "import jwt"))
            ),
            api=API,
            signs_in=False,
        ),
    ),
    "console-app-own": (
        "admin/client.html",
        replace(DETAIL, is_operator=False, app=replace(KASSA, managed_by="Example Shoes B.V.")),
    ),
    "console-app-read": ("admin/client.html", replace(DETAIL, may_change=False, is_operator=False)),
    "console-app-form": (
        "admin/client_form.html",
        AppForm(
            FRAME,
            "kassa",
            "",
            client_form.grouped(client_form.fitting(FIELDS, CLIENT)),
            "Kassa",
            "?all=1",
            "jwks_uri",
            (WRONG_PASSWORD,),
        ),
    ),
    "console-app-add": (
        "admin/client_form.html",
        AppForm(FRAME, "", "till", client_form.grouped(client_form.shown(PLAIN, None))),
    ),
    "console-app-kinds": ("admin/client_kinds.html", KindsPage(FRAME, KIND_ROWS, "/")),
    "console-app-kinds-own": (
        "admin/client_kinds.html",
        KindsPage(FRAME, KIND_ROWS[: len(KINDS_OF_ADMINISTRATORS)], "", KIND_ROWS[len(KINDS_OF_ADMINISTRATORS) :]),
    ),
    "console-app-ask": ("admin/client_ask.html", AskPage(FRAME, KINDS["api"].title, KINDS["api"].hint, ASKED_FOR["api"])),
    "console-app-connect": ("admin/client_connect.html", CONNECT),
    "console-app-connect-api": (
        "admin/client_connect.html",
        replace(
            CONNECT,
            title=KINDS["api"].title,
            hint=KINDS["api"].hint,
            address_label=KINDS["api"].address,
            values={"name": "Voorraad", "address": "https://api.shop.example", "stack": "", "scopes": "stock.read"},
            fields=KINDS["api"].fields,
            stacks=(),
            serves_all=True,
            wrong="scopes",
            errors=(say("Write each line as stock.read = See the stock."),),
        ),
    ),
    "console-app-new": ("admin/client.html", replace(DETAIL, guide=GUIDE, secret="x" * 43, is_new=True)),
    "console-trial": ("admin/client_test.html", TrialPage("Kassa", "/", "RS256", "openid profile", CLAIMS, has_more=True)),
    "console-trial-error": (
        "admin/client_test.html",
        TrialPage("Kassa", "/", "", "", (), "access_denied", DESCRIPTIONS["access_denied"]),
    ),
    "console-trial-wrong": ("admin/client_test.html", TrialPage("Kassa", "/", "", "", (), wrong=WRONG_STATE)),
    "console-keys": ("admin/keys.html", KeysPage(FRAME, KEYS, "https://id.example.com/oauth/jwks")),
    "console-audit": (
        "admin/audit.html",
        _audit(
            Chain(3, True, None),
            _line(3, Event.SIGNED_IN, app="Kassa", shops="Amsterdam Centre, " + LONG, sign_in="x"),
            _line(2, Event.PASSWORD_WRONG, has_failed=True),
            _line(1, Event.SHOP_CHANGED, subject=NOT_HERE),
        ),
    ),
    "console-audit-long": ("admin/audit.html", _audit(Chain(2_000_000, False, None), shops=())),
    "console-audit-broken": (
        "admin/audit.html",
        _audit(
            Chain(3, True, ChainError(2, "changed")),
            asked={"username": "x"},
            errors=(say("There is nobody with the username “%(username)s”.", username="x"),),
        ),
    ),
    **JOBS,
    **EXPORTS,
}
