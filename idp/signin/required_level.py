"""Which level a case needs, and which one its person can reach. Pure; shared by the steps and the flow."""

from datetime import timedelta

from idp.factors import REPLACING, SECOND
from idp.signin.state import ADD_APP, ADD_PASSKEY, ENROL, NEW_CODES, NEW_PASSWORD, Case

CHANGING = (ENROL, NEW_CODES, ADD_PASSKEY, ADD_APP)
"""The tasks that change what a person signs in with. Another one chooses a new password."""
JUST_NOW = timedelta(minutes=10)
"""How long a password or passkey of this sign-in need not be given again (S17)."""


def password_is_recent(case: Case) -> bool:
    """Check if the password was entered a moment ago in this sign-in (S17). A one-time password works only once (S49)."""
    entered = [proof.at for proof in case.own_proofs if proof.method == "password"]
    return bool(entered) and (case.password_is_spent or max(entered) >= case.now - JUST_NOW)


def wants_new_password(case: Case) -> bool:
    """Check if a new password must be chosen: asked for, chosen at the leaked notice, or forced (S32, S50)."""
    forced = case.person is not None and case.person.must_change_password
    asked = NEW_PASSWORD in case.needs.tasks or case.answers.leaked_password == "change"
    return (forced or asked) and not case.answers.new_password


def needed_level(case: Case) -> int:
    """Return the level to reach: the lowest acr asked for, raised by policy, by the client, and by changes of details."""
    asked = [case.acr_levels[name] for name in case.needs.acr if name in case.acr_levels]
    needed = max(min(asked, default=1), case.needs.minimum_level, case.rules.level if case.rules else 1)
    return max(needed, highest_owned(case)) if _changes_details(case) else needed


def _changes_details(case: Case) -> bool:
    """Check if what the person signs in with is about to change."""
    done = ADD_PASSKEY if case.answers.passkey_added_at else ""
    changes = any(name in CHANGING and name != done for name in case.needs.tasks)
    return case.needs.highest or changes or wants_new_password(case)


def highest_owned(case: Case) -> int:
    """Return the highest level that the person's own factors reach.

    A recovery code replaces any lost factor: otherwise a lost passkey could never be replaced or removed.
    """
    if case.person is None:
        return 1
    if any(proof.method in REPLACING for proof in case.counting) and not case.answers.passkey_added_at:
        return SECOND
    return case.person.highest_level
