"""The sign-in pages: one address an attempt, whatever the step (steps have no routes)."""

from collections.abc import Mapping
from urllib.parse import quote

from flask import Blueprint, Response, abort, make_response, request

from idp.errors import say
from idp.signin import attempts, authenticate
from idp.signin.attempts import ELSEWHERE
from idp.signin.authenticate import Done
from idp.signin.shown import Shown, Told
from idp.signin.state import Continue
from idp.signin.steps.show_recovery_codes import RecoveryCodesPage
from idp.web import asking, csrf, forms, language, pages, post_redirect_get, request_context, stash
from idp.web.account import current_user
from idp.web.link_pages import ToldPage, tell

blueprint = Blueprint("signin", __name__)
PURPOSE, CHECK = "sign-in", "cookies"
ID_LENGTH = 43
SECONDS = 86_400
"""What was typed comes back this long: a page may lie open over night."""


@blueprint.get("/sign-in")
def front() -> Response:
    """Where an old address of a sign-in leads when nobody knows any more who asked for it."""
    if current_user.who() is not None:
        return pages.see_other("/")
    texts = (say("You are not signed in here, and this address does not lead on to an app."),)
    return tell(ToldPage(say("Sign in"), texts, signs_in=True))


@blueprint.get("/sign-in/<attempt_id>")
def show(attempt_id: str) -> Response:
    """The page of the step that is due; without one, on to who asked."""
    if len(attempt_id) != ID_LENGTH or not attempt_id.isascii():
        abort(404)  # no bookmark of a sign-in, but junk
    told = _told(attempt_id)
    shown = authenticate.show(request_context.settings(), request_context.visit(), attempt_id, asking.read, told)
    if isinstance(shown, Shown):
        return _page(shown)
    return pages.see_other(shown.to) if isinstance(shown, Done) else _lead_on(attempt_id, told)


@blueprint.post("/sign-in/<attempt_id>")
def answer(attempt_id: str) -> Response:
    """An answer to the step that it names; a form that finds no matching sign-in opens a new one (S60)."""
    form, settings, visit = forms.fields(), request_context.settings(), request_context.visit()
    language.asked_in(*attempts.languages_asked(settings, form.get("request", "")))  # a refusal speaks it too
    taken = authenticate.answer(settings, visit, attempt_id, asking.read, form) if csrf.fits() else None
    if taken is None:
        return _begin_again(attempt_id, form)
    if isinstance(taken, Told):
        return post_redirect_get.redirect_to_answer(f"/sign-in/{attempt_id}", _keep(taken))
    _take_cookies(taken)
    return pages.see_other(f"/sign-in/{taken.attempt_id}")


def _begin_again(attempt_id: str, form: Mapping[str, str]) -> Response:
    """Open the sign-in of a stale form again, by a GET where no cookie came: with a POST that proves nothing (SameSite).

    Where the form's own request does not open (sealing keys change), the stored one leads on.
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
        if request_context.is_foreign()
        else authenticate.reopen(request_context.settings(), request_context.visit(), sealed, "", ELSEWHERE)
    )
    return pages.see_other(f"/sign-in/{reopened}") if reopened else _gone()


@blueprint.get("/sign-in/<attempt_id>/recovery-codes.txt")
def recovery_codes(attempt_id: str) -> Response:
    """The codes as a text file, as long as the page shows them (S23)."""
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
    texts = (say("It was finished, took too long, or was started in another browser."),)
    return pages.render("email_links/told.html", ToldPage(say("This sign-in is over"), texts, signs_in=True), 404)


def _lead_on(attempt_id: str, told: Told | None) -> Response:
    """On from a sign-in that this browser does not have (any more), once it is sure that the browser takes cookies."""
    if request_context.cookies().browser_is_new:
        if CHECK in request.args:
            return _cookies_are_blocked(attempt_id)
        return pages.see_other(f"/sign-in/{quote(attempt_id)}?{CHECK}=1")  # with a cookie that the next request brings
    typed = told.typed.get("username", "") if told else ""
    on = authenticate.lead_on(request_context.settings(), request_context.visit(), attempt_id, asking.read, typed)
    if isinstance(on, Continue):
        return pages.see_other(f"/sign-in/{on.attempt_id}")
    return pages.see_other(on.to if on else "/sign-in")


def _cookies_are_blocked(attempt_id: str) -> Response:
    texts = (
        say("Signing in needs cookies, and this browser does not keep those of this site."),
        say("Allow cookies for this site in your browser's settings, and then try again."),
    )
    page = ToldPage(say("Cookies are blocked"), texts, f"/sign-in/{quote(attempt_id)}", say("Try again"))
    return pages.render("email_links/told.html", page, 400)


def _keep(told: Told) -> str:
    return stash.put(PURPOSE, told.as_json(), SECONDS, told.attempt_id)


def _told(attempt_id: str) -> Told | None:
    """What was wrong with the last answer, where the address says that something was."""
    kept = stash.get(PURPOSE, request.args.get(post_redirect_get.REFERENCE, ""), attempt_id)
    return Told.from_json(attempt_id, kept) if kept is not None else None


def _page(shown: Shown) -> Response:
    status = 429 if shown.retry_after else 422 if shown.told is not None and shown.told.errors else 200
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
    if moved.login_cookie or moved.login_ended:
        cookies.login = moved.login_cookie
    if moved.device_cookie:
        cookies.device = moved.device_cookie
    cookies.browser_renewed = moved.browser_cookie
