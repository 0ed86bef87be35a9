"""Carry out a form once, however often it is sent: a double click leads to the first one's answer.

Each form on a page has an id of its own in its CSRF token. The first request with an id and these very fields claims it in
the stash, in one statement. A later one waits for the first one's answer, and is redirected to it. With other fields it is
another form. Refusals are told to a second click, and soon forgotten: their reason may be gone when the form is sent again.

Not for the steps of a sign-in, which are answered once by their stage, nor for answers that set cookies.
"""

from collections.abc import Iterator
from threading import Lock
from time import sleep

from flask import Response, g, request
from werkzeug.exceptions import HTTPException

from idp import crypto, db
from idp.errors import Busy
from idp.web import csrf, pages, request_context, stash

PURPOSE, PENDING = "sent", ""
CLAIM_SECONDS = 30
"""Seconds for which a request that crashed holds its claim."""
DONE_SECONDS, REFUSED_SECONDS = 3600, 5
PAUSE, SHORT_WAIT, LONG_WAIT = 0.05, 20, 80
"""A second click waits one second, in pauses. One thread of a process may wait four: the others answer other people."""
_long_wait = Lock()
ANSWERED_ELSEWHERE = frozenset(("signin", "oauth", "pages"))
"""Sign-in steps have their stages. A picked language may be picked twice, and needs no database while that is away."""


def posted() -> bool:
    """Check if a known form of ours was posted. Cookies are read for no other requests."""
    if request.method != "POST" or request.url_rule is None or ANSWERED_ELSEWHERE & set(request.blueprints):
        return False
    try:
        return bool(csrf.form_id()) and csrf.fits() and not request_context.visit().new_browser
    except HTTPException:  # the body could not be read
        return False


def earlier_answer(login_id: str) -> Response | None:
    """Return the way to the answer of this form, sent before. None if this request is to answer it.

    Raises ``Busy`` if the first one takes long.
    """
    reference = _reference(login_id)
    for _ in _looks():
        to = stash.get(PURPOSE, reference, login_id)
        if to:
            return pages.see_other(to)
        if to is None and stash.claim(PURPOSE, reference, PENDING, CLAIM_SECONDS, login_id):
            g.sent_form = reference, login_id
            return None
    raise Busy(detail="the same form is being answered")


def _looks() -> Iterator[None]:
    """Yield before each look at the first answer, with a pause in between."""
    for _ in range(SHORT_WAIT):
        yield
        db.release()
        sleep(PAUSE)
    if not _long_wait.acquire(blocking=False):
        return
    try:
        for _ in range(LONG_WAIT - SHORT_WAIT):
            yield
            db.release()
            sleep(PAUSE)
    finally:
        _long_wait.release()


def note_answer(answer: Response, *, is_refused: bool) -> None:
    """Keep the address of this form's answer. Without an address the form may be sent again."""
    reference, login_id = g.pop("sent_form", ("", ""))
    if not reference:
        return
    to = answer.headers.get("Location", "")
    if to and answer.status_code < 400 and not _sets_cookies(answer):
        stash.change(PURPOSE, reference, to, REFUSED_SECONDS if is_refused else DONE_SECONDS, login_id)
    else:
        stash.drop(reference)


def _reference(login_id: str) -> str:
    """Return the reference of the posted form: a keyed digest, since a password may be among the fields."""
    fields = [(name, *values) for name, values in request.form.lists()]
    return request_context.settings().ring.mac("sent-form", repr((login_id, request.full_path, fields, _files())))[:26]


def _files() -> list[tuple[str, str, bytes]]:
    found = []
    for name, file in request.files.items(multi=True):
        found.append((name, file.filename or "", crypto.sha256(file.stream.read())))
        file.stream.seek(0)
    return found


def _sets_cookies(answer: Response) -> bool:
    cookies = request_context.cookies()
    return (
        "Set-Cookie" in answer.headers or bool(cookies.browser_renewed) or (cookies.session, cookies.device) != (None, None)
    )
