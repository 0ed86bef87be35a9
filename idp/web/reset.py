"""Getting back in: a forgotten password, an invitation by mail or on paper.

What was asked is answered alike whoever asks for whom. A token stands in the address of the first page only: forms carry it
in their body, no page says where it was reached from, and the page alone spends nothing (mail scanners fetch links).
"""

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from flask import Blueprint, Response, request, url_for

from idp import crypto
from idp.audit import Origin
from idp.errors import Invalid, Message, NotFound, Refusal, TooMany, say
from idp.identity import invitations, links, resets
from idp.identity.brand import brand_of
from idp.identity.links import Opened
from idp.signin import settle
from idp.store import organisations
from idp.store.organisations import Organisation
from idp.web import asking, browser, csrf, forms, language, pages, stash

blueprint = Blueprint("reset", __name__)
USED = "used link"
USED_SECONDS = 3600
"""What a link did is told again for this long to the browser that used it."""


@dataclass(frozen=True)
class ForgottenPage:
    """Fields ``organisation`` (the store URL) and ``username``. ``attempt``: the sign-in to go back to, or empty."""

    organisation: str
    username: str
    attempt: str
    errors: tuple[Message, ...] = ()


@dataclass(frozen=True)
class WelcomePage:
    """Fields ``organisation``, ``username`` and ``code``: what stands on the paper."""

    organisation: str
    username: str
    errors: tuple[Message, ...] = ()


@dataclass(frozen=True)
class ChoosePage:
    """Fields ``new_password`` and ``new_password_again``; ``token`` goes along. ``is_first``: there was none before."""

    token: str
    username: str
    organisation_name: str
    min_length: int
    is_first: bool
    errors: tuple[Message, ...] = ()


@dataclass(frozen=True)
class ToldPage:
    """What happened. ``back``: a path to go on to with ``back_words``; ``signs_in``: a button begins a sign-in."""

    title: Message
    texts: tuple[Message, ...]
    back: str = ""
    back_words: Message | None = None
    signs_in: bool = False


@blueprint.get("/reset")
def forgotten() -> Response:
    """Whose password was forgotten; filled in as far as the sign-in knew."""
    attempt = request.args.get("attempt", "")[:64]
    known = _known(attempt)
    return pages.render("reset/forgotten.html", ForgottenPage(known.store_url, known.username, attempt))


@blueprint.post("/reset")
def ask() -> Response:
    """Always the same answer, in the same time."""
    csrf.require()
    form = forms.fields()
    page = ForgottenPage(form.get("organisation", "")[:254], form.get("username", "")[:254], form.get("attempt", "")[:64])
    _known(page.attempt)
    if not page.organisation.strip() or not page.username.strip():
        return _again("reset/forgotten.html", page, Invalid("username", say("Fill in both fields.")))
    try:
        resets.ask(browser.settings(), page.organisation, page.username, browser.visit().browser_id, origin())
    except TooMany as closed:
        return _again("reset/forgotten.html", page, closed)
    return pages.see_other(url_for("reset.sent", attempt=page.attempt or None))


@blueprint.get("/reset/sent")
def sent() -> Response:
    """The same for everybody."""
    attempt = request.args.get("attempt", "")[:64]
    _known(attempt)
    goes_on = settle.is_under_way(browser.visit(), attempt)
    texts = (
        say("If this account exists and has a verified e-mail address, a message with a link is on its way to it."),
        say("Nothing after a few minutes? Check your spam folder, or ask an administrator of your organisation."),
    )
    back, words = (f"/sign-in/{attempt}", say("Back to signing in")) if goes_on else ("/", say("To the front page"))
    return pages.render("reset/told.html", ToldPage(say("Look in your mail"), texts, back, words))


@blueprint.get("/reset/<token>")
def reset(token: str) -> Response:
    """The page of a mailed link: looking spends nothing."""
    return _choosing(token, "reset")


@blueprint.get("/welcome/<token>")
def invited(token: str) -> Response:
    """The page of an invitation by mail."""
    return _choosing(token, "invitation")


@blueprint.get("/welcome")
def welcome() -> Response:
    """For who got a code on paper."""
    return pages.render("reset/welcome.html", WelcomePage(_known().store_url, ""))


@blueprint.post("/welcome")
def show_paper() -> Response:
    """The code is right, and leads to the same page as a mailed invitation."""
    csrf.require()
    form = forms.fields()
    page = WelcomePage(form.get("organisation", "")[:254], form.get("username", "")[:254])
    _known()
    place = (browser.visit().browser_id, browser.address())
    try:
        link = invitations.from_paper(browser.settings(), page.organisation, page.username, form.get("code", ""), *place)
    except (Invalid, TooMany) as refused:
        return _again("reset/welcome.html", page, refused)
    return private(pages.render("reset/choose.html", _page(link)))


@blueprint.post("/new-password")
def choose() -> Response:
    """The new password. Nobody is signed in by it: that is done as always, with the second factor."""
    csrf.require()
    form = forms.fields()
    try:
        link = links.opened(browser.settings(), form.get("token", ""), "reset", "invitation")
        named_by(link)
        told_at = "/welcome/done" if _is_first(link) else "/reset/done"
        chosen = (form.get("new_password", ""), form.get("new_password_again", ""))
        resets.choose(browser.settings(), link, *chosen, origin(link.user.id))
    except NotFound:
        return gone(form.get("token", ""))
    except Invalid as wrong:
        return private(_again("reset/choose.html", _page(link), wrong))
    return go_and_tell(told_at, link)


@blueprint.get("/new-password")
def choose_late() -> Response:
    """Loaded again when the answer to the form is no longer kept: the token is not in this address."""
    return gone()


@blueprint.get("/reset/done")
def done() -> Response:
    """Signed out, and on to signing in."""
    texts = (say("Everybody who was signed in to your account is signed out. Sign in with the new password."),)
    return tell(ToldPage(say("Your password is set"), texts, signs_in=True))


@blueprint.get("/welcome/done")
def begun() -> Response:
    """The first password: nobody was signed in before, so nobody is signed out."""
    texts = (say("From now on you sign in with your username and this password."),)
    return tell(ToldPage(say("Your password is set"), texts, signs_in=True))


def origin(user_id: str = "") -> Origin:
    """Who does this, as far as a link tells, for the audit trail."""
    return browser.visit().origin(user_id)


def go_and_tell(path: str, link: Opened) -> Response:
    """On to the page that tells what was done. It knows nobody any more, so the reader's language goes along (S62)."""
    language.prefer(link.user.locale)
    there = f"{path}?{urlencode(language.in_address(language.chosen()))}"
    stash.put(USED, there, USED_SECONDS, reference=_reference_of(link.token))
    return pages.see_other(there)


def tell(page: ToldPage) -> Response:
    """What was done, in the language of the page before, and the brand that this browser may see anyway."""
    _known()
    return pages.render("reset/told.html", page)


def private(response: Response) -> Response:
    """A page whose address or form holds a token: it is told to nobody."""
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def gone(token: str = "") -> Response:
    """A link that opens nothing, whatever the reason.

    The browser that has just used it goes on to the page that tells what was done: Back, a second tab and a second press
    lead here, and must not look as if nothing had been done.
    """
    there = stash.get(USED, _reference_of(token)) if token else None
    if there is not None:
        return pages.see_other(there)
    _known()
    texts = (
        say("It was used, has run out, or a newer one was sent."),
        say("Do you still need it? Then look for a newer message in your mail, or ask for a new link."),
    )
    page = ToldPage(say("This link does not work any more"), texts, "/", say("To the front page"))
    return private(pages.render("reset/told.html", page, 404))


def _reference_of(token: str) -> str:
    return crypto.b64url(crypto.digest(USED, token))[:26]


def _known(attempt: str = "") -> settle.Known:
    """What sign-in and browser know: languages, and the brand of the organisation they name, not of a typed one (S29)."""
    known = settle.known(browser.settings(), browser.visit(), attempt, asking.read)
    language.asked_in(*known.ui_locales)
    if known.locale:
        language.prefer(known.locale)
    pages.wear(known.brand)
    return known


def named_by(link: Opened) -> Organisation | None:
    """The organisation that a link is of, whose brand the page wears: who has the link was told by mail or on paper.

    Called as soon as the link is open, so that a refusal speaks the person's language too (S62).
    """
    language.prefer(link.user.locale)
    organisation = organisations.organisation(link.user.organisation_id)
    if organisation is not None:
        pages.wear(brand_of(organisation))
    return organisation


def _choosing(token: str, purpose: str) -> Response:
    try:
        link = links.opened(browser.settings(), token, purpose)
    except NotFound:
        return gone(token)
    return private(pages.render("reset/choose.html", _page(link)))


def _page(link: Opened) -> ChoosePage:
    organisation = named_by(link)
    return ChoosePage(
        token=link.token,
        username=link.user.username,
        organisation_name=organisation.name if organisation else "",
        min_length=resets.min_length(browser.settings(), link),
        is_first=_is_first(link),
    )


def _is_first(link: Opened) -> bool:
    return link.user.password_hash is None and link.purpose == "invitation"


def _again(template: str, page: ForgottenPage | WelcomePage | ChoosePage, refused: Refusal) -> Response:
    """The same page with what was wrong."""
    status = refused.status if isinstance(refused, TooMany) else 422
    response = pages.render(template, replace(page, errors=(refused.message,)), status)
    if isinstance(refused, TooMany):
        response.headers["Retry-After"] = str(refused.retry_after)
    return response
