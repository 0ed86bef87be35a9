"""Change the e-mail address here, and confirm it from the mail (S52, S55). It needs the highest proof, made recently."""

from dataclasses import dataclass, replace

from flask import Blueprint, Response

from idp.errors import Invalid, Message, TooMany, say
from idp.identity.users import email_address
from idp.web import csrf, forms, pages, request_context, unsaved
from idp.web.account.current_user import Me, changing, me
from idp.web.account.outcome import done, outcome

PLACE = "/account/address"
TITLE = say("E-mail address")


@dataclass(frozen=True)
class AddressPage:
    """Hold the page. The form sends ``email``; another requests the "verify" mail again. ``email`` and ``pending`` may be
    empty.
    """

    username: str
    organisation_name: str
    email: str
    is_verified: bool
    pending: str
    typed: str = ""
    errors: tuple[Message, ...] = ()
    done: Message | None = None


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule(PLACE, "address", show)
    blueprint.add_url_rule(PLACE, "change_address", change, methods=["POST"])
    blueprint.add_url_rule(f"{PLACE}/verify", "verify_address", verify, methods=["POST"])


def show() -> Response:
    """Show the address, whether it is verified, and a new one that is not yet confirmed."""
    present, kept = _present(), unsaved.found()
    return pages.render("account/email.html", replace(_page(present), typed=kept.fields.get("email", "") if kept else ""))


def change() -> Response:
    """Begin a change. The present address stays until the new one is confirmed."""
    csrf.require()
    present, typed = _present(), forms.fields().get("email", "")
    try:
        email_address.ask_change(request_context.settings(), present.user, typed, present.origin)
    except (Invalid, TooMany) as refused:
        page = replace(_page(present), typed=typed[:254], errors=(refused.message,))
        return pages.render("account/email.html", page, 429 if isinstance(refused, TooMany) else 422)
    return done(present, PLACE, say("An e-mail is on its way to %(email)s.", email=typed.strip()))


def verify() -> Response:
    """Mail a link that verifies the present address."""
    csrf.require()
    present = _present()
    if not present.user.email or present.user.email_verified_at is not None:
        return pages.see_other(PLACE)
    email_address.send_verification(request_context.settings(), present.user, present.origin)
    return done(present, PLACE, say("An e-mail is on its way to %(email)s.", email=present.user.email))


def _present() -> Me:
    return me(replace(changing(), return_to=PLACE, purpose=TITLE.key))


def _page(present: Me) -> AddressPage:
    user = present.user
    return AddressPage(
        username=user.username,
        organisation_name=present.organisation.name,
        email=user.email or "",
        is_verified=user.email_verified_at is not None,
        pending=email_address.pending(request_context.settings(), user),
        done=outcome(present),
    )
