"""Serve the ways back in: a forgotten password, an invitation by mail or on paper.

Every request gets the same answer, for existing and unknown accounts. A token is in the address of the first page only:
forms carry it in their body, and no page sends a Referer. The page alone uses nothing up, because mail scanners fetch links.
"""

from dataclasses import dataclass, replace

from flask import Blueprint, Response, request, url_for

from idp.errors import Invalid, Message, NotFound, Refusal, TooMany, say
from idp.identity import email_links
from idp.identity.accounts import invitations
from idp.identity.credentials import password_reset
from idp.identity.email_links import Opened
from idp.signin import authenticate
from idp.web import csrf, forms, pages, request_context
from idp.web.link_pages import OutcomePage, _known, go_and_tell, gone, named_by, origin, private, tell

blueprint = Blueprint("reset", __name__)


@dataclass(frozen=True)
class ForgottenPage:
    """Hold the form. Fields ``organisation`` (the store URL) and ``username``. ``attempt``: the sign-in to go back to, or
    empty.
    """

    organisation: str
    username: str
    attempt: str
    errors: tuple[Message, ...] = ()


@dataclass(frozen=True)
class WelcomePage:
    """Hold the form. Fields ``organisation``, ``username`` and ``code``, as printed on the paper."""

    organisation: str
    username: str
    errors: tuple[Message, ...] = ()


@dataclass(frozen=True)
class ChoosePage:
    """Hold the form. Fields ``new_password`` and ``new_password_again``; ``token`` goes along. ``is_first``: none before."""

    token: str
    username: str
    organisation_name: str
    min_length: int
    is_first: bool
    errors: tuple[Message, ...] = ()


@blueprint.get("/reset")
def forgotten() -> Response:
    """Show the form for a forgotten password, filled in as far as the sign-in knows the person."""
    attempt = request.args.get("attempt", "")[:64]
    known = _known(attempt)
    return pages.render("password_reset/forgotten.html", ForgottenPage(known.store_url, known.username, attempt))


@blueprint.post("/reset")
def ask() -> Response:
    """Take the request. The answer is the same for every account, and takes the same time."""
    csrf.require()
    form = forms.fields()
    page = ForgottenPage(form.get("organisation", "")[:254], form.get("username", "")[:254], form.get("attempt", "")[:64])
    _known(page.attempt)
    if not page.organisation.strip() or not page.username.strip():
        return _again("password_reset/forgotten.html", page, Invalid("username", say("Fill in both fields.")))
    try:
        password_reset.ask(
            request_context.settings(), page.organisation, page.username, request_context.visit().browser_id, origin()
        )
    except TooMany as closed:
        return _again("password_reset/forgotten.html", page, closed)
    return pages.see_other(url_for("reset.sent", attempt=page.attempt or None))


@blueprint.get("/reset/sent")
def sent() -> Response:
    """Tell where to look for the mail. Identical for every account."""
    attempt = request.args.get("attempt", "")[:64]
    _known(attempt)
    goes_on = authenticate.is_under_way(request_context.visit(), attempt)
    texts = (
        say("If this account exists and has a verified e-mail address, an e-mail with a link is on its way."),
        say("Nothing after a few minutes? Check your spam folder, or ask an administrator of your organisation."),
    )
    back, words = (f"/sign-in/{attempt}", say("Back to signing in")) if goes_on else ("/", say("Go to the home page"))
    return pages.render("email_links/outcome.html", OutcomePage(say("Check your e-mail"), texts, back, words))


@blueprint.get("/reset/<token>")
def reset(token: str) -> Response:
    """Show the page of an e-mail link. Opening it does not use it up."""
    return _choosing(token, "reset")


@blueprint.get("/welcome/<token>")
def invited(token: str) -> Response:
    """Show the page of an invitation by mail."""
    return _choosing(token, "invitation")


@blueprint.get("/welcome")
def welcome() -> Response:
    """Show the form for a code that was handed over on paper. Its QR code names the organisation."""
    return pages.render("email_links/welcome.html", WelcomePage(forms.asked("organisation") or _known().store_url, ""))


@blueprint.post("/welcome")
def show_paper() -> Response:
    """Check a printed code, which leads to the same page as an invitation by mail."""
    csrf.require()
    form = forms.fields()
    page = WelcomePage(form.get("organisation", "")[:254], form.get("username", "")[:254])
    _known()
    place = (request_context.visit().browser_id, request_context.browser().address)
    try:
        link = invitations.from_paper(
            request_context.settings(), page.organisation, page.username, form.get("code", ""), *place
        )
    except (Invalid, TooMany) as refused:
        return _again("email_links/welcome.html", page, refused)
    return private(pages.render("password_reset/choose.html", _page(link)))


@blueprint.post("/new-password")
def choose() -> Response:
    """Store the new password. It signs nobody in: the user signs in as always, with the second factor."""
    csrf.require()
    form = forms.fields()
    try:
        link = email_links.opened(request_context.settings(), form.get("token", ""), "reset", "invitation")
        named_by(link)
        told_at = "/welcome/done" if _is_first(link) else "/reset/done"
        chosen = (form.get("new_password", ""), form.get("new_password_again", ""))
        password_reset.choose(request_context.settings(), link, *chosen, origin(link.user.id))
    except NotFound:
        return gone(form.get("token", ""))
    except Invalid as wrong:
        return private(_again("password_reset/choose.html", _page(link), wrong))
    return go_and_tell(told_at, link)


@blueprint.get("/new-password")
def choose_late() -> Response:
    """Answer a reload when the answer to the form is no longer kept: the token is not in this address."""
    return gone()


@blueprint.get("/reset/done")
def done() -> Response:
    """Tell that all sessions ended, and lead to signing in."""
    texts = (say("Everybody who was signed in to your account is signed out. Sign in with the new password."),)
    return tell(OutcomePage(say("Your password is set"), texts, signs_in=True))


@blueprint.get("/welcome/done")
def begun() -> Response:
    """Store the first password. No session existed before, so none is ended."""
    texts = (say("From now on you sign in with your username and this password."),)
    return tell(OutcomePage(say("Your password is set"), texts, signs_in=True))


def _choosing(token: str, purpose: str) -> Response:
    try:
        link = email_links.opened(request_context.settings(), token, purpose)
    except NotFound:
        return gone(token)
    return private(pages.render("password_reset/choose.html", _page(link)))


def _page(link: Opened) -> ChoosePage:
    organisation = named_by(link)
    return ChoosePage(
        token=link.token,
        username=link.user.username,
        organisation_name=organisation.name if organisation else "",
        min_length=password_reset.min_length(request_context.settings(), link),
        is_first=_is_first(link),
    )


def _is_first(link: Opened) -> bool:
    return link.user.password_hash is None and link.purpose == "invitation"


def _again(template: str, page: ForgottenPage | WelcomePage | ChoosePage, refused: Refusal) -> Response:
    """Show the same page with its errors."""
    status = refused.status if isinstance(refused, TooMany) else 422
    response = pages.render(template, replace(page, errors=(refused.message,)), status)
    if isinstance(refused, TooMany):
        response.headers["Retry-After"] = str(refused.retry_after)
    return response
