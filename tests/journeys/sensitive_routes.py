"""Every route that changes data, with the confirmation that its change needs. ``test_sensitive_routes`` walks the table."""

from collections.abc import Callable
from dataclasses import dataclass

from idp.identity.sensitive_changes import FRESH_PROOF, FRESH_PROOF_AND_PASSWORD, NOTHING, Confirmation
from tests.journeys import sensitive_world as made
from tests.journeys.sensitive_world import AT, Form, World


@dataclass(frozen=True)
class Row:
    """A change: the acting user, the route, and the confirmation it needs.

    ``make`` returns the address and the fields to fill in there. ``opens`` is the page with the form, if it has another
    address, and empty if no page needs to show the form.
    """

    what: str
    endpoint: str
    actor: str
    needs: Confirmation
    make: Callable[[World], tuple[str, Form]]
    opens: str | None = None
    events: int = 1
    has_dialog: bool = True
    """Whether the page asks for a password that is needed. Others lead to a sign-in that does."""


def _act(name: str, needs: Confirmation, actor: str = "anna", **details: object) -> Row:
    what = f"{name} {details.get('role', '')}"
    return Row(what, "admin.act_on_person", actor, needs, lambda world: (world.path(world.person(**details), name), {}))


PEOPLE = [
    Row("add an employee", "admin.add_person", "anna", FRESH_PROOF, lambda w: (f"{AT}/people/add", {"username": w.name()})),
    Row("add a manager", "admin.add_person", "anna", FRESH_PROOF,
        lambda w: (f"{AT}/people/add", {"username": w.name(), "role": "manager"})),
    Row("add an administrator", "admin.add_person", "anna", FRESH_PROOF_AND_PASSWORD,
        lambda w: (f"{AT}/people/add", {"username": w.name(), "role": "administrator"}), has_dialog=False),
    Row("address of an administrator", "admin.edit_person", "anna", FRESH_PROOF_AND_PASSWORD,
        lambda w: (w.path(w.person(role="administrator"), "edit"), {"email": "eve@evil.example"}), has_dialog=False),
    Row("name", "admin.edit_person", "anna", NOTHING, lambda w: (w.path(w.person(), "edit"), {"name": "New"})),
    Row("telephone", "admin.edit_person", "anna", NOTHING,
        lambda w: (w.path(w.person(), "edit"), {"phone_number": "+31612345678"})),
    Row("last day", "admin.edit_person", "anna", FRESH_PROOF,
        lambda w: (w.path(w.person(), "edit"), {"valid_until": "2999-12-31"})),
    Row("name of an administrator", "admin.edit_person", "anna", FRESH_PROOF,
        lambda w: (w.path(w.person(role="administrator"), "edit"), {"name": "New"})),
    Row("address", "admin.edit_person", "anna", FRESH_PROOF,
        lambda w: (w.path(w.person(), "edit"), {"email": "eve@evil.example"})),
    Row("address of a customer", "admin.edit_person", "anna", FRESH_PROOF,
        lambda w: (w.path(w.person(role="customer"), "edit"), {"email": "eve@evil.example"})),
    Row("no address", "admin.edit_person", "anna", FRESH_PROOF, lambda w: (w.path(w.person(), "edit"), {"email": ""})),
    Row("username", "admin.edit_person", "anna", FRESH_PROOF,
        lambda w: (w.path(w.person(), "edit"), {"username": w.name()})),
    Row("promote", "admin.edit_person", "anna", FRESH_PROOF, lambda w: (w.path(w.person(), "edit"), {"role": "manager"})),
    Row("make an administrator", "admin.edit_person", "anna", FRESH_PROOF_AND_PASSWORD,
        lambda w: (w.path(w.person(), "edit"), {"role": "administrator"}), has_dialog=False),
    Row("demote", "admin.edit_person", "anna", FRESH_PROOF_AND_PASSWORD,
        lambda w: (w.path(w.person(role="administrator"), "edit"), {"role": "customer"}), has_dialog=False),
    Row("last day of an administrator", "admin.edit_person", "anna", FRESH_PROOF_AND_PASSWORD,
        lambda w: (w.path(w.person(role="administrator"), "edit"), {"valid_until": "2999-12-31"}), has_dialog=False),
    Row("leave a requiring group", "admin.edit_person", "anna", FRESH_PROOF, lambda w: made.member(w, requires_mfa=True)),
    Row("leave another group", "admin.edit_person", "anna", NOTHING, lambda w: made.member(w, requires_mfa=False)),
    Row("leave a group that a rule names", "admin.edit_person", "anna", FRESH_PROOF, made.named),
    Row("shops of an employee", "admin.edit_person", "anna", NOTHING,
        lambda w: (w.path(w.person(), "edit"), {"all_shops": False})),
    Row("shops of an administrator", "admin.edit_person", "anna", FRESH_PROOF,
        lambda w: (w.path(w.person(role="administrator"), "edit"), {"all_shops": False})),
    _act("reset-factor", FRESH_PROOF_AND_PASSWORD),
    _act("remove-factor", FRESH_PROOF_AND_PASSWORD),
    *(
        Row(f"lost phone: {choice}", "admin.lost_phone", "anna", FRESH_PROOF_AND_PASSWORD,
            lambda w, choice=choice: (w.path(w.person(with_totp=True), "lost-phone"), {"choice": choice}), opens="")
        for choice in ("bypass-code", "reset-factor")
    ),
    _act("one-time-password", FRESH_PROOF_AND_PASSWORD),
    _act("print-code", FRESH_PROOF_AND_PASSWORD, email=""),
    _act("disable", FRESH_PROOF),
    _act("disable", FRESH_PROOF_AND_PASSWORD, role="administrator"),
    _act("invite", FRESH_PROOF, role="manager"),
    _act("invite", FRESH_PROOF_AND_PASSWORD, role="administrator"),
    _act("offer-ownership", FRESH_PROOF_AND_PASSWORD, actor="boss", role="manager"),
    Row("end all sessions", "admin.act_on_person", "anna", FRESH_PROOF_AND_PASSWORD,
        lambda w: (w.path(w.actors["sam"], "end-sessions"), {})),
    Row("enable", "admin.act_on_person", "anna", FRESH_PROOF,
        lambda w: (w.path(made.disabled(w, "employee"), "enable"), {})),
    Row("enable an administrator", "admin.act_on_person", "anna", FRESH_PROOF_AND_PASSWORD,
        lambda w: (w.path(made.disabled(w, "administrator"), "enable"), {})),
    Row("unlock", "admin.act_on_person", "anna", FRESH_PROOF, lambda w: (w.path(made.failed(w, "employee"), "unlock"), {})),
    Row("unlock an administrator", "admin.act_on_person", "anna", FRESH_PROOF_AND_PASSWORD,
        lambda w: (w.path(made.failed(w, "administrator"), "unlock"), {})),
    Row("remove an authenticator app", "admin.remove_authenticator_app", "anna", FRESH_PROOF_AND_PASSWORD, made.another_app),
    Row("remove a passkey", "admin.remove_passkey", "anna", FRESH_PROOF_AND_PASSWORD, made.another_passkey),
    Row("end a session", "admin.end_session", "anna", FRESH_PROOF_AND_PASSWORD,
        lambda w: (f"{AT}/sessions/{w.session_of(w.actors['tom'])}/end", {})),
    Row("withdraw the offer", "admin.withdraw_ownership", "boss", FRESH_PROOF, made.offered),
    Row("recover the owner", "admin.act_on_person", "olga", FRESH_PROOF_AND_PASSWORD,
        lambda w: (made.owner(w, "recover-owner"), {})),
    Row("stop the recovery", "admin.act_on_person", "olga", FRESH_PROOF_AND_PASSWORD,
        lambda w: made.recovering(w, made.owner(w, "stop-recovery"))),
    Row("stop the recovery on the front page", "account.stop_recovery", "anna", FRESH_PROOF,
        lambda w: made.recovering(w, "/account/owner-recovery/stop"), opens=""),
]  # fmt: skip
ORGANISATION = [
    Row("add a group", "admin.groups", "anna", NOTHING, lambda w: (f"{AT}/groups", {"name": w.name()})),
    Row("add a requiring group", "admin.groups", "anna", FRESH_PROOF,
        lambda w: (f"{AT}/groups", {"name": w.name(), "requires_mfa": True})),
    Row("rename a group", "admin.group", "anna", NOTHING, lambda w: made.group(w, {"name": w.name()}, requires_mfa=False)),
    Row("stop requiring a factor", "admin.group", "anna", FRESH_PROOF,
        lambda w: made.group(w, {"name": w.name(), "requires_mfa": False}, requires_mfa=True)),
    Row("require a factor", "admin.group", "anna", FRESH_PROOF,
        lambda w: made.group(w, {"name": w.name(), "requires_mfa": True}, requires_mfa=False)),
    Row("join a requiring group", "admin.group", "anna", FRESH_PROOF,
        lambda w: made.group(w, {"username": w.person().username}, requires_mfa=True)),
    Row("join another group", "admin.group", "anna", NOTHING,
        lambda w: made.group(w, {"username": w.person().username}, requires_mfa=False)),
    Row("delete a group", "admin.remove_group", "anna", FRESH_PROOF_AND_PASSWORD,
        lambda w: (f"{AT}/groups/{w.group(requires_mfa=False).id}/remove", {})),
    Row("add a shop", "admin.shops", "anna", NOTHING, lambda w: (f"{AT}/shops", {"code": w.name(), "name": "Two"})),
    Row("rename a shop", "admin.shop", "anna", NOTHING, lambda w: (f"{AT}/shops/{w.shop()}", {"name": "Two"})),
    Row("delete a shop", "admin.remove_shop", "anna", FRESH_PROOF_AND_PASSWORD,
        lambda w: (f"{AT}/shops/{w.shop()}/remove", {})),
    Row("remember devices for longer", "admin.settings", "anna", FRESH_PROOF,
        lambda w: (f"{AT}/settings", {"remember_device_days": str(20 + len(w.name()) % 3), "name": w.name()})),
    Row("add a rule of one's own", "admin.add_own_policy", "anna", FRESH_PROOF,
        lambda w: (f"{AT}/policies/own/add", made.previewed(w)), opens=""),
    Row("change a rule of one's own", "admin.edit_own_policy", "anna", FRESH_PROOF,
        lambda w: (f"{AT}/policies/own/{w.own_rule()}/edit", made.previewed(w)), opens=""),
    Row("end a rule of one's own", "admin.end_own_policy", "anna", FRESH_PROOF,
        lambda w: (f"{AT}/policies/own/{w.own_rule()}/end", {})),
    Row("delete a rule of one's own", "admin.remove_own_policy", "anna", FRESH_PROOF_AND_PASSWORD,
        lambda w: (f"{AT}/policies/own/{w.own_rule()}/remove", {})),
    Row("remove the logo", "admin.logo", "anna", FRESH_PROOF, made.logo, opens=""),
    *(
        Row(f"{act} an import", f"admin.import_{act}", "anna", needs, lambda w, act=act: made.imported(w, act))
        for act, needs in (("start", FRESH_PROOF_AND_PASSWORD), ("codes", FRESH_PROOF_AND_PASSWORD), ("cancel", NOTHING))
    ),
    Row("send a mail again", "admin.resend_mail", "anna", NOTHING, made.mail),
    Row("test an app", "admin.test_app", "anna", NOTHING, lambda w: (f"{AT}/apps/{w.client()}/test", {})),
]  # fmt: skip
INSTALLATION = [
    Row("add an organisation", "admin.add_organisation", "olga", FRESH_PROOF_AND_PASSWORD,
        lambda w: ("/admin/installation/organisations/add", {"name": "Two", "store_url": w.name(), "username": "pim",
                                                             "email": f"{w.name()}@shoes.example", "language": "nl"})),
    Row("disable an organisation", "admin.disable_organisation", "olga", FRESH_PROOF_AND_PASSWORD,
        lambda w: (f"/admin/{w.organisation()}/disable", {})),
    Row("enable an organisation", "admin.enable_organisation", "olga", FRESH_PROOF_AND_PASSWORD,
        lambda w: (f"/admin/{w.organisation(disabled=True)}/enable", {})),
    Row("add a rule", "admin.add_policy", "olga", FRESH_PROOF,
        lambda w: (f"{AT}/policies/add", {"name": w.name(), "starts": "2031-01-01"})),
    Row("end a rule", "admin.edit_policy", "olga", FRESH_PROOF,
        lambda w: (f"{AT}/policies/edit?name={w.rule()}", {"ends": "2031-01-01"})),
    Row("delete a rule", "admin.remove_policy", "olga", FRESH_PROOF_AND_PASSWORD,
        lambda w: (f"{AT}/policies/remove?name={w.rule()}", {})),
    Row("add an app", "admin.add_app", "olga", FRESH_PROOF,
        lambda w: (f"{AT}/apps/add", {"client_id": w.name(), "redirect_uris": "https://evil.example/"})),
    Row("connect an app", "admin.connect_kind", "olga", FRESH_PROOF,
        lambda w: (f"{AT}/apps/connect/shop", {"name": w.name(), "address": "https://evil.example/"})),
    Row("redirect address", "admin.edit_app", "olga", FRESH_PROOF,
        lambda w: (f"{AT}/apps/{w.client()}/edit", {"redirect_uris": "https://evil.example/"})),
    Row("a new secret", "admin.new_secret", "olga", FRESH_PROOF_AND_PASSWORD,
        lambda w: (f"{AT}/apps/{w.client()}/secrets/new?overlap=now", {})),
    Row("end a secret", "admin.end_secret", "olga", FRESH_PROOF_AND_PASSWORD, made.secret),
    Row("minimum level", "admin.edit_app", "olga", FRESH_PROOF,
        lambda w: (f"{AT}/apps/{w.client()}/edit", {"minimum_acr": "mfa"})),
    *(
        Row(f"{act} an app", "admin.act_on_app", "olga", FRESH_PROOF_AND_PASSWORD,
            lambda w, act=act: (f"{AT}/apps/{w.client(disabled=act == 'enable')}/do/{act}", {}))
        for act in ("disable", "enable", "delete")
    ),
    Row("rotate the keys", "admin.rotate_keys", "olga", FRESH_PROOF_AND_PASSWORD, lambda _: (f"{AT}/keys/rotate", {})),
]  # fmt: skip
OWN = [
    Row("own address", "account.change_address", "kim", FRESH_PROOF,
        lambda w: ("/account/address", {"email": f"{w.name()}@evil.example"})),
    Row("own name", "account.name", "kim", NOTHING, lambda w: ("/account/name", {"name": w.name()}), "/account/details"),
    Row("rename a passkey", "account.rename_passkey", "kim", FRESH_PROOF,
        lambda w: (f"/account/passkeys/{made.passkey(w, w.actors['kim'])}/rename", {"name": w.name()}), opens=""),
    Row("rename an authenticator app", "account.rename_authenticator_app", "kim", FRESH_PROOF,
        lambda w: (f"/account/authenticator-apps/{made.app(w, w.actors['kim'])}/rename", {"name": w.name()}), opens=""),
    Row("forget a device", "account.forget_device", "kim", NOTHING, lambda w: made.device(w, w.actors["kim"]), opens=""),
    Row("end the access of an app", "account.end_app", "kim", NOTHING, made.consent, opens=""),
    Row("remove an authenticator app", "account.remove_authenticator_app", "kim", FRESH_PROOF_AND_PASSWORD,
        lambda w: (f"/account/authenticator-apps/{made.app(w, w.actors['kim'])}/remove", {})),
    Row("remove a passkey", "account.remove_passkey", "kim", FRESH_PROOF_AND_PASSWORD,
        lambda w: (f"/account/passkeys/{made.passkey(w, w.actors['kim'])}/remove", {})),
    Row("remove the factor", "account.remove_factor", "kim", FRESH_PROOF_AND_PASSWORD,
        lambda _: ("/account/factor/remove", {}), opens="/account/factor/remove/password", events=2),
]  # fmt: skip
ROWS = [*PEOPLE, *ORGANISATION, *INSTALLATION, *OWN]
ELSEWHERE = {
    **dict.fromkeys(
        (
            "account.set_up",
            "account.new_codes",
            "account.new_password",
            "account.add_passkey",
            "account.add_authenticator_app",
            "account.set_up_authenticator_app",
        ),
        "the sign-in asks",
    ),
    "admin.import_people": "a dry run, which changes nobody",
    **dict.fromkeys(("admin.export_people", "admin.export_audit", "admin.discard_export"), "a file, which changes nobody"),
    "account.verify_address": "a link to the address on record",
    "account.language": "the language of one's own pages",
    "account.time_zone": "the time zone of one's own pages",
    "account.dismiss_notice": "a notice that was read",
    "account.end_session": "one's own session",
    "account.sign_in": "the sign-in",
    "account.sign_out": "one's own session",
    "pages.language": "the language of pages",
    "signin.answer": "the sign-in",
    "links.press": "a mailed link",
    "unlock.lift": "a mailed link and the password",
    "reset.ask": "a mail to the address on record",
    "reset.show_paper": "a printed code",
    "reset.choose": "a mailed link or a printed code",
    "oauth.as_get": "the protocol",
    "device.take": "a code that is typed in",
    **dict.fromkeys(("device.decide", "approve.decide"), "an app's request, after the sign-in that it needs"),
    "oauth.confirm_logout": "one's own session",
    **dict.fromkeys(
        ("admin.select_people", "admin.select_in_shop", "admin.add_to_shop"), "a selection, about which the next page asks"
    ),
    "admin.undo_people": "see test_console_shop_people: it belongs to one browser, and asks for a fresh proof",
    "admin.act_on_people": "see test_console_selection: the selection belongs to one browser",
}
"""Routes that make no such change, each with the reason."""
