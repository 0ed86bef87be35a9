"""Keep a value for this browser and get it back by a reference that is safe in an address.

``put`` seals the value and returns a reference; ``get`` opens it for the same browser, ``purpose`` and ``bound_to`` (a
sign-in, or the session that was live). The reference alone opens nothing: the browser's cookie must come with it. Values
last a day at most, and a browser holds a few of them. One whose sealing key was removed is gone. It is used for answers to
posted forms (``post_redirect_get``), and for other values that must survive a redirect without being in an address.
"""

import json
import zlib
from datetime import timedelta
from typing import Any

from idp import clock, crypto, db
from idp.errors import Unreadable
from idp.signin import attempts
from idp.signin.state import BrowserContext
from idp.store import stash as store
from idp.store.stash import Stashed
from idp.web import request_context

MOST = 24
"""Values that one browser holds; the oldest are dropped."""


def new_reference() -> str:
    """Make a reference for ``put``, for a caller that needs it before it knows whether anything is kept."""
    return crypto.new_id()


def put(purpose: str, value: Any, seconds: int, bound_to: str = "", *, reference: str = "") -> str:
    """Keep a JSON value for so many seconds. Returns its reference. A browser without a cookie gets one."""
    _noted()
    reference = reference or new_reference()
    with db.transaction():
        store.add_stashed(_row(purpose, reference, value, seconds, bound_to), MOST)
    return reference


def claim(purpose: str, reference: str, value: Any, seconds: int, bound_to: str = "") -> bool:
    """Keep a value unless something is kept as ``reference``. Returns whether it was kept. Of concurrent claims one wins."""
    with db.transaction():
        return store.claim_stashed(_row(purpose, reference, value, seconds, bound_to), MOST)


def change(purpose: str, reference: str, value: Any, seconds: int, bound_to: str = "") -> None:
    """Replace a value of this browser."""
    row = _row(purpose, reference, value, seconds, bound_to)
    with db.transaction():
        store.change_stashed(row.id, row.browser_id, row.sealed, row.expires_at)


def get(purpose: str, reference: str, bound_to: str = "") -> Any:
    """Return the value; None if it is gone, another browser's, or bound to something else."""
    visit = request_context.visit()
    if visit.new_browser or len(reference) != 26 or not reference.isascii():
        return None
    row = store.stashed(reference, visit.browser_id, clock.now())
    if row is None:
        return None
    try:
        return json.loads(
            zlib.decompress(request_context.settings().ring.open(row.sealed, _place(reference, purpose, bound_to)))
        )
    except Unreadable:
        return None


def drop(reference: str) -> None:
    """Forget a value of this browser."""
    with db.transaction():
        store.delete_stashed(reference, request_context.visit().browser_id)


def _noted() -> BrowserContext:
    """Return this visit by a browser that has a row. E-mail links are often opened in new browsers."""
    visit = request_context.visit()
    if visit.new_browser:
        with db.transaction():
            browser_id = attempts.note_browser(visit, clock.now())
        request_context.browser_noted(browser_id)
    return request_context.visit()


def _row(purpose: str, reference: str, value: Any, seconds: int, bound_to: str) -> Stashed:
    plain, now = zlib.compress(json.dumps(value, separators=(",", ":")).encode()), clock.now()
    return Stashed(
        id=reference,
        browser_id=request_context.visit().browser_id,
        sealed=request_context.settings().ring.seal(plain, _place(reference, purpose, bound_to)),
        created_at=now,
        expires_at=now + timedelta(seconds=seconds),
    )


def _place(reference: str, purpose: str, bound_to: str) -> str:
    return f"stash:{reference}:{request_context.visit().browser_id}:{purpose}:{bound_to}"
