"""Links in mails that ask for one press of a button: confirm, verify, take back, stop. Looking at the page does nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, abort

from idp.audit import Origin
from idp.config import Settings
from idp.errors import Message, NotFound, say
from idp.factors import SECOND
from idp.identity import email_links
from idp.identity.credentials import email_undo
from idp.identity.email_links import Opened
from idp.identity.ownership import owner_recovery, transfer
from idp.identity.users import email_address
from idp.signin import confirming
from idp.signin.requirements import Needs
from idp.store import organisations
from idp.web import csrf, forms, pages, request_context
from idp.web.account.current_user import SignInFirst, me
from idp.web.link_pages import ToldPage, go_and_tell, gone, named_by, origin, private, tell

blueprint = Blueprint("links", __name__)
blueprint.register_error_handler(SignInFirst, lambda first: private(first.response))


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
    """What a purpose's page says, what its button does, and what is said then.

    ``wants_person``: who reads the mail must prove to be the person, too, with a second factor and just now.
    """

    title: Message
    text: Message
    button: Message
    done: Message
    after: Message
    do: Callable[[Settings, Opened, Origin], None]
    is_drastic: bool = False
    wants_person: bool = False


ACTS: Mapping[str, Act] = {
    "address": Act(
        say("Confirm your e-mail address"),
        say("From now on messages about this sign-in go to the address below."),
        say("Confirm this address"),
        say("Your e-mail address is confirmed"),
        say("Messages go there from now on. We told the old address too."),
        email_address.confirm,
    ),
    "verify": Act(
        say("Verify your e-mail address"),
        say("Is this your address? Then we can reach you when something happens to your account."),
        say("Verify e-mail address"),
        say("Your e-mail address is verified"),
        say("Thank you. You can close this page, or go on signing in where you were."),
        email_address.verify,
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
        email_undo.undo,
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
        owner_recovery.confirm,
        is_drastic=True,
    ),
    "cancel": Act(
        say("Stop the recovery of the owner?"),
        say("The owner then keeps the second factor and the password that they have. Talk to the owner before you decide."),
        say("Stop the recovery"),
        say("The recovery was stopped"),
        say("Nothing was changed. We told the owner."),
        owner_recovery.cancel_by_link,
        is_drastic=True,
    ),
    "ownership": Act(
        say("Become the owner?"),
        say(
            "You become the owner of the organisation below, and its present owner becomes an administrator. From then on "
            "you alone can hand over the ownership, and you get the messages about people without an e-mail address."
        ),
        say("Become the owner"),
        say("You are the owner now"),
        say("We told the former owner and the administrators."),
        transfer.accept,
        wants_person=True,
    ),
    "withdraw": Act(
        say("Take the offer back?"),
        say("You then stay the owner. Did you not make this offer? Then change your password as well."),
        say("Take the offer back"),
        say("The offer was taken back"),
        say("Nothing was changed. We told the person who had the offer."),
        transfer.withdraw_by_link,
        is_drastic=True,
    ),
}


@blueprint.get("/link/<purpose>/<token>")
def show(purpose: str, token: str) -> Response:
    """The page of a mailed link."""
    act = ACTS.get(purpose) or abort(404)
    try:
        link = _opened(token, purpose, act)
    except NotFound:
        return gone(token)
    return private(pages.render("email_links/press.html", _page(link, act)))


@blueprint.post("/link/<purpose>")
def press(purpose: str) -> Response:
    """The button was pressed."""
    csrf.require()
    act, token = ACTS.get(purpose) or abort(404), forms.fields().get("token", "")
    try:
        link = _opened(token, purpose, act)
        act.do(request_context.settings(), link, origin(link.user.id))
    except NotFound:
        return gone(token)
    return go_and_tell(f"/link/{purpose}/done", link)


@blueprint.get("/link/<purpose>")
def press_late(purpose: str) -> Response:
    """Loaded again when the answer to the form is no longer kept: the token is not in this address."""
    return gone() if purpose in ACTS else abort(404)


@blueprint.get("/link/<purpose>/done")
def done(purpose: str) -> Response:
    """What has happened."""
    act = ACTS.get(purpose) or abort(404)
    return tell(ToldPage(act.done, (act.after,), "/", say("To the front page")))


def _opened(token: str, purpose: str, act: Act) -> Opened:
    """What the link opens, to whom it opens; raises ``NotFound``, or ``SignInFirst`` where the person must be there."""
    link = email_links.opened(request_context.settings(), token, purpose)
    named_by(link)
    if act.wants_person:
        me(_as_themselves(link, act))
    return link


def _as_themselves(link: Opened, act: Act) -> Needs:
    """The person whom the link is for and nobody else. Its token travels in the way back: alone it opens nothing."""
    organisation = organisations.organisation(link.user.organisation_id)
    needs = Needs(
        return_to=f"/link/{link.purpose}/{link.token}",
        minimum_level=SECOND,
        subject=link.user.id,
        purpose=act.title.key,
        cancel_to="/",
        login_hint=link.user.username,
        ui_locales=(link.user.locale,) if link.user.locale else (),
        organisation=organisation.store_url if organisation else "",
    )
    return confirming.fresh(request_context.settings(), needs)


def _page(link: Opened, act: Act) -> PressPage:
    organisation = named_by(link)
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
