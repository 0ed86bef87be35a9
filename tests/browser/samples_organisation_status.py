"""Show the console of a disabled organisation, and the question before it is disabled."""

from dataclasses import replace
from typing import Any

from idp.errors import say, say_many
from idp.web.admin import organisation_status
from idp.web.admin.confirm_dialog import DialogPage, Question
from tests.browser.samples_console import FRAME, OVERVIEW, SETTINGS

DISABLING = Question(
    heading=say("Disable %(organisation)s?", organisation="Example Shoes"),
    sentences=(
        organisation_status.NOBODY_ENTERS,
        say_many(
            "%(num)s person who is signed in now is signed out everywhere.",
            "%(num)s people who are signed in now are signed out everywhere.",
            12,
        ),
        *organisation_status.WHAT_STOPS,
    ),
    button=say("Disable the organisation"),
    back="/",
    asks_reason=True,
    reason_hint=organisation_status.READ_BY,
)
OF_OPERATORS = replace(FRAME, is_operator=True)
ORGANISATION_STATUS: dict[str, tuple[str, Any]] = {
    "console-disable-organisation": (
        "admin/confirm_dialog.html",
        DialogPage(OF_OPERATORS, DISABLING, "olga", asks_password=True),
    ),
    "console-disabled-organisation": (
        "admin/overview.html",
        replace(OVERVIEW, frame=replace(OF_OPERATORS, is_disabled=True)),
    ),
    "console-settings-of-operators": ("admin/settings.html", replace(SETTINGS, frame=OF_OPERATORS)),
}
