"""Every function that changes something for a person asks the one rule, or says here why it need not."""

import ast

from tests.architecture.sources import Module, modules

ALSO_CHANGING = ("idp.oauth.registration", "idp.keys", "idp.mail.outgoing")
"""Beside everything in ``idp.identity``."""
ONE_S_OWN = "people end, withdraw or label what is their own; nothing is opened by it"
BY_LINK = "a mailed link is the proof, and works once"
BY_SIGN_IN = "a step of the sign-in, which asks for the highest assurance before it"
WITHIN = "a part of functions that ask"
SYSTEM = "the command line and provisioning only"
NEED_NOT_ASK = {
    "addresses.confirm": BY_LINK,
    "addresses.verify": BY_LINK,
    "addresses.send_verification": "a link to the address on record, which opens nothing",
    "consents.end": ONE_S_OWN,
    "credentials.put": SYSTEM,
    "credentials.replace": SYSTEM,
    "logins.end": ONE_S_OWN,
    "logins.end_all": WITHIN,
    "own_details.change": "name and language of one's own",
    "ownership.accept": BY_LINK,
    "ownership.withdraw_by_link": BY_LINK,
    "passkeys.add": BY_SIGN_IN,
    "passwords.close": WITHIN,
    "passwords.put": BY_SIGN_IN,
    "passwords.set_password": SYSTEM,
    "people.end_everything": WITHIN,
    "recoveries.cancel_by_link": BY_LINK,
    "recoveries.confirm": BY_LINK,
    "remembered.revoke": ONE_S_OWN,
    "remembered.revoke_all": WITHIN,
    "resets.ask": "anybody may ask; the link goes to the address on record",
    "resets.choose": BY_LINK,
    "resets.mail_link": WITHIN,
    "restoring.undo": BY_LINK,
    "sessions.end_own": ONE_S_OWN,
    "unlocking.lift": BY_LINK,
    "outgoing.resend": "the same mail to the same reader",
    "confirming.password_fits": "asks, and changes nothing",
    "leaked_findings.note": WITHIN,
    "new_passwords.hashed": "checks and hashes, and stores nothing",
    "mail_limits.admit": "counts, and changes nothing",
    "mail_limits.admit_again": "counts, and changes nothing",
}
READS = ("authority.", "may_", "require_", "readable", "record")


def _takes_origin(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    arguments = [*function.args.args, *function.args.kwonlyargs]
    return any(one.annotation is not None and "Origin" in ast.unparse(one.annotation) for one in arguments)


def _asks(module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether the rule is asked here, or in a private function of the same file that is called here."""
    called = {ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
    own = [one for one in module.functions() if one.name in called and one.name.startswith("_")]
    return "sensitive_changes.require" in called or any(_asks(module, one) for one in own)


def _changing() -> dict[str, bool]:
    """Public functions that act for somebody → whether they ask."""
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


def test_whatever_acts_for_a_person_asks_what_it_needs() -> None:
    """Issue 7, entry 1: a change is as sensitive as what it changes, so the function that changes it asks."""
    assert {name for name, asks in _changing().items() if not asks} == set(NEED_NOT_ASK)


def test_what_was_confirmed_is_noted_in_two_places() -> None:
    """A proof of the login, or the password typed just now: no page says by itself that a change is confirmed."""
    calls = [
        (module.name, node) for module in modules("idp") for node in ast.walk(module.tree) if isinstance(node, ast.Call)
    ]
    notes = {name for name, call in calls if ast.unparse(call.func) == "sensitive_changes.confirm"}
    assert notes == {"idp.web.account.person", "idp.web.confirmation"}
