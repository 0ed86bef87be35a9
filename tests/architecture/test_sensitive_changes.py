"""Every function that changes something for a person asks the one rule, or is listed here with its reason."""

import ast

from tests.architecture.sources import Module, modules

ALSO_CHANGING = ("idp.oauth.registration", "idp.oauth.secret_changes", "idp.keys", "idp.identity.mail_outbox")
"""The modules that are checked beside ``idp.identity``."""
ONE_S_OWN = "people end, withdraw or label what is their own; nothing is opened by it"
BY_LINK = "a mailed link is the proof, and works once"
BY_SIGN_IN = "a step of the sign-in, which asks for the highest assurance before it"
WITHIN = "a part of functions that ask"
SYSTEM = "the command line and provisioning only"
NEED_NOT_ASK = {
    "email_address.confirm": BY_LINK,
    "email_address.verify": BY_LINK,
    "email_address.send_verification": "a link to the address on record, which opens nothing",
    "consents.end": ONE_S_OWN,
    "imported.put": SYSTEM,
    "jobs.draft": "keeps a file that was tried, and changes nobody",
    "files.start": "a file for an administrator, who may have it at once in parts; it changes nobody",
    "files.discard": "a file, which can be made again",
    "files.pieces": "reads a file, and changes nobody",
    "files.note_handed_out": "records, and changes nobody",
    "jobs.cancel": "drops a file that has changed nobody",
    "sessions.end": ONE_S_OWN,
    "sessions.end_all": WITHIN,
    "profile.change": "name and language of one's own",
    "transfer.accept": BY_LINK,
    "transfer.withdraw_by_link": BY_LINK,
    "new_organisation.create": "calls functions that ask, for the organisation, the shop, the person and the invitation",
    "passkeys.add": BY_SIGN_IN,
    "passwords.close": WITHIN,
    "passwords.put": BY_SIGN_IN,
    "status.end_everything": WITHIN,
    "owner_recovery.cancel_by_link": BY_LINK,
    "owner_recovery.confirm": BY_LINK,
    "remembered_devices.revoke": ONE_S_OWN,
    "second_factor.decline_recommendation": "a notice that was read",
    "password_reset.ask": "anybody may ask; the link goes to the address on record",
    "password_reset.choose": BY_LINK,
    "password_reset.mail_link": WITHIN,
    "email_undo.undo": BY_LINK,
    "listing.end_own": ONE_S_OWN,
    "unlock.lift": BY_LINK,
    "mail_outbox.resend": "the same mail to the same reader",
    "registration.insert": "a part of functions that ask; an app that registers itself acts for no person",
    "registration.delete": "a part of functions that ask; an app that deletes itself acts for no person",
    "reauthentication.is_password_of": "asks, and changes nothing",
    "findings.note": WITHIN,
    "password_check.accept": WITHIN,
    "new_passwords.hashed": "checks and hashes, and stores nothing",
    **dict.fromkeys(("bulk.carry_out", "bulk.do", "bulk.give_back"), "calls functions that ask, for each person"),
    "bulk.plan": "says what would be done",
    "mail_limits.admit": "counts, and changes nothing",
    "mail_limits.admit_again": "counts, and changes nothing",
}
READS = ("permissions.", "may_", "require_", "readable", "record")


def _takes_origin(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    arguments = [*function.args.args, *function.args.kwonlyargs]
    return any(one.annotation is not None and "Origin" in ast.unparse(one.annotation) for one in arguments)


def _asks(module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether the function, or a private function of the same file that it calls, asks the rule."""
    called = {ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
    own = [one for one in module.functions() if one.name in called and one.name.startswith("_")]
    return "sensitive_changes.require" in called or any(_asks(module, one) for one in own)


def _changing() -> dict[str, bool]:
    """Return the public functions that act for a person, each with whether it asks."""
    found = {}
    for module in modules("idp"):
        if not module.name.startswith("idp.identity.") and module.name not in ALSO_CHANGING:
            continue
        for function in module.functions():
            name = f"{module.name.rpartition('.')[2]}.{function.name}"
            is_reading = name.startswith(READS) or function.name.startswith(READS)
            if not function.name.startswith("_") and _takes_origin(function) and not is_reading:
                found[name] = _asks(module, function)
    return found


def test_every_change_for_a_person_asks_the_rule() -> None:
    """A change is as sensitive as its object, so the function that makes it asks."""
    assert {name for name, asks in _changing().items() if not asks} == set(NEED_NOT_ASK)


def test_only_two_places_confirm_a_change() -> None:
    """A change is confirmed by a proof of the session or by the password typed just now. No page confirms it by itself."""
    calls = [
        (module.name, node) for module in modules("idp") for node in ast.walk(module.tree) if isinstance(node, ast.Call)
    ]
    notes = {name for name, call in calls if ast.unparse(call.func) == "sensitive_changes.confirm"}
    assert notes == {"idp.web.account.current_user", "idp.web.reauthentication"}
