"""Show the console's pages, in each state that looks different."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from idp import zones
from idp.errors import say
from idp.identity.assurance import NEEDED
from idp.identity.credentials.reauthentication import WRONG_PASSWORD
from idp.identity.policy.rules import Reason
from idp.identity.roles import ROLE_NAMES
from idp.web.account.authenticator_apps import App
from idp.web.account.passkeys import Key
from idp.web.admin.confirm_dialog import DialogPage, Question
from idp.web.admin.groups import GroupPage, GroupRow
from idp.web.admin.guard import Frame
from idp.web.admin.overview import Number, OverviewPage
from idp.web.admin.ownership import Candidate, OwnershipPage
from idp.web.admin.ownership import Offer as Offered
from idp.web.admin.people_search import STATE_NAMES
from idp.web.admin.person import Person
from idp.web.admin.policies import HINTS, LABELS, LISTED, Affected, DryRunPage, PoliciesPage, PolicyForm, Rule
from idp.web.admin.settings import Number as Setting
from idp.web.admin.settings import SettingsPage
from idp.web.admin.shops import BY_TYPING, NO_SUCH, ShopRow
from idp.web.admin.user import ExplainPage, PersonPage, Session
from idp.web.admin.user_actions import ACTIONS, Offer
from idp.web.pagination import NO_PAGES, Pages, counted, people
from idp.web.times import zone_choices
from tests.drivers.words import RESET_THE_SECOND_FACTOR

DAY = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
LONG = "customer.with.a.very.long.address@webshop.example"
FRAME = Frame("anna", "example-shoes", "Example Shoes", False, "people", ())
"""The menu is put in by ``samples_menu``."""
ROLES = tuple(ROLE_NAMES.items())
ZONES = zone_choices(say("Same as the country: %(zone)s", zone=zones.Named("Europe/Amsterdam")), "")


JAN = Person(
    id="jan",
    username="jan",
    name="Jan Jansen",
    email="jan@shoes.example",
    email_is_verified=True,
    phone_number="",
    all_shops=True,
    is_disabled=False,
    valid_until=date(2026, 12, 31),
    has_ended=False,
    last_login_at=DAY,
)
ENDED = replace(
    JAN, id="kim", username="kim", name="Kim de Vries", email="kim@shoes.example", valid_until=DAY.date(), has_ended=True
)
ANNA = replace(JAN, id="anna", username="anna", name="Anna de Wit", email="anna@shoes.example", valid_until=None)
GONE = replace(
    JAN, id=LONG, username=LONG, name="", email=LONG, email_is_verified=False, is_disabled=True, last_login_at=None
)
NUMBERS = tuple(Number(name, counted(count * 2_001), "?state=x") for count, name in enumerate(STATE_NAMES.values()))
OVERVIEW = OverviewPage(replace(FRAME, here="overview"), counted(1_503), NUMBERS[:5], NUMBERS[5:], is_new=False)
PHONE = App("t", 1, "My phone", DAY, DAY)
DESK_KEY = Key("k", "Desk", "YubiKey 5 NFC", is_synced=False, is_hardware=True, added_at=DAY, last_used_at=DAY)
SENSIBLE = ("reset-factor", "remove-factor", "one-time-password", "end-sessions", "unlock", "disable")
"""What an administrator can do to somebody who is signed in and has mistyped a code."""
PERSON = PersonPage(
    frame=FRAME,
    person=JAN,
    role=ROLE_NAMES["employee"],
    groups=("2FA", "Till"),
    shops=(),
    has_factor=True,
    factor_since=DAY,
    apps=(PHONE, replace(PHONE, id="t2", number=2, name="", last_used_at=None)),
    keys=(DESK_KEY,),
    codes_left=9,
    must_set_up=False,
    reasons=(say("Required by the group %(group)s", group="2FA"),),
    sessions=(Session("Firefox · Windows", "192.0.2.7", DAY),),
    is_self=False,
    may_change=True,
    offers=(Offer("lost-phone", say("Lost phone")), *(Offer(name, ACTIONS[name].button) for name in SENSIBLE)),
    has_more_sessions=True,
)
QUESTION = Question(
    say("Reset the second factor of %(username)s?", username="jan"),
    (say("%(username)s must set up a second factor at the next sign-in.", username="jan"),),
    say(RESET_THE_SECOND_FACTOR),
    "/admin/example-shoes/people",
)
CHOOSING = replace(
    QUESTION, asks_reason=True, choose=say("Where do its people work now?"), choices=(("", LONG), ("z", "Zwolle"))
)
EXPLAIN = ExplainPage(
    frame=FRAME,
    user_id="jan",
    username="jan",
    client_id="pos",
    on="2026-11-20",
    clients=(("", say("Any app")), ("pos", "Kassa")),
    needed=NEEDED[2],
    reasons=(
        Reason("group", "2FA", 2, say("Required by the group %(group)s", group="2FA")),
        Reason("role", "employee", 0, say("The role does not require it.")),
    ),
)
RULE = Rule(
    "xero-au",
    DAY.date(),
    None,
    say("A second factor"),
    ((say("Integrations"), ("xero",)), (say("Roles"), (ROLE_NAMES["administrator"], ROLE_NAMES["owner"]))),
)
RULE_FORM = PolicyForm(
    frame=replace(FRAME, here="policies"),
    is_new=False,
    name="xero-au",
    values={"name": "", "starts": "2021-04-30", "ends": "", "require": "mfa", **dict.fromkeys(LISTED, "")},
    roles=tuple((f"role-{role}", words, role == "owner") for role, words in ROLES),
    typed=tuple((name, LABELS[name], HINTS.get(name)) for name in LISTED),
    was="x",
    requirements=(("second_factor", say("A second factor")), ("mfa", say("A second factor, even on a remembered device"))),
)
SETTINGS = SettingsPage(
    frame=FRAME,
    values={
        "name": "Example Shoes",
        "colour": "#0b3d91",
        "country": "NL",
        "integrations": "xero",
        "time_zone": "Europe/Amsterdam",
        "login_hours": "24",
        "password_min_length": "8",
    },
    ticked=frozenset({"language-nl", "offer_set_up"}),
    numbers=(
        Setting("login_hours", say("Sign in again at the latest after"), say("hours"), 1, 24),
        Setting("password_min_length", say("Minimum password length without a second factor"), say("characters"), 8, 64),
    ),
    was="x",
    zones=ZONES,
)
OWNERSHIP = OwnershipPage(
    frame=replace(FRAME, here="settings"),
    owner=JAN,
    offer=Offered(LONG, DAY, DAY),
    is_owner=True,
    may_withdraw=True,
    act="offer-ownership",
    q="kim",
    candidates=(
        Candidate("kim", "kim", "Kim de Vries", ROLE_NAMES["manager"], None),
        Candidate("l", LONG, "", ROLE_NAMES["customer"], say("A customer cannot be the owner.")),
    ),
    has_more=True,
)
NOT_OWNED = replace(OWNERSHIP, owner=None, offer=None, is_owner=False, act="", candidates=())
WRONG_NUMBER = say("Fill in a whole number from %(least)s to %(most)s.", least=8, most=64)
GROUP = GroupRow("g", "2FA", True, people(3))
SHOP = ShopRow("s", "amsterdam-1", "Amsterdam Centre")
AFFECTED = (
    Affected("jan", "jan", NEEDED[2], ("xero-au",), True),
    Affected("kim", LONG, NEEDED[3], ("xero-au", "de-2027"), False),
)
DRY_RUN = DryRunPage(
    FRAME, "2026-11-20", "", (("", say("All policies")), ("xero-au", "xero-au")), AFFECTED, 2, 12, Pages("", "?page=2")
)
CONSOLE: dict[str, tuple[str, Any]] = {
    "console-overview": ("admin/overview.html", OVERVIEW),
    "console-overview-new": ("admin/overview.html", replace(OVERVIEW, is_new=True)),
    "console-person": (
        "admin/user.html",
        replace(PERSON, frame=replace(FRAME, notice=say("The details of %(username)s are saved.", username="jan"))),
    ),
    "console-owner": (
        "admin/user.html",
        replace(
            PERSON,
            person=GONE,
            may_change=False,
            factor_since=None,
            has_factor=False,
            must_set_up=True,
            apps=(),
            keys=(),
            sessions=(),
            offers=(),
            reasons=(),
        ),
    ),
    "console-self": (
        "admin/user.html",
        replace(PERSON, person=ANNA, role=ROLE_NAMES["administrator"], is_self=True, offers=()),
    ),
    "console-dialog": ("admin/confirm_dialog.html", DialogPage(FRAME, QUESTION, "anna", asks_password=True)),
    "console-dialog-typed": (
        "admin/confirm_dialog.html",
        DialogPage(
            FRAME,
            replace(QUESTION, choose=say("Where do its people work now?"), type_hint=BY_TYPING),
            "anna",
            asks_password=True,
            errors=(NO_SUCH,),
            wrong="choice",
            chosen="ams",
        ),
    ),
    "console-dialog-wrong": (
        "admin/confirm_dialog.html",
        DialogPage(FRAME, QUESTION, "anna", asks_password=True, errors=(WRONG_PASSWORD,)),
    ),
    "console-dialog-light": (
        "admin/confirm_dialog.html",
        DialogPage(FRAME, CHOOSING, "anna", asks_password=False, reason="Left"),
    ),
    "console-explain": ("admin/explain.html", EXPLAIN),
    "console-group": ("admin/group.html", GroupPage(FRAME, GROUP, "2FA", True, "x")),
    "console-policies": (
        "admin/policies.html",
        PoliciesPage(replace(FRAME, is_operator=True), (RULE,), Pages("", "?page=2")),
    ),
    "console-policies-read": (
        "admin/policies.html",
        PoliciesPage(FRAME, (replace(RULE, conditions=(), ends=date(2027, 12, 31)),), NO_PAGES),
    ),
    "console-no-policies": ("admin/policies.html", PoliciesPage(FRAME, (), NO_PAGES)),
    "console-no-policies-operator": ("admin/policies.html", PoliciesPage(replace(FRAME, is_operator=True), (), NO_PAGES)),
    "console-policy": ("admin/policy_form.html", RULE_FORM),
    "console-add-policy": ("admin/policy_form.html", replace(RULE_FORM, is_new=True)),
    "console-dry-run": ("admin/dry_run.html", DRY_RUN),
    "console-dry-run-nobody": ("admin/dry_run.html", replace(DRY_RUN, affected=(), count=0, pages=NO_PAGES)),
    "console-ownership": ("admin/ownership.html", OWNERSHIP),
    "console-ownership-seen": ("admin/ownership.html", replace(OWNERSHIP, is_owner=False, may_withdraw=False)),
    "console-not-owned": ("admin/ownership.html", replace(NOT_OWNED, may_withdraw=False)),
    "console-not-owned-operator": ("admin/ownership.html", replace(NOT_OWNED, frame=replace(FRAME, is_operator=True))),
    "console-settings": ("admin/settings.html", SETTINGS),
    "console-settings-operator": (
        "admin/settings.html",
        replace(
            SETTINGS,
            frame=replace(FRAME, is_operator=True),
            values={**SETTINGS.values, "password_min_length": "6"},
            wrong="password_min_length",
            errors=(WRONG_NUMBER,),
        ),
    ),
}
"""Template and page by the sample's name."""
