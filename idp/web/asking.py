"""Work out the needs of a sign-in: an app's request is read on every visit, with the client as it is now."""

from idp.oauth import authorize, decisions
from idp.signin.requirements import Needs
from idp.web import oauth_provider, request_context


def read(stored: Needs) -> Needs | None:
    """Return the needs as of this visit. None if the app's request is no longer valid; the app's endpoint then says why."""
    if decisions.REQUEST in stored.carried:
        return decisions.read_again(oauth_provider.provider(), stored)
    return authorize.read_again(oauth_provider.provider(), stored, request_context.visit())
