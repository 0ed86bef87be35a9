"""The pages on which a person approves what an app asks for (OpenID CIBA §8). They work without JavaScript."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, Response

from idp.errors import say
from idp.oauth import decisions
from idp.oauth.decisions import Outcome, Over, Waiting
from idp.signin.state import Continue
from idp.store import polled_requests
from idp.web import csrf, forms, pages, request_context
from idp.web.device import decider
from idp.web.link_pages import OutcomePage, tell
from idp.web.oauth_provider import provider

blueprint = Blueprint("approve", __name__)
ID_LENGTH = 26


@dataclass(frozen=True)
class ApprovePage:
    """Hold what is asked. The form sends ``choice``: ``approve`` or ``deny``.

    ``message``, ``device_name`` and ``shop_name`` may be empty. ``details``: acts that are allowed once, by language.
    """

    action: str
    client_name: str
    message: str
    device_name: str
    shop_name: str
    username: str
    organisation_name: str
    details: tuple[Mapping[str, str], ...] = ()


@blueprint.get("/approve/<request_id>")
def begin(request_id: str) -> Response:
    """Lead to the sign-in. The address is no secret: only the person who is asked can decide."""
    row = polled_requests.request(request_id) if len(request_id) == ID_LENGTH and request_id.isascii() else None
    is_asked = row is not None and row.kind == polled_requests.APPROVAL
    attempt_id = decisions.begin(provider(), row, {}, request_context.visit()) if row is not None and is_asked else None
    return pages.see_other(f"/approve/confirm/{attempt_id}") if attempt_id else _gone()


@blueprint.get("/approve/confirm/<attempt_id>")
def confirm(attempt_id: str) -> Response:
    """Show what is asked, once the person is signed in as the app wants it."""
    return _shown(decisions.resume(provider(), request_context.visit(), attempt_id), attempt_id)


@blueprint.post("/approve/confirm/<attempt_id>")
def decide(attempt_id: str) -> Response:
    """Take the decision."""
    csrf.require()
    choice, visit = forms.fields().get("choice", ""), request_context.visit()
    if choice not in ("approve", "deny"):
        return pages.see_other(f"/approve/confirm/{attempt_id}")
    return _shown(decisions.decide(provider(), visit, attempt_id, approve=choice == "approve"), attempt_id)


@blueprint.get("/approve/approved")
def approved() -> Response:
    """Tell that the app may go on."""
    return tell(
        OutcomePage(say("You approved the request"), (say("The app continues by itself. You can close this page."),))
    )


@blueprint.get("/approve/denied")
def denied() -> Response:
    """Tell that the app gets nothing."""
    return tell(OutcomePage(say("You denied the request"), (say("We told the app. Nothing happens in your name."),)))


def _shown(outcome: Outcome, attempt_id: str) -> Response:
    match outcome:
        case Continue():
            return pages.see_other(f"/sign-in/{outcome.attempt_id}")
        case Waiting():
            return pages.render("oauth/approve.html", _page(outcome, attempt_id))
        case Over(decision="approved" | "denied"):
            return pages.see_other(f"/approve/{outcome.decision}")
    return _gone()


def _gone() -> Response:
    texts = (say("The request was answered, has expired, or the app may no longer ask."),)
    return pages.render("email_links/outcome.html", OutcomePage(say("No request is waiting for your approval"), texts), 404)


def _page(waiting: Waiting, attempt_id: str) -> ApprovePage:
    user, organisation = decider(waiting)
    asked = waiting.request.parameters
    return ApprovePage(
        action=f"/approve/confirm/{attempt_id}",
        client_name=waiting.needs.client.name if waiting.needs.client else "",
        message=str(asked.get("binding_message", "")),
        device_name=str(asked.get("device_name", "")),
        shop_name=waiting.shop_name,
        username=user.username,
        organisation_name=organisation.name,
        details=waiting.needs.client.detail_words if waiting.needs.client else (),
    )
