"""The password typed once more, to confirm a change (``identity.sensitive_changes`` says which changes need it)."""

from dataclasses import replace

from flask import g

from idp.errors import Message, say
from idp.identity import sensitive_changes
from idp.identity.credentials import reauthentication
from idp.identity.sensitive_changes import Confirmation
from idp.store.users import User
from idp.web import forms, request_context
from idp.web.account.current_user import me
from idp.web.link_pages import origin

NO_PASSWORD = say("Enter your password to confirm.")
"""The reauthentication that spared the password is too long ago by now."""


def must_ask_password() -> bool:
    """Return whether a dialog has the field: not while the reauthentication for it confirms it already.

    A password typed in this request confirms this request alone.
    """
    return "typed_password" in g or sensitive_changes.given() < Confirmation.FRESH_PROOF_AND_PASSWORD


def unconfirmed(user: User) -> Message | None:
    """Check the password that ``user``, who is signed in here, posted to confirm; raises ``TooMany``.

    Raises ``SignInFirst`` where the session ended while the password was hashed: what it allowed before is not done.
    Returns what is wrong, or None if the change is confirmed. A right password adds to a fresh proof. It never replaces one.
    """
    if not must_ask_password():
        return None
    posted = forms.fields().get("password")
    if posted is None:
        return NO_PASSWORD
    if not reauthentication.password_fits(
        request_context.settings(), user, posted, request_context.visit().browser_id, origin(user.id)
    ):
        return reauthentication.WRONG_PASSWORD
    me(replace(g.needs, subject=user.id))
    g.typed_password = True
    if sensitive_changes.given() >= Confirmation.FRESH_PROOF:
        sensitive_changes.confirm(Confirmation.FRESH_PROOF_AND_PASSWORD)
    return None
