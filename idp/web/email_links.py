"""Serve links in mails that need one press of a button: confirm, verify, undo, stop. A GET changes nothing."""

from collections.abc import Mapping
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
from idp.web.confirmed_action import ConfirmedAction
from idp.web.link_pages import OutcomePage, go_and_tell, gone, named_by, origin, private, tell

blueprint = Blueprint("links", __name__)
blueprint.register_error_handler(SignInFirst, lambda first: private(first.response))


@dataclass(frozen=True)
class PressPage:
    """Hold what will happen, the button, and when to leave it. ``token`` goes along in the form; ``email`` may be empty."""

    action: str
    token: str
    heading: Message
    sentences: tuple[Message, ...]
    button: Message
    otherwise: Message
    username: str
    organisation_name: str
    email: str


NOT_YOU = say("If this isn't you, or not what you want, close this page. Nothing is changed.")


@dataclass(frozen=True)
class LinkAction(ConfirmedAction[[Settings, Opened, Origin], None]):
    """Describe the action of a purpose. ``done`` and ``after``: heading and text of the page that tells the outcome.

    ``wants_person``: the mail alone is not enough. The reader signs in now as the person, with a second factor.
    ``otherwise``: who should not press the button.
    """

    done: Message
    after: Message
    wants_person: bool = False
    otherwise: Message = NOT_YOU


ACTIONS: Mapping[str, LinkAction] = {
    "address": LinkAction(
        say("Verify your e-mail address"),
        (say("From now on, e-mails about this account go to the address below."),),
        say("Verify this address"),
        email_address.confirm,
        done=say("Your e-mail address is verified"),
        after=say("From now on, e-mails go to this address. We told the old address too."),
    ),
    "verify": LinkAction(
        say("Verify your e-mail address"),
        (say("Verify that this address is yours, so that we can reach you when something happens to your account."),),
        say("Verify e-mail address"),
        email_address.verify,
        done=say("Your e-mail address is verified"),
        after=say("Thank you. You can close this page, or continue signing in where you were."),
    ),
    "undo": LinkAction(
        say("Undo the change?"),
        (
            say(
                "The address below is used again. Everybody who is signed in to this account is signed out, the "
                "password stops working, and you get an e-mail with a link to choose a new one."
            ),
        ),
        say("This was not me"),
        email_undo.undo,
        done=say("The change was undone"),
        after=say("Check your e-mail: choose a new password with the link that we sent you."),
        otherwise=say("If you changed the address yourself, close this page. Nothing is changed."),
    ),
    "recovery": LinkAction(
        say("Confirm the recovery of your account"),
        (
            say(
                "After a waiting time your second factor is removed, your password stops working, and you get an "
                "e-mail with a link to choose a new one. Until then your administrators can stop the recovery."
            ),
        ),
        say("Confirm the recovery"),
        owner_recovery.confirm,
        done=say("The waiting time has begun"),
        after=say("You get an e-mail when the waiting time is over. You don't need to do anything until then."),
    ),
    "cancel": LinkAction(
        say("Stop the recovery of the owner's account?"),
        (
            say(
                "If you stop the recovery, the owner keeps their second factor and password. Talk to the owner "
                "before you decide."
            ),
        ),
        say("Stop the recovery"),
        owner_recovery.cancel_by_link,
        done=say("The recovery was stopped"),
        after=say("Nothing was changed. We told the owner."),
    ),
    "ownership": LinkAction(
        say("Become the owner?"),
        (
            say(
                "You become the owner of the organisation below, and its current owner becomes an administrator. "
                "From then on only you can hand over the ownership, and you get the e-mails about people without an "
                "e-mail address."
            ),
        ),
        say("Become the owner"),
        transfer.accept,
        done=say("You are the owner now"),
        after=say("We told the former owner and the administrators."),
        wants_person=True,
    ),
    "withdraw": LinkAction(
        say("Withdraw the offer?"),
        (
            say(
                "If you withdraw the offer, you stay the owner. If you did not make this offer, change your password "
                "as well."
            ),
        ),
        say("Withdraw the offer"),
        transfer.withdraw_by_link,
        done=say("The offer was withdrawn"),
        after=say("Nothing was changed. We told the person who had received the offer."),
    ),
}


@blueprint.get("/link/<purpose>/<token>")
def show(purpose: str, token: str) -> Response:
    """Show the page of an e-mail link."""
    action = ACTIONS.get(purpose) or abort(404)
    try:
        link = _opened(token, purpose, action)
    except NotFound:
        return gone(token)
    return private(pages.render("email_links/press.html", _page(link, action)))


@blueprint.post("/link/<purpose>")
def press(purpose: str) -> Response:
    """Do what the button of the page says."""
    csrf.require()
    action, token = ACTIONS.get(purpose) or abort(404), forms.fields().get("token", "")
    try:
        link = _opened(token, purpose, action)
        action.do(request_context.settings(), link, origin(link.user.id))
    except NotFound:
        return gone(token)
    return go_and_tell(f"/link/{purpose}/done", link)


@blueprint.get("/link/<purpose>")
def press_late(purpose: str) -> Response:
    """Answer a reload when the answer to the form is no longer kept: the token is not in this address."""
    return gone() if purpose in ACTIONS else abort(404)


@blueprint.get("/link/<purpose>/done")
def done(purpose: str) -> Response:
    """Tell what was done."""
    action = ACTIONS.get(purpose) or abort(404)
    return tell(OutcomePage(action.done, (action.after,), "/", say("Go to the home page")))


def _opened(token: str, purpose: str, action: LinkAction) -> Opened:
    """Return what the link opens. Raises ``NotFound``, or ``SignInFirst`` if the person must sign in."""
    link = email_links.opened(request_context.settings(), token, purpose)
    named_by(link)
    if action.wants_person:
        me(_as_themselves(link, action))
    return link


def _as_themselves(link: Opened, action: LinkAction) -> Needs:
    """Require the person of the link and nobody else. Its token is part of the way back: alone it opens nothing."""
    organisation = organisations.organisation(link.user.organisation_id)
    needs = Needs(
        return_to=f"/link/{link.purpose}/{link.token}",
        minimum_level=SECOND,
        subject=link.user.id,
        purpose=action.heading.key,
        cancel_to="/",
        login_hint=link.user.username,
        ui_locales=(link.user.locale,) if link.user.locale else (),
        organisation=organisation.store_url if organisation else "",
    )
    return confirming.fresh(request_context.settings(), needs)


def _page(link: Opened, action: LinkAction) -> PressPage:
    organisation = named_by(link)
    return PressPage(
        action=f"/link/{link.purpose}",
        token=link.token,
        heading=action.heading,
        sentences=action.sentences,
        button=action.button,
        otherwise=action.otherwise,
        username=link.user.username,
        organisation_name=organisation.name if organisation else "",
        email=str(link.values.get("email", "")),
    )
