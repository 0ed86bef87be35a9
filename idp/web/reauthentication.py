"""Answer an unconfirmed change with a reauthentication, whatever route asked for the change.

Which change needs what is decided in ``identity.sensitive_changes``. Afterwards the person comes back to the page.
"""

from dataclasses import replace

from flask import Flask, Response, abort, g

from idp.identity import sensitive_changes
from idp.identity.sensitive_changes import Confirmation, ConfirmationRequired
from idp.signin.confirming import fresh
from idp.signin.requirements import Needs
from idp.web import request_context
from idp.web.account.current_user import SignInFirst, me, who


def setup_reauthentication(app: Flask) -> None:
    """Answer every unconfirmed change of the application."""
    app.register_error_handler(ConfirmationRequired, reauthenticate)


def reauthenticate(required: ConfirmationRequired) -> Response:
    """Send the person to prove again who they are, and then back to where their page said it leads.

    With a fresh proof only the password is missing. It is asked for in a sign-in that counts nothing older.
    """
    needs: Needs | None = g.get("needs")
    present = who()
    if needs is None or present is None:
        abort(403)
    # The page itself needs no fresh proof, so it is the way out too: with the form as it was typed.
    wanted = replace(fresh(request_context.settings(), needs), subject=present.user.id, tasks=(), cancel_to=needs.return_to)
    if sensitive_changes.given() >= Confirmation.FRESH_PROOF:
        wanted = replace(wanted, prompt=("login",))
    try:
        me(wanted)
    except SignInFirst as first:
        return first.response
    raise AssertionError(f"{required} although it was confirmed")
