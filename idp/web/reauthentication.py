"""Reauthenticate a person when a change needs it: by a new sign-in, or by the password alone.

``identity.sensitive_changes`` decides which change needs what. This module answers an unconfirmed change with a
reauthentication, after which the person comes back to the page. It also checks the password that a dialog asks for.
"""

from dataclasses import replace

from flask import Flask, Response, abort, g

from idp.errors import Message, say
from idp.identity import sensitive_changes
from idp.identity.credentials.reauthentication import WRONG_PASSWORD, is_password_of
from idp.identity.sensitive_changes import Confirmation, ConfirmationRequired
from idp.signin.confirming import fresh
from idp.signin.requirements import Needs
from idp.store.users import User
from idp.web import forms, request_context
from idp.web.account.current_user import SignInFirst, me, who
from idp.web.link_pages import origin

NO_PASSWORD = say("Enter your password to confirm.")
"""The reauthentication that replaced the password is too long ago now."""


def setup_reauthentication(app: Flask) -> None:
    """Answer every unconfirmed change of the application."""
    app.register_error_handler(ConfirmationRequired, reauthenticate)


def reauthenticate(required: ConfirmationRequired) -> Response:
    """Send the person to reauthenticate, and then back to the page's next address.

    With a fresh proof only the password is missing. The sign-in that asks for it counts nothing older.
    """
    needs: Needs | None = g.get("needs")
    present = who()
    if needs is None or present is None:
        abort(403)
    # The page itself needs no fresh proof, so cancelling leads there too, with the form as it was entered.
    wanted = replace(fresh(request_context.settings(), needs), subject=present.user.id, tasks=(), cancel_to=needs.return_to)
    if sensitive_changes.given() >= Confirmation.FRESH_PROOF:
        wanted = replace(wanted, prompt=("login",))
    try:
        me(wanted)
    except SignInFirst as first:
        return first.response
    raise AssertionError(f"{required} although it was confirmed")


def must_ask_password() -> bool:
    """Check if a dialog has the password field: not while a reauthentication already confirms it.

    A password entered in this request confirms this request alone.
    """
    return "typed_password" in g or sensitive_changes.given() < Confirmation.FRESH_PROOF_AND_PASSWORD


def check_password(user: User) -> Message | None:
    """Check the password that ``user``, who is signed in here, posted to confirm. Raises ``TooMany``.

    Raises ``SignInFirst`` if the session ended while the password was hashed: its rights are gone. Returns what is wrong, or
    None if the change is confirmed. A right password adds to a fresh proof and never replaces one.
    """
    if not must_ask_password():
        return None
    posted = forms.fields().get("password")
    if posted is None:
        return NO_PASSWORD
    if not is_password_of(request_context.settings(), user, posted, request_context.visit().browser_id, origin(user.id)):
        return WRONG_PASSWORD
    me(replace(g.needs, subject=user.id))
    g.typed_password = True
    if sensitive_changes.given() >= Confirmation.FRESH_PROOF:
        sensitive_changes.confirm(Confirmation.FRESH_PROOF_AND_PASSWORD)
    return None
