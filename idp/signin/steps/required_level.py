"""How much proof is needed in a case. Pure; shared by the steps and the flow."""

from datetime import timedelta

from idp.factors import REPLACING, SECOND
from idp.signin.state import ADD_PASSKEY, ENROL, NEW_CODES, NEW_PASSWORD, Case

JUST_NOW = timedelta(minutes=10)
"""How long a password, or a passkey, that was given in this same sign-in spares giving it again (S17)."""


def password_is_recent(case: Case) -> bool:
    """Whether it was typed moments ago in this same sign-in (S17). A one-time password (S49) cannot be typed again."""
    typed = [proof.at for proof in case.own_proofs if proof.method == "password"]
    return bool(typed) and (case.password_is_spent or max(typed) >= case.now - JUST_NOW)


def wants_new_password(case: Case) -> bool:
    """Whether a new password shall be chosen: asked for, chosen at the leaked notice, or forced (S32, S50)."""
    forced = case.person is not None and case.person.must_change_password
    asked = NEW_PASSWORD in case.needs.tasks or case.answers.leaked_password == "change"
    return (forced or asked) and not case.answers.new_password


def needed_level(case: Case) -> int:
    """The level to reach: the lowest acr asked for, raised by policy, client, and by what is about to be changed."""
    asked = [case.acr_levels[name] for name in case.needs.acr if name in case.acr_levels]
    needed = max(min(asked, default=1), case.needs.minimum_level, case.rules.level if case.rules else 1)
    tasks = {ENROL, NEW_CODES} if case.answers.passkey_added_at else {ENROL, NEW_CODES, ADD_PASSKEY}
    changes_details = case.needs.highest or tasks & set(case.needs.tasks) or wants_new_password(case)
    return max(needed, highest_owned(case)) if changes_details else needed


def highest_owned(case: Case) -> int:
    """The highest level the person's own factors reach.

    A recovery code stands in for whichever was lost: else nobody could replace or remove a lost passkey.
    """
    if case.person is None:
        return 1
    if any(proof.method in REPLACING for proof in case.counting) and not case.answers.passkey_added_at:
        return SECOND
    return case.person.highest_level
