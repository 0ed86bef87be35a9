"""Serve the sign-in pages: one address for each attempt, whatever step is due (steps have no routes)."""

from collections.abc import Mapping
from urllib.parse import quote

from flask import Blueprint, Response, abort, make_response, request

from idp.errors import say
from idp.oauth import authorize
from idp.oauth.authorization_response import Answer, Ask
from idp.signin import attempts, authenticate
from idp.signin.attempts import ELSEWHERE
from idp.signin.authenticate import Done
from idp.signin.shown import RefusedAnswer, Shown
from idp.signin.state import Continue
from idp.signin.steps.show_recovery_codes import RecoveryCodesPage
from idp.web import asking, csrf, forms, language, oauth_provider, pages, post_redirect_get, request_context, stash
from idp.web.account import current_user
from idp.web.link_pages import OutcomePage, tell

blueprint = Blueprint("signin", __name__)
PURPOSE, CHECK = "sign-in", "cookies"
ID_LENGTH = 43
SECONDS = 86_400
"""Seconds for which a refused answer is kept: a page may stay open over night."""


@blueprint.get("/sign-in")
def front() -> Response:
    """Show where an old address of a sign-in leads once the sign-in is no longer kept."""
    if current_user.who() is not None:
        return pages.see_other("/")
    texts = (say("You are not signed in here, and this address does not lead to an app."),)
    return tell(OutcomePage(say("Sign in"), texts, signs_in=True))


@blueprint.get("/sign-in/<attempt_id>")
def show(attempt_id: str) -> Response:
    """Show the page of the step that is due; if there is none, go back to the app or page that asked."""
    if len(attempt_id) != ID_LENGTH or not attempt_id.isascii():
        abort(404)  # no address of a sign-in
    refused = _refused(attempt_id)
    shown = authenticate.show(request_context.settings(), request_context.visit(), attempt_id, asking.read, refused)
    if isinstance(shown, Shown):
        return _page(shown)
    return pages.see_other(shown.to) if isinstance(shown, Done) else _lead_on(attempt_id, refused)


@blueprint.post("/sign-in/<attempt_id>")
def answer(attempt_id: str) -> Response:
    """Take an answer to the step that it names; a form without a matching sign-in opens a new one (S60)."""
    form, settings, visit = forms.fields(), request_context.settings(), request_context.visit()
    language.asked_in(*attempts.languages_asked(settings, form.get("request", "")))  # an error page uses it too
    taken = authenticate.answer(settings, visit, attempt_id, asking.read, form) if csrf.fits() else None
    if taken is None:
        return _begin_again(attempt_id, form)
    if isinstance(taken, RefusedAnswer):
        return post_redirect_get.redirect_to_answer(f"/sign-in/{attempt_id}", _keep(taken))
    _take_cookies(taken)
    return _go_on(taken)


def _go_on(moved: authenticate.Moved) -> Response:
    """Lead on after an answer: to the next step, and straight to the app where none is left."""
    outcome = authorize.finish(oauth_provider.provider(), request_context.browser().next_visit(), moved.attempt_id)
    if isinstance(outcome, Answer):
        return pages.see_other(outcome.location)
    return pages.see_other(f"/sign-in/{outcome.attempt_id if isinstance(outcome, Ask) else moved.attempt_id}")


def _begin_again(attempt_id: str, form: Mapping[str, str]) -> Response:
    """Open the sign-in of a stale form again.

    Without a cookie that is done by a GET: browsers withhold cookies from foreign POSTs (SameSite), so their absence proves
    nothing. If the form's own request cannot be opened (sealing keys change), the stored one is used.
    """
    sealed, username = form.get("request", ""), form.get("username", "")
    if request_context.cookies().browser_is_new:
        carried = attempts.carry(request_context.settings(), sealed, username)
        to = f"/sign-in/again?request={carried}" if carried else ""
    else:
        reopened = authenticate.reopen(request_context.settings(), request_context.visit(), sealed, username)
        to = f"/sign-in/{reopened}" if reopened else ""
    if not to and sealed and authenticate.asked_by(request_context.settings(), attempt_id):
        to = f"/sign-in/{quote(attempt_id)}"
    return pages.see_other(to) if to else _gone()


@blueprint.get("/sign-in/again")
def again() -> Response:
    """Open a sign-in for a stale form that came without this browser's cookie (S60)."""
    sealed = request.args.get("request", "")
    reopened = (
        None
        if request_context.browser().is_foreign
        else authenticate.reopen(request_context.settings(), request_context.visit(), sealed, "", ELSEWHERE)
    )
    return pages.see_other(f"/sign-in/{reopened}") if reopened else _gone()


@blueprint.get("/sign-in/<attempt_id>/recovery-codes.txt")
def recovery_codes(attempt_id: str) -> Response:
    """Download the codes as a text file, as long as the page shows them (S23)."""
    shown = authenticate.show(request_context.settings(), request_context.visit(), attempt_id, asking.read)
    page = shown.page if isinstance(shown, Shown) else None
    if not isinstance(page, RecoveryCodesPage):
        abort(404)
    response = make_response("\r\n".join((page.file_name, "", *page.codes, "")))
    response.headers["Content-Type"] = "text/plain; charset=utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="{page.file_name}.txt"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _gone() -> Response:
    texts = (say("The sign-in was finished, took too long, or was started in another browser."),)
    return pages.render("email_links/outcome.html", OutcomePage(say("This sign-in is over"), texts, signs_in=True), 404)


def _lead_on(attempt_id: str, refused: RefusedAnswer | None) -> Response:
    """Lead on from a sign-in that this browser does not have, once it is certain that the browser accepts cookies."""
    if request_context.cookies().browser_is_new:
        if CHECK in request.args:
            return _cookies_are_blocked(attempt_id)
        return pages.see_other(f"/sign-in/{quote(attempt_id)}?{CHECK}=1")  # with a cookie that the next request brings
    username = refused.entered.get("username", "") if refused else ""
    on = authenticate.lead_on(request_context.settings(), request_context.visit(), attempt_id, asking.read, username)
    if isinstance(on, Continue):
        return pages.see_other(f"/sign-in/{on.attempt_id}")
    return pages.see_other(on.to if on else "/sign-in")


def _cookies_are_blocked(attempt_id: str) -> Response:
    texts = (
        say("Signing in needs cookies, and this browser blocks those of this site."),
        say("Allow cookies for this site in your browser's settings, and then try again."),
    )
    page = OutcomePage(say("Cookies are blocked"), texts, f"/sign-in/{quote(attempt_id)}", say("Try again"))
    return pages.render("email_links/outcome.html", page, 400)


def _keep(refused: RefusedAnswer) -> str:
    return stash.put(PURPOSE, refused.as_json(), SECONDS, refused.attempt_id)


def _refused(attempt_id: str) -> RefusedAnswer | None:
    """Return the last answer, if the address says that it was not taken."""
    kept = stash.get(PURPOSE, request.args.get(post_redirect_get.REFERENCE, ""), attempt_id)
    return RefusedAnswer.from_json(attempt_id, kept) if kept is not None else None


def _page(shown: Shown) -> Response:
    status = 429 if shown.retry_after else 422 if shown.refused is not None and shown.refused.errors else 200
    language.asked_in(*shown.case.needs.ui_locales)
    if shown.case.person is not None:
        language.prefer(shown.case.locale)
    pages.wear(shown.brand)
    response = pages.render(f"signin/{shown.step}.html", shown.page, status)
    if shown.retry_after:
        response.headers["Retry-After"] = str(shown.retry_after)
    return response


def _take_cookies(moved: authenticate.Moved) -> None:
    cookies = request_context.cookies()
    if moved.session_cookie.value or moved.session_ended:
        cookies.session, cookies.session_seconds = moved.session_cookie.value, moved.session_cookie.seconds
    if moved.device_cookie:
        cookies.device = moved.device_cookie
    cookies.browser_renewed = moved.browser_cookie
