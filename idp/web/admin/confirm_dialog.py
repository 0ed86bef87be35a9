"""Show the page between a button and its action: it says what will happen, and asks for the password if needed."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, request

from idp.errors import Message, Refusal
from idp.web import pages, reauthentication
from idp.web.admin.guard import Admin, Frame


@dataclass(frozen=True)
class Question:
    """Hold what is about to be done. ``sentences`` say what will happen; ``back`` is where *Cancel* leads."""

    heading: Message
    sentences: tuple[Message, ...]
    button: Message
    back: str
    asks_password: bool = True


@dataclass(frozen=True)
class DialogPage:
    """Hold a question. ``username``: of the person asked, for password managers. ``asks_password``: it has the field."""

    frame: Frame
    question: Question
    username: str
    asks_password: bool
    errors: tuple[Message, ...] = ()


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
        return _page(admin, here, question, refusal.message, status=422 if refusal.status == 400 else refusal.status)


def _page(admin: Admin, here: str, question: Question, *errors: Message, status: int = 200) -> Response:
    asks_password = question.asks_password and reauthentication.must_ask_password()
    page = DialogPage(admin.frame(here), question, admin.me.user.username, asks_password, errors)
    return pages.render("admin/confirm_dialog.html", page, status)
