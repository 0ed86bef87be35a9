"""Links in mails that ask for one press of a button: confirm, verify, take back, stop. Looking at the page does nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, abort

from idp.audit import Origin
from idp.config import Settings
from idp.errors import Message, NotFound, say
from idp.identity import addresses, links, recoveries, restoring
from idp.identity.links import Opened
from idp.store import organisations
from idp.web import browser, csrf, forms, pages
from idp.web.reset import ToldPage, gone, origin, private

blueprint = Blueprint("links", __name__)


@dataclass(frozen=True)
class PressPage:
    """What will happen, and the button. ``token`` goes along in the form; ``email`` may be empty."""

    action: str
    token: str
    title: Message
    text: Message
    button: Message
    is_drastic: bool
    username: str
    organisation_name: str
    email: str


@dataclass(frozen=True)
class Act:
    """What a purpose's page says, what its button does, and what is said then. Texts may name ``organisation``."""

    title: Message
    text: Message
    button: Message
    done: Message
    after: Message
    do: Callable[[Settings, Opened, Origin], None]
    is_drastic: bool = False


ACTS: Mapping[str, Act] = {
    "address": Act(
        say("Confirm your e-mail address"),
        say("From now on messages about this sign-in go to the address below."),
        say("Confirm this address"),
        say("Your e-mail address is confirmed"),
        say("Messages go there from now on. We told the old address too."),
        addresses.confirm,
    ),
    "verify": Act(
        say("Verify your e-mail address"),
        say("Is this your address? Then we can reach you when something happens to your account."),
        say("Verify e-mail address"),
        say("Your e-mail address is verified"),
        say("Thank you. You can close this page, or go on signing in where you were."),
        addresses.verify,
    ),
    "undo": Act(
        say("Take the change back?"),
        say(
            "The address below is used again. Everybody who is signed in to this account is signed out, the password stops "
            "working, and you get a message with a link to choose a new one."
        ),
        say("This was not me"),
        say("The change was taken back"),
        say("Look in your mail: choose a new password with the link that we sent you."),
        restoring.undo,
        is_drastic=True,
    ),
    "recovery": Act(
        say("Confirm the recovery of your account"),
        say(
            "After a waiting time your second factor is taken away, your password stops working, and you get a message with "
            "a link to choose a new one. Until then your administrators can stop it."
        ),
        say("Confirm the recovery"),
        say("The waiting time has begun"),
        say("You get a message when it is over. There is nothing that you need to do until then."),
        recoveries.confirm,
        is_drastic=True,
    ),
    "cancel": Act(
        say("Stop the recovery of the owner?"),
        say("The owner then keeps the second factor and the password that they have. Talk to the owner before you decide."),
        say("Stop the recovery"),
        say("The recovery was stopped"),
        say("Nothing was changed. We told the owner."),
        recoveries.cancel_by_link,
        is_drastic=True,
    ),
}


@blueprint.get("/link/<purpose>/<token>")
def show(purpose: str, token: str) -> Response:
    """The page of a mailed link."""
    act = ACTS.get(purpose) or abort(404)
    try:
        link = links.opened(browser.settings(), token, purpose)
    except NotFound:
        return gone()
    return private(pages.render("reset/press.html", _page(link, act)))


@blueprint.post("/link/<purpose>")
def press(purpose: str) -> Response:
    """The button was pressed."""
    csrf.require()
    act = ACTS.get(purpose) or abort(404)
    try:
        link = links.opened(browser.settings(), forms.fields().get("token", ""), purpose)
        act.do(browser.settings(), link, origin(link.user.id))
    except NotFound:
        return gone()
    return pages.see_other(f"/link/{purpose}/done")


@blueprint.get("/link/<purpose>/done")
def done(purpose: str) -> Response:
    """What has happened."""
    act = ACTS.get(purpose) or abort(404)
    page = ToldPage(act.done, (act.after,), "/", say("To the front page"))
    return pages.render("reset/told.html", page)


def _page(link: Opened, act: Act) -> PressPage:
    pages.prefer(link.user.locale)
    organisation = organisations.organisation(link.user.organisation_id)
    return PressPage(
        action=f"/link/{link.purpose}",
        token=link.token,
        title=act.title,
        text=act.text,
        button=act.button,
        is_drastic=act.is_drastic,
        username=link.user.username,
        organisation_name=organisation.name if organisation else "",
        email=str(link.values.get("email", "")),
    )
