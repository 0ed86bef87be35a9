"""Show the pages of an organisation's own rules, in each state that looks different."""

from dataclasses import replace
from typing import Any

from idp.errors import say
from idp.identity.policy.rule_checks import taken
from idp.identity.policy_reach import Preview
from idp.identity.roles import ROLE_NAMES
from idp.languages import named
from idp.web.admin.new_organisation import TEXTS, OrganisationForm
from idp.web.admin.own_policies import FOR_EVERYBODY, OwnPolicyForm, OwnPolicyPreview, OwnRule
from idp.web.admin.own_policy_choices import LABELS, Condition
from idp.web.admin.picker import SEVERAL, Box, Picker
from idp.web.admin.policies import PoliciesPage
from idp.web.pagination import NO_PAGES
from tests.browser.samples_console import DAY, FRAME, LONG, RULE

HERE = replace(FRAME, here="policies")
MANAGERS = OwnRule(
    "r",
    "Managers from 1 January",
    DAY.date(),
    None,
    ((LABELS["roles"], (ROLE_NAMES["manager"],)), (LABELS["shops"], ("Amsterdam Centre", LONG))),
    say("in force"),
    is_on=True,
    may_end=True,
)
EVERYBODY = replace(
    MANAGERS, id="e", name=LONG, ends=DAY.date(), conditions=(), state=say("ended"), is_on=False, may_end=False
)
GROUPS = Picker("group", (Box("group-a", "2FA", False), Box("group-b", LONG, False)))
SHOPS = Picker(
    "shop",
    (Box("shop-a", "Amsterdam Centre (ams-1)", True), Box("shop-b", "Utrecht 1 (utr-1)", False)),
    has_more=True,
    typed="utrecht",
    offered=(("Amsterdam Centre (ams-1)", "shop-a"), ("Utrecht 1 (utr-1)", "shop-b")),
    told=SEVERAL,
)
FORM = OwnPolicyForm(
    frame=HERE,
    is_new=True,
    values={"name": "", "starts": "2027-01-01", "ends": ""},
    conditions=(
        Condition(
            "roles", LABELS["roles"], tuple((f"role-{role}", ROLE_NAMES[role], False) for role in ROLE_NAMES), is_open=True
        ),
        Condition("groups", LABELS["groups"], (), is_open=False, picker=GROUPS),
        Condition("shops", LABELS["shops"], (), is_open=True, picker=SHOPS),
        Condition("clients", LABELS["clients"], (("app-pos", "Kassa", True),), is_open=True),
    ),
    was="",
)
PREVIEW = OwnPolicyPreview(
    frame=HERE,
    is_new=True,
    rule=MANAGERS,
    preview=Preview(DAY.date(), 12, 9, 7, 1500),
    fields=(("name", "Managers"), ("seen", "x")),
    is_for_everybody=False,
)
ORGANISATION = OrganisationForm(
    frame=replace(FRAME, store_url="installation", is_operator=True),
    me="olga",
    values={**dict.fromkeys(TEXTS, ""), "language": "nl"},
    languages=named(),
    asks_password=True,
)
RULES: dict[str, tuple[str, Any]] = {
    "console-own-policies": ("admin/policies.html", PoliciesPage(HERE, (RULE,), NO_PAGES, (MANAGERS, EVERYBODY))),
    "console-add-own-policy": ("admin/own_policy_form.html", FORM),
    "console-wrong-own-policy": (
        "admin/own_policy_form.html",
        replace(
            FORM,
            is_new=False,
            was="x",
            values={**FORM.values, "name": "Managers"},
            wrong="name",
            errors=(taken("Managers").message,),
        ),
    ),
    "console-add-organisation": ("admin/organisation_form.html", ORGANISATION),
    "console-wrong-organisation": (
        "admin/organisation_form.html",
        replace(
            ORGANISATION,
            values={
                "name": "Toys",
                "store_url": "toys",
                "country": "NL",
                "language": "nl",
                "shop_code": "utr-1",
                "shop_name": "Utrecht",
                "username": "sara",
                "email": "sara@",
            },
            asks_password=False,
            wrong="email",
            errors=(say("This is not an e-mail address."),),
        ),
    ),
    "console-own-policy-preview": ("admin/own_policy_preview.html", PREVIEW),
    "console-own-policy-for-everybody": (
        "admin/own_policy_preview.html",
        replace(
            PREVIEW,
            is_new=False,
            rule=EVERYBODY,
            preview=Preview(DAY.date(), 1500, 0, 0, 1500),
            is_for_everybody=True,
            errors=(FOR_EVERYBODY,),
        ),
    ),
}
"""Template and page by the sample's name."""
