"""Share the pages of e-mailed links: the page of an expired link, and the page that tells what was done."""

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Response

from idp import crypto
from idp.audit import Origin
from idp.branding import brand_of
from idp.errors import Message, say
from idp.identity.email_links import Opened
from idp.signin import authenticate
from idp.store import organisations
from idp.store.organisations import Organisation
from idp.web import asking, language, pages, request_context, stash

USED = "used link"


USED_SECONDS = 3600
"""Seconds in which the browser that used a link is told its outcome again."""


@dataclass(frozen=True)
class OutcomePage:
    """Hold what happened. ``back``: a path to go on to with ``back_words``; ``signs_in``: a button begins a sign-in."""

    title: Message
    texts: tuple[Message, ...]
    back: str = ""
    back_words: Message | None = None
    signs_in: bool = False


def origin(user_id: str = "") -> Origin:
    """Return the origin of an act of the link's person, for the audit log."""
    return request_context.visit().origin(user_id)


def go_and_tell(path: str, link: Opened) -> Response:
    """Redirect to the page that tells what was done. It knows no user, so the address carries the language (S62)."""
    language.prefer(link.user.locale)
    there = f"{path}?{urlencode(language.in_address(language.chosen()))}"
    stash.put(USED, there, USED_SECONDS, reference=_reference_of(link.token))
    return pages.see_other(there)


def tell(page: OutcomePage) -> Response:
    """Show what was done, in the language of the page before and in the brand that this browser may see."""
    _known()
    return pages.render("email_links/outcome.html", page)


def private(response: Response) -> Response:
    """Send no Referer from a page whose address or form holds a token."""
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def gone(token: str = "") -> Response:
    """Answer a link that opens nothing, whatever the reason.

    The browser that has just used it goes on to the page that tells what was done: Back, a second tab and a second press
    lead here, and must not look as if nothing had been done.
    """
    there = stash.get(USED, _reference_of(token)) if token else None
    if there is not None:
        return pages.see_other(there)
    _known()
    texts = (
        say("The link was used, has expired, or a newer one was sent."),
        say("If you still need the link, look for a newer e-mail, or ask for a new link."),
    )
    page = OutcomePage(say("This link does not work any more"), texts, "/", say("Go to the home page"))
    return private(pages.render("email_links/outcome.html", page, 404))


def _reference_of(token: str) -> str:
    return crypto.b64url(crypto.digest(USED, token))[:26]


def _known(attempt: str = "") -> authenticate.Known:
    """Return what sign-in and browser know: languages, and the brand of their organisation, not of an entered one (S29)."""
    known = authenticate.known(request_context.settings(), request_context.visit(), attempt, asking.read)
    language.asked_in(*known.ui_locales)
    if known.locale:
        language.prefer(known.locale)
    pages.wear(known.brand)
    return known


def named_by(link: Opened) -> Organisation | None:
    """Wear the brand of a link's organisation: its holder learned the organisation from the mail or the paper.

    Called as soon as the link is open, so that a refusal speaks the person's language too (S62).
    """
    language.prefer(link.user.locale)
    organisation = organisations.organisation(link.user.organisation_id)
    if organisation is not None:
        pages.wear(brand_of(organisation))
    return organisation
