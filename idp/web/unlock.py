"""The page of the link in a lockout's mail: with the password it opens the second factor again. A GET changes nothing."""

from dataclasses import dataclass

from flask import Blueprint, Response

from idp.errors import Invalid, Message, NotFound, Refusal, TooMany, say
from idp.identity.credentials import unlock
from idp.identity.email_links import Opened
from idp.web import csrf, forms, pages, request_context
from idp.web.link_pages import OutcomePage, go_and_tell, gone, named_by, origin, private, tell

blueprint = Blueprint("unlock", __name__)


@dataclass(frozen=True)
class UnlockPage:
    """Hold the form. Field ``password``; ``token`` goes along. ``closed``: what is locked; may be empty."""

    token: str
    username: str
    organisation_name: str
    closed: tuple[Message, ...]
    errors: tuple[Message, ...] = ()


@blueprint.get("/unlock/<token>")
def show(token: str) -> Response:
    """Show what was locked, and the field for the password."""
    try:
        link = unlock.opened(request_context.settings(), token)
    except NotFound:
        return gone(token)
    return _page(link)


@blueprint.post("/unlock")
def lift() -> Response:
    """Check the password and lift the lockout."""
    csrf.require()
    form, visit = forms.fields(), request_context.visit()
    try:
        link = unlock.opened(request_context.settings(), form.get("token", ""))
        named_by(link)
        unlock.lift(request_context.settings(), link, form.get("password", ""), visit.browser_id, origin(link.user.id))
    except NotFound:
        return gone(form.get("token", ""))
    except (Invalid, TooMany) as refused:
        return _page(link, refused)
    return go_and_tell("/unlock/done", link)


@blueprint.get("/unlock")
def lift_late() -> Response:
    """Answer a reload when the answer to the form is no longer kept: the token is not in this address."""
    return gone()


@blueprint.get("/unlock/done")
def done() -> Response:
    """Tell that the lockout is lifted. It signs nobody in."""
    texts = (say("Wrong attempts are cleared. You can sign in with your password and your second factor."),)
    return tell(OutcomePage(say("Your second factor is unblocked"), texts, signs_in=True))


def _page(link: Opened, refused: Refusal | None = None) -> Response:
    organisation = named_by(link)
    page = UnlockPage(
        token=link.token,
        username=link.user.username,
        organisation_name=organisation.name if organisation else "",
        closed=tuple(unlock.closed(request_context.settings(), link)),
        errors=(refused.message,) if refused else (),
    )
    status = 200 if refused is None else 429 if isinstance(refused, TooMany) else 422
    response = private(pages.render("email_links/unlock.html", page, status))
    if isinstance(refused, TooMany):
        response.headers["Retry-After"] = str(refused.retry_after)
    return response
