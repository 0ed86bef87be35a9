"""Change the sign-in details. Each action is a small form; the sign-in does what it can do."""

from dataclasses import dataclass, replace

from flask import Blueprint, Response

from idp.errors import Message, say
from idp.identity.credentials import remembered_devices, second_factor
from idp.identity.users.status import Kept
from idp.signin.requirements import Needs
from idp.signin.state import ENROL, NEW_CODES, NEW_PASSWORD
from idp.web import csrf, pages, reauthentication, request_context
from idp.web.account.current_user import SECURITY, Me, changing, doing, me, visiting
from idp.web.account.outcome import done


@dataclass(frozen=True)
class RemoveFactorPage:
    """Hold a dialog of S27: first the consequences and *next*; then ``is_last_page`` and, if ``asks_password``, a field."""

    username: str
    organisation_name: str
    asks_password: bool
    is_last_page: bool = False
    errors: tuple[Message, ...] = ()


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    for path, view in (
        ("/account/factor/set-up", set_up),
        ("/account/recovery-codes", new_codes),
        ("/account/password", new_password),
        ("/account/devices/<device_id>/forget", forget_device),
        ("/account/notice/dismiss", dismiss_notice),
        ("/account/factor/remove", remove_factor),
    ):
        blueprint.add_url_rule(path, view.__name__, view, methods=["POST"])
    blueprint.add_url_rule("/account/factor/remove", "ask_to_remove", ask_to_remove)
    blueprint.add_url_rule("/account/factor/remove/password", "ask_password", ask_password)


def set_up() -> Response:
    """Set up a second factor, or set it up again (S6, S8)."""
    return _start(doing(ENROL))


def new_codes() -> Response:
    """Make fresh recovery codes for the app that is set up."""
    return _start(doing(NEW_CODES))


def new_password() -> Response:
    """Set another password. The present one comes first (OWASP ASVS 6.2.3)."""
    return _start(doing(NEW_PASSWORD, afresh=True))


def _start(needs: Needs) -> Response:
    csrf.require()
    me(needs)
    return pages.see_other(SECURITY)


def ask_to_remove() -> Response:
    """Show the dialog. A user who must have a second factor gets the reason instead (S7)."""
    present = me(replace(changing(), return_to="/account/factor/remove"))
    _require_removable(present)
    return pages.render("account/remove_factor.html", _dialog(present))


def ask_password() -> Response:
    """Show the second page of the dialog."""
    present = me(replace(changing(), return_to="/account/factor/remove"))
    _require_removable(present)
    return pages.render("account/remove_factor.html", replace(_dialog(present), is_last_page=True))


def remove_factor() -> Response:
    """Remove the factor, after the password was entered once more (S27)."""
    csrf.require()
    present = me(changing())
    _require_removable(present)
    wrong = reauthentication.check_password(present.user)
    if wrong is not None:
        return pages.render("account/remove_factor.html", replace(_dialog(present, wrong), is_last_page=True), 422)
    kept = Kept(present.settled.session_id)
    second_factor.remove_factor(request_context.settings(), present.organisation, present.user, present.origin, kept)
    return pages.see_other(f"{SECURITY}?done=removed")


def forget_device(device_id: str) -> Response:
    """End trust in one device (S40)."""
    csrf.require()
    present = me(visiting())
    label = remembered_devices.revoke(present.user.organisation_id, present.user.id, device_id, present.origin)
    return done(present, SECURITY, say("“%(device)s” is no longer remembered.", device=label))


def dismiss_notice() -> Response:
    """Hide the recommendation of S10 from now on."""
    csrf.require()
    present = me(visiting())
    second_factor.decline_recommendation(present.user, present.origin)
    return pages.see_other(SECURITY)


def _dialog(present: Me, *errors: Message) -> RemoveFactorPage:
    asks_password = reauthentication.must_ask_password()
    return RemoveFactorPage(present.user.username, present.organisation.name, asks_password, errors=errors)


def _require_removable(present: Me) -> None:
    second_factor.require_voluntary(request_context.settings(), present.organisation, present.user)
