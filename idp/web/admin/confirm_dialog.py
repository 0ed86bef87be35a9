"""Show the page between a button and its action: it says what will happen, and asks for the password if needed."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, request

from idp.errors import Invalid, Message, Refusal, say
from idp.web import forms, pages, reauthentication, unsaved
from idp.web.admin.guard import Admin, Frame

OF_PERSON = say("The reason is kept in the audit log. The person does not see it.")


@dataclass(frozen=True)
class Question:
    """Hold what is about to be done. ``sentences`` say what will happen; ``back`` is where *Cancel* leads.

    ``asks_reason``: it has a field for a reason, which may stay empty; ``reason_hint`` says who reads that.
    ``choose``: above ``choices``, or above a field with this hint, ``type_hint``, where there are too many of them.
    ``is_final``: what is deleted cannot be brought back. The dialog says so and is red, then and only then. (A person can
    set up a second factor again.)
    """

    heading: Message
    sentences: tuple[Message, ...]
    button: Message
    back: str
    asks_password: bool = True
    asks_reason: bool = False
    choose: Message | None = None
    choices: tuple[tuple[str, Message | str], ...] = ()
    type_hint: Message | None = None
    is_final: bool = False
    reason_hint: Message = OF_PERSON


@dataclass(frozen=True)
class DialogPage:
    """Hold a question. ``username``: of the person asked, for password managers. ``asks_password``: it has the field.

    ``reason``: as it was entered. ``wrong``: the field of ``errors``.
    """

    frame: Frame
    question: Question
    username: str
    asks_password: bool
    errors: tuple[Message, ...] = ()
    reason: str = ""
    wrong: str = "password"
    chosen: str = ""


def confirm_then(admin: Admin, here: str, question: Question, action: Callable[[], Response]) -> Response:
    """Ask ``question`` in the section ``here``, and answer with ``action`` once the person has confirmed it.

    The form is posted to the address of the page itself, which must allow GET and POST. If ``action`` raises a ``Refusal``,
    the question is shown again with the reason; a 404 stays one, so that it reveals no more.
    """
    if request.method != "POST":
        return _page(admin, here, question)
    wrong = reauthentication.check_password(admin.me.user) if question.asks_password else None
    if wrong is not None:
        return _page(admin, here, question, wrong, status=422)
    try:
        return action()
    except Refusal as refusal:
        if refusal.status == 404:
            raise
        wrong_field = refusal.field if isinstance(refusal, Invalid) else "password"
        return _page(admin, here, question, refusal.message, status=unsaved.status_of(refusal), field=wrong_field)


def reason_entered() -> str:
    """Return the reason of the form that was posted, or of one that came back from a reauthentication."""
    return _entered("reason")


def _entered(field: str) -> str:
    kept = unsaved.found()
    return (forms.fields() if request.method == "POST" else kept.fields if kept else {}).get(field, "")


def _page(
    admin: Admin, here: str, question: Question, *errors: Message, status: int = 200, field: str = "password"
) -> Response:
    asks_password = question.asks_password and reauthentication.must_ask_password()
    reason = reason_entered() if question.asks_reason else ""
    chosen = _entered("choice") if question.choose else ""
    page = DialogPage(admin.frame(here), question, admin.me.user.username, asks_password, errors, reason, field, chosen)
    return pages.render("admin/confirm_dialog.html", page, status)
