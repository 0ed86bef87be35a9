"""Find the apps that a person may open, and where each begins."""

from idp.oauth.authorization_response import add_query
from idp.oauth.launch import Launchable
from idp.web import request_context
from idp.web.account.current_user import Me
from idp.web.oauth_provider import provider


def launchable(present: Me) -> tuple[Launchable, ...]:
    """Return the apps that serve the person's organisation. Apps serve no operators' own organisation."""
    at = present.organisation
    return tuple(one for one in provider().clients.launchable() if at.kind == "retailer" and one.serves(at.id))


def address_of(app: Launchable) -> str:
    """Return where an app begins: the sign-in that a third party initiates (Core §4), else its home page."""
    return add_query(app.initiate, (("iss", request_context.settings().issuer),)) if app.initiate else app.home
