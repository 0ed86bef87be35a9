"""Serve the protocol's pages for people: the authorization endpoint and signing out (RP-Initiated Logout 1.0)."""

from dataclasses import dataclass
from typing import cast
from urllib.parse import quote_from_bytes, urlencode

from flask import Blueprint, Flask, Response, current_app, request
from werkzeug.exceptions import MethodNotAllowed

from idp.branding import brand_of
from idp.errors import say
from idp.oauth import authorization_request, authorize, logout, request_parameters
from idp.oauth.authorization_checks import CLIENT_IS_DISABLED
from idp.oauth.authorization_response import Answer, Ask, Outcome, Refused
from idp.oauth.id_token_hints import short_request
from idp.oauth.logout import AskFirst, LogoutOutcome, SignedOut
from idp.oauth.request_parameters import Parameters
from idp.oauth.request_sources import PREFIX
from idp.web import csrf, forms, language, pages, request_context
from idp.web.account import current_user
from idp.web.browser_request import BrowserRequest
from idp.web.machine_call import FORM
from idp.web.oauth_provider import NAME, OAuth, provider

blueprint = Blueprint("oauth", __name__)
LONGEST_SHOWN = 300
POSTED = ("/oauth/authorize", "/oauth/logout")
OUTCOME = "sleutel.outcome"
"""In the environment: the outcome of an authorization request that was checked before Flask (``lean_entry``)."""


@dataclass(frozen=True)
class FormPostPage:
    """Hold an answer that the browser posts to the app (OAuth 2.0 Form Post Response Mode)."""

    action: str
    fields: tuple[tuple[str, str], ...]
    client_name: str = ""


@dataclass(frozen=True)
class LogoutPage:
    """Hold the question before signing out. ``carried``: hidden fields. ``wrong``: for the app's developer."""

    action: str
    username: str
    organisation_name: str
    client_name: str
    carried: tuple[tuple[str, str], ...]
    wrong: str = ""


@dataclass(frozen=True)
class SignedOutPage:
    """Hold the end of a session; ``return_to`` may be empty. ``wrong``: for the app's developer."""

    return_to: str
    client_name: str
    wrong: str = ""


def begin(app: Flask, query: bytes, browser: BrowserRequest) -> Outcome | Exception:
    """Check an authorization request. Returns what it raised, for the view to raise: a page tells the person."""
    try:
        parameters = _parameters(query, authorization_request.PARAMETERS)
        return authorize.begin(cast(OAuth, app.extensions[NAME]).provider, parameters, browser.visit)
    except Exception as error:  # noqa: BLE001 – the view raises it, where Flask's handlers word it
        return error


@blueprint.before_request
def refuse_head() -> None:
    """Refuse HEAD, which Flask takes for GET. It must change nothing (RFC 9110 §9.2.1), and a GET here makes a code or signs
    somebody out.
    """
    if request.method == "HEAD":
        raise MethodNotAllowed(valid_methods=["GET", "OPTIONS", *(["POST"] if request.path in POSTED else [])])


@blueprint.get("/oauth/authorize")
def authorize_() -> Response:
    """Answer an authorization request by a page, or by a redirect to one."""
    outcome = request.environ.get(OUTCOME)
    if outcome is None:
        outcome = begin(current_app, request.query_string, request_context.browser())
    if isinstance(outcome, Exception):
        raise outcome
    return _outcome(outcome)


@blueprint.get("/oauth/authorize/<attempt_id>")
def resume(attempt_id: str) -> Response:
    """Come back from a sign-in in progress."""
    return _outcome(authorize.resume(provider(), request_context.visit(), attempt_id))


@blueprint.get("/oauth/logout")
def logout_() -> Response:
    """Sign out at the request of an app."""
    _use_their_language()
    return _logged_out(
        logout.log_out(provider(), _parameters(request.query_string, logout.PARAMETERS), request_context.visit())
    )


@blueprint.post("/oauth/authorize")
@blueprint.post("/oauth/logout")
def as_get() -> Response:
    """Redirect to the same request by GET: a form of another site comes without our cookies (SameSite=Lax)."""
    body = request.get_data() if request.mimetype == FORM else b""
    short = short_request(provider(), body, authorization_request.PARAMETERS | logout.PARAMETERS)
    if not short and request.path == "/oauth/authorize":
        most = request_parameters.LONGEST_KEPT
        return _bad(Refused("invalid_request", f"The body must be {FORM} of at most {most} bytes beside the hint."))
    # A body that cannot be read is taken as a request to sign out.
    query = quote_from_bytes(short or b"", safe="%&=+-._~!*()")
    return pages.see_other(f"{request.path}?{query}".rstrip("?"))


@blueprint.post("/oauth/logout/confirm")
def confirm_logout() -> Response:
    """Take the answer to our question."""
    csrf.require()
    form = forms.fields()
    if form.get("choice") != "sign_out":
        return pages.see_other("/")
    _use_their_language()
    return _logged_out(logout.confirm(provider(), form.get("request", ""), request_context.visit()))


def _use_their_language() -> None:
    """Use the language and brand of the signed-in user (S62), read before the session is over."""
    present = current_user.who()
    if present is not None:
        language.prefer(present.user.locale)
        pages.wear(brand_of(present.organisation))


def _parameters(query: bytes, known: frozenset[str]) -> Parameters:
    found = request_parameters.read(query, known)
    if len(query) - len(found.get("id_token_hint")) > request_parameters.LONGEST_KEPT:
        return Parameters(faults={request_parameters.WHOLE: "is too long"})
    return found


def _outcome(outcome: Outcome) -> Response:
    match outcome:
        case Answer(mode="form_post"):
            return pages.render("oauth/form_post.html", FormPostPage(outcome.redirect_uri, outcome.fields))
        case Answer():
            return pages.see_other(outcome.location)
        case Ask():
            return pages.see_other(f"/sign-in/{outcome.attempt_id}")
        case Refused():
            return _bad(outcome)
    return pages.see_other("/sign-in")


def _bad(refused: Refused) -> Response:
    """Show a page that helps the developer, without a redirect: the request's own values, and no registered ones."""
    is_pushed = request.args.get("request_uri", "").startswith(PREFIX)  # an address of the app itself does not expire
    if refused.error == "invalid_request_uri" and is_pushed:
        title, text = say("This address is no longer valid"), say("Go back to the app and sign in there again.")
    elif refused.error == CLIENT_IS_DISABLED:
        title = say("This app is disabled")
        text = say("Nobody can sign in to it now. If you need it, ask your administrator.")
    else:
        title, text = say("The app made a mistake"), say("The app sent you here with an invalid request.")
    sent = {"client_id": refused.client_id[:200], "redirect_uri": refused.redirect_uri[:LONGEST_SHOWN]}
    rows = {"error": refused.error, "error_description": refused.why, **sent}
    return pages.error_page(400, title, text, {name: value for name, value in rows.items() if value})


def _logged_out(outcome: LogoutOutcome) -> Response:
    match outcome:
        case AskFirst():
            question = LogoutPage(
                f"/oauth/logout/confirm?{urlencode(language.in_address(language.chosen()))}",
                outcome.username,
                outcome.organisation_name,
                outcome.client_name,
                (("request", outcome.request),),
                outcome.wrong,
            )
            return pages.render("oauth/logout.html", question, 400 if outcome.wrong else 200)
        case SignedOut():
            if request_context.visit().session:  # what another site embeds comes without it, and must not take it away
                request_context.cookies().session = ""
            if outcome.to:
                return pages.see_other(outcome.to)
            page = SignedOutPage(outcome.client_uri, outcome.client_name, outcome.wrong)
            return pages.render("oauth/signed_out.html", page, 400 if outcome.is_malformed else 200)
