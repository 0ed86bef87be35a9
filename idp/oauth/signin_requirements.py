"""From an authorization request to what a sign-in needs: the seam between the protocol and signing in."""

from idp.config import Settings
from idp.oauth.authorization_request import AuthorizationRequest
from idp.oauth.clients import terms
from idp.signin.requirements import Needs

RETURN_TO = "/oauth/authorize"


def needs_for(asked: AuthorizationRequest, settings: Settings) -> Needs:
    """The request as a ``Needs``. The client's ``minimum_acr`` is enforced whatever the request says."""
    client = terms(asked.client, asked.redirect_uri, settings)
    return Needs(
        return_to=RETURN_TO,
        resumes=True,
        acr=asked.acr,
        minimum_level=max(1, client.minimum_level),
        max_age=asked.max_age,
        prompt=asked.prompt,
        subject=asked.subject,
        login_hint=asked.login_hint,
        organisation=asked.organisation,
        ui_locales=asked.ui_locales,
        scopes=asked.scopes,
        client=client,
        carried=dict(asked.carried),
    )
