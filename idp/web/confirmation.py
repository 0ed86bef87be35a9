"""The password typed once more, to confirm a change (``identity.sensitive_changes`` says which changes need it)."""

from dataclasses import replace

from flask import g

from idp.errors import Message, say
from idp.identity import confirming, sensitive_changes
from idp.identity.sensitive_changes import Confirmation
from idp.store.users import User
from idp.web import browser, forms
from idp.web.account.person import me
from idp.web.reset import origin

NO_PASSWORD = say("Enter your password to confirm.")
"""The reauthentication that spared the password is too long ago by now."""


def is_confirmed_by_password() -> bool:
    """Return whether the person typed the password a moment ago, to reauthenticate for this."""
    return sensitive_changes.given() >= Confirmation.FRESH_PROOF_AND_PASSWORD


def unconfirmed(user: User) -> Message | None:
    """Check the password that ``user``, who is signed in here, posted to confirm; raises ``TooMany``.

    Raises ``SignInFirst`` where the session ended while the password was hashed: what it allowed before is not done.
    Returns what is wrong, or None if the change is confirmed. A right password adds to a fresh proof. It never replaces one.
    """
    if is_confirmed_by_password():
        return None
    posted = forms.fields().get("password")
    if posted is None:
        return NO_PASSWORD
    if not confirming.password_fits(browser.settings(), user, posted, browser.visit().browser_id, origin(user.id)):
        return confirming.WRONG_PASSWORD
    me(replace(g.needs, subject=user.id))
    if sensitive_changes.given() >= Confirmation.FRESH_PROOF:
        sensitive_changes.confirm(Confirmation.FRESH_PROOF_AND_PASSWORD)
    return None
