"""The sign-in pages: one address an attempt, whatever the step (steps have no routes)."""

from collections.abc import Mapping

from flask import Blueprint, Response, make_response, request

from idp.errors import say
from idp.signin import attempts, settle
from idp.signin.settle import Done, Shown
from idp.web import browser, csrf, forms, language, pages

blueprint = Blueprint("signin", __name__)


@blueprint.get("/sign-in/<attempt_id>")
def show(attempt_id: str) -> Response:
    """The page of the step that is due."""
    shown = settle.show(browser.settings(), browser.visit(), attempt_id)
    if shown is None:
        renewed = settle.renew(browser.settings(), browser.visit(), attempt_id)
        return pages.see_other(f"/sign-in/{renewed}") if renewed else _gone()
    return pages.see_other(shown.to) if isinstance(shown, Done) else _page(shown)


@blueprint.post("/sign-in/<attempt_id>")
def answer(attempt_id: str) -> Response:
    """An answer to the step that it names; a form that finds no matching sign-in opens a new one (S60)."""
    form = forms.fields()
    visit = browser.visit()
    language.asked_in(*attempts.languages_asked(browser.settings(), form.get("request", "")))  # a refusal speaks it too
    taken = settle.answer(browser.settings(), visit, attempt_id, form.get("step", ""), form) if csrf.fits() else None
    if taken is None:
        return _begin_again(form)
    if isinstance(taken, Shown):
        return _page(taken, 429 if taken.retry_after else 422)
    _take_cookies(taken)
    return pages.see_other(f"/sign-in/{taken.attempt_id}")


def _begin_again(form: Mapping[str, str]) -> Response:
    """Open the sign-in of a stale form again, by a GET where no cookie came: with a POST that proves nothing (SameSite)."""
    if browser.cookies().browser_is_new:
        carried = attempts.carry(browser.settings(), form.get("request", ""), form.get("username", ""))
        return pages.see_other(f"/sign-in/again?request={carried}") if carried else _gone()
    reopened = settle.reopen(browser.settings(), browser.visit(), form.get("request", ""), form.get("username", ""))
    return pages.see_other(f"/sign-in/{reopened}") if reopened else _gone()


@blueprint.get("/sign-in/again")
def again() -> Response:
    """Open a sign-in for a stale form that came without this browser's cookie (S60)."""
    sealed = request.args.get("request", "")
    reopened = None if browser.is_foreign() else settle.reopen(browser.settings(), browser.visit(), sealed, "")
    return pages.see_other(f"/sign-in/{reopened}") if reopened else _gone()


@blueprint.get("/sign-in/<attempt_id>/recovery-codes.txt")
def recovery_codes(attempt_id: str) -> Response:
    """The codes as a text file, as long as the page shows them (S23)."""
    page = settle.recovery_codes(browser.settings(), browser.visit(), attempt_id)
    if page is None:
        return _gone()
    response = make_response("\r\n".join((page.file_name, "", *page.codes, "")))
    response.headers["Content-Type"] = "text/plain; charset=utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="{page.file_name}.txt"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _page(shown: Shown, status: int = 200) -> Response:
    language.asked_in(*shown.case.needs.ui_locales)
    if shown.case.person is not None:
        language.prefer(shown.case.locale)
    pages.wear(shown.brand)
    response = pages.render(f"signin/{shown.step}.html", shown.page, status)
    if shown.retry_after:
        response.headers["Retry-After"] = str(shown.retry_after)
    return response


def _take_cookies(moved: settle.Moved) -> None:
    cookies = browser.cookies()
    if moved.login_cookie or moved.login_ended:
        cookies.login = moved.login_cookie
    if moved.device_cookie:
        cookies.device = moved.device_cookie
    cookies.browser_renewed = moved.browser_cookie


def _gone() -> Response:
    return pages.error_page(
        404,
        say("This sign-in is over"),
        say("It was finished, took too long, or was started in another browser. Go back to the app and sign in again."),
    )
