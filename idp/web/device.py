"""The pages on which a person approves a device that shows a code (RFC 8628 §3.3). They work without JavaScript."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from flask import Blueprint, Response, abort

from idp.branding import brand_of
from idp.errors import Message, TooMany, say
from idp.oauth import decisions, device_verification
from idp.oauth.decisions import Elsewhere, Outcome, Over, Waiting
from idp.signin.state import Continue
from idp.store import organisations, users
from idp.store.organisations import Organisation
from idp.store.users import User
from idp.web import csrf, forms, language, pages, request_context
from idp.web.link_pages import OutcomePage, tell
from idp.web.oauth_provider import provider

blueprint = Blueprint("device", __name__)
NOT_SHOWN = say("No device shows this code now. Check it, or let the device show a new one.")


@dataclass(frozen=True)
class DeviceCodePage:
    """Hold the form for the code that the device shows. Field ``user_code``."""

    user_code: str
    errors: tuple[Message, ...] = ()


@dataclass(frozen=True)
class DevicePage:
    """Hold what is approved. The form sends ``choice``: ``approve`` or ``deny``.

    ``device_name`` and ``shop_name`` may be empty: the device need not name itself, nor its shop.
    ``details``: acts that are allowed once, in words by language.
    """

    action: str
    client_name: str
    device_name: str
    shop_name: str
    user_code: str
    username: str
    organisation_name: str
    details: tuple[Mapping[str, str], ...] = ()


@blueprint.get("/device")
def enter() -> Response:
    """Ask for the code. The address in a QR code has it already: it is shown, to be compared with the device (§3.3.1)."""
    return pages.render("oauth/device_code.html", DeviceCodePage(forms.asked("user_code", 20)))


@blueprint.post("/device")
def take() -> Response:
    """Take the code, and sign the person in."""
    csrf.require()
    typed = forms.fields().get("user_code", "")
    try:
        attempt_id = device_verification.enter(provider(), typed, request_context.visit())
    except TooMany as closed:
        response = pages.render("oauth/device_code.html", DeviceCodePage(typed[:20], (closed.message,)), 429)
        response.headers["Retry-After"] = str(closed.retry_after)
        return response
    if attempt_id is None:
        return pages.render("oauth/device_code.html", DeviceCodePage(typed[:20], (NOT_SHOWN,)), 422)
    return pages.see_other(f"/device/confirm/{attempt_id}")


@blueprint.get("/device/confirm/<attempt_id>")
def confirm(attempt_id: str) -> Response:
    """Show what is approved, once the person is signed in as the app asks."""
    return _shown(decisions.resume(provider(), request_context.visit(), attempt_id), attempt_id)


@blueprint.post("/device/confirm/<attempt_id>")
def decide(attempt_id: str) -> Response:
    """Take the decision."""
    csrf.require()
    choice, visit = forms.fields().get("choice", ""), request_context.visit()
    if choice not in ("approve", "deny"):
        return pages.see_other(f"/device/confirm/{attempt_id}")
    return _shown(decisions.decide(provider(), visit, attempt_id, approve=choice == "approve"), attempt_id)


@blueprint.get("/device/approved")
def approved() -> Response:
    """Tell that the device may go on."""
    return tell(OutcomePage(say("The device is signed in"), (say("Go back to the device: it continues by itself."),)))


@blueprint.get("/device/denied")
def denied() -> Response:
    """Tell that the device gets nothing."""
    return tell(OutcomePage(say("The device is not signed in"), (say("The device does not get access to your account."),)))


def _shown(outcome: Outcome, attempt_id: str) -> Response:
    match outcome:
        case Continue():
            return pages.see_other(f"/sign-in/{outcome.attempt_id}")
        case Waiting():
            return pages.render("oauth/device.html", _page(outcome, attempt_id))
        case Over(decision="approved" | "denied"):
            return pages.see_other(f"/device/{outcome.decision}")
        case Elsewhere():
            return _refused(OutcomePage(say("This device is not in one of your shops"), (_elsewhere(outcome),)))
    texts = (say("The code was used, has expired, or belongs to an app that may no longer use it."),)
    return _refused(OutcomePage(say("This code does not work any more"), texts))


def _elsewhere(outcome: Elsewhere) -> Message:
    return say(
        "The device says that it is in the shop “%(shop)s”, which your organisation does not have. The "
        "device was not signed in.",
        shop=outcome.shop,
    )


def _refused(page: OutcomePage) -> Response:
    """Show that this code leads nowhere for this person."""
    return pages.render("email_links/outcome.html", replace(page, back="/device", back_words=say("Enter another code")), 404)


def _page(waiting: Waiting, attempt_id: str) -> DevicePage:
    """Return the page, in the person's language and their organisation's look."""
    user, organisation = decider(waiting)
    return DevicePage(
        action=f"/device/confirm/{attempt_id}",
        client_name=waiting.needs.client.name if waiting.needs.client else "",
        device_name=str(waiting.request.parameters.get("device_name", "")),
        shop_name=waiting.shop_name,
        user_code=waiting.needs.carried.get(device_verification.SHOWN, ""),
        username=user.username,
        organisation_name=organisation.name,
        details=waiting.needs.client.detail_words if waiting.needs.client else (),
    )


def decider(waiting: Waiting) -> tuple[User, Organisation]:
    """Return the person who decides. The page is in their language, and wears their organisation's look."""
    user = users.user(waiting.settled.organisation_id, waiting.settled.user_id)
    organisation = organisations.organisation(waiting.settled.organisation_id)
    if user is None or organisation is None:
        abort(404)
    language.asked_in(*waiting.needs.ui_locales)
    language.prefer(user.locale)
    pages.wear(brand_of(organisation))
    return user, organisation
