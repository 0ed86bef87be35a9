"""Show the console's forms and papers about one person, in each state that looks different."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from idp.errors import say
from idp.identity.credentials.reauthentication import WRONG_PASSWORD
from idp.web.admin.lost_phone import ENDING, BypassCodePage, LostPhonePage
from idp.web.admin.picker import SEVERAL, Box, Picker
from idp.web.admin.user import PrintedCodePage
from idp.web.admin.user_actions import ACTIONS
from idp.web.admin.user_form import PersonForm
from tests.browser.samples_console import CONSOLE, DAY, FRAME, LONG, ROLES, ZONES
from tests.browser.samples_names import NAMES
from tests.browser.samples_organisation_status import ORGANISATION_STATUS
from tests.browser.samples_people import LISTS

VALUES = {
    "username": "jan", "name": "Jan", "email": "jan@", "phone_number": "", "locale": "nl", "time_zone": "",
    "role": "manager", "valid_until": "2026-12-31",
}  # fmt: skip
FORM = PersonForm(
    frame=FRAME,
    user_id="jan",
    values=VALUES,
    roles=ROLES,
    zones=ZONES,
    groups=Picker("group", (Box("group-a", "2FA", True), Box("group-b", "Till", False))),
    all_shops=False,
    shops=Picker(
        "shop",
        (
            Box("shop-a", "Amsterdam Centre (ams-1)", True),
            Box("shop-b", "Utrecht Central Station, Jaarbeurs side (utr-12)", True),
            Box("shop-c", "Utrecht Overvecht (utr-13)", False),
        ),
        has_more=True,
        typed="utrecht",
        offered=(("Amsterdam Centre (ams-1)", "shop-a"), ("Zwolle (zwo-1)", "shop-d")),
        told=SEVERAL,
    ),
)
NEW = replace(
    FORM,
    user_id="",
    values={**dict.fromkeys(VALUES, ""), "role": "employee"},
    groups=Picker("group", ()),
    shops=Picker("shop", ()),
    like="kim",
)
LOST = LostPhonePage(
    frame=FRAME,
    user_id="jan",
    username=LONG,
    until=DAY,
    sentences={name: tuple(one.about(username=LONG) for one in ACTIONS[name].sentences) for name in ENDING},
    me="anna",
    asks_password=False,
)
CONSOLE_PAGES: dict[str, tuple[str, Any]] = {
    **CONSOLE,
    **ORGANISATION_STATUS,
    **LISTS,
    **NAMES,
    "console-add-person": ("admin/user_form.html", NEW),
    "console-edit-person": ("admin/user_form.html", replace(FORM, can_send=True)),
    "console-wrong-person": (
        "admin/user_form.html",
        replace(FORM, wrong="email", errors=(say("This is not an e-mail address."),)),
    ),
    "console-printed": (
        "admin/printed_code.html",
        PrintedCodePage(
            frame=FRAME,
            user_id="kim",
            username="kim",
            name="Kim de Vries",
            code="ab3d-ef4h-jk5m-np6r-st7v-wx8z",
            address="https://id.example.com/welcome",
            link="https://id.example.com/welcome?organisation=example-shoes",
            on=DAY,
            until=DAY + timedelta(days=3),
        ),
    ),
    "console-lost-phone": ("admin/lost_phone.html", LOST),
    "console-lost-phone-wrong": ("admin/lost_phone.html", replace(LOST, asks_password=True, errors=(WRONG_PASSWORD,))),
    "console-bypass-code": ("admin/bypass_code.html", BypassCodePage(FRAME, "jan", LONG, "ab3d4ef-gh5j6km", DAY)),
}
"""Template and page by the sample's name, with those of the rest of the console."""
