"""The page between a button and what it does: it says what will happen, and asks for the password where it is grave."""

from dataclasses import dataclass

from flask import Response, request

from idp.errors import Message, Refusal
from idp.web import confirmation, pages
from idp.web.admin.guard import Admin, Frame


@dataclass(frozen=True)
class Question:
    """What is about to be done. ``sentences`` say what will happen; ``back`` is where "keep it as it is" leads."""

    heading: Message
    sentences: tuple[Message, ...]
    button: Message
    back: str
    asks_password: bool = True


@dataclass(frozen=True)
class DialogPage:
    """A question; ``username`` of the person asked, for password managers. ``asks_password``: the field is there."""

    frame: Frame
    question: Question
    username: str
    asks_password: bool
    errors: tuple[Message, ...] = ()


def unconfirmed(admin: Admin, here: str, question: Question) -> Response | None:
    """The page to answer with as long as it is not confirmed; None where a form came with the right password.

    The form is posted to the address of the page itself, which must allow GET and POST.
    """
    if request.method != "POST":
        return _page(admin, here, question)
    wrong = confirmation.unconfirmed(admin.me.user) if question.asks_password else None
    return _page(admin, here, question, wrong, status=422) if wrong else None


def refused(admin: Admin, here: str, question: Question, refusal: Refusal) -> Response:
    """The question once more, saying why it was not done; nobody learns more from a 404."""
    if refusal.status == 404:
        raise refusal
    return _page(admin, here, question, refusal.message, status=422 if refusal.status == 400 else refusal.status)


def _page(admin: Admin, here: str, question: Question, *errors: Message, status: int = 200) -> Response:
    asks_password = question.asks_password and confirmation.must_ask_password()
    page = DialogPage(admin.frame(here), question, admin.me.user.username, asks_password, errors)
    return pages.render("admin/confirm_dialog.html", page, status)
