"""Keep the values of a form while its author signs in or reauthenticates, and fill the form in again afterwards.

The fields are kept sealed in the stash, for this browser and this person. The page then says that nothing was saved. The
form is never carried out by itself: an intruder at an open session could post one and leave the reauthentication to the
session's owner, who must first see what it confirms. Passwords and other secrets are never kept. Files cannot be.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Response, g, request

from idp import clock
from idp.errors import Message, Refusal, say
from idp.identity import sensitive_changes
from idp.identity.sensitive_changes import Confirmation
from idp.identity.sessions import sessions
from idp.signin.requirements import Needs
from idp.web import csrf, forms, request_context, stash, ways_back

REFERENCE, ANSWER, PURPOSE = "unsaved", "answer", "form"
LEFT_OUT = frozenset(("csrf_token", "token", "password", "new_password", "new_password_again"))
"""Fields that are never kept: they prove something, and are entered again."""
CONFIRMED = say("You confirmed that it is you. Nothing has been saved yet: check the form, and then save it.")
CANCELLED = say("Nothing has been saved. To save this form, you must confirm that it is you.")
FILE = say("Choose the file again: it could not be kept.")
Fields = dict[str, str]


@dataclass(frozen=True)
class Unsaved:
    """Hold a form that came back. ``path``: where it was posted. ``had_file``: a file was chosen in it."""

    path: str
    fields: Fields
    had_file: bool


def returning(needs: Needs) -> tuple[Needs, str]:
    """Return the needs with a way back to the posted form, and the reference for keeping it; empty for none."""
    if request.method != "POST":
        return replace(needs, return_to=_without(needs.return_to, ANSWER)), ""
    plain = replace(needs, return_to=_without(needs.return_to, ANSWER, REFERENCE))
    if not csrf.fits() or not _author() or not (_typed() or request.files):
        return plain, ""
    reference = stash.new_reference()
    joint = "&" if "?" in plain.return_to else "?"
    there = f"{plain.return_to}{joint}{REFERENCE}={reference}"
    cancel_to = there if plain.cancel_to == needs.return_to else plain.cancel_to
    return replace(plain, return_to=there, cancel_to=cancel_to), reference


def keep(reference: str, needs: Needs) -> None:
    """Keep the posted fields for the page that ``needs`` leads back to."""
    if reference:
        value = {"to": urlsplit(needs.return_to).path, "path": request.path, "fields": _typed()}
        had_file = any(file.filename for file in request.files.values())
        seconds = request_context.settings().lifetimes.attempt_minutes * 60
        stash.put(PURPOSE, {**value, "had_file": had_file}, seconds, _author(), reference=reference)


def found() -> Unsaved | None:
    """Return the form that comes back to this page, to the person who filled it in."""
    if "unsaved" not in g:
        g.unsaved = _find()
    kept: Unsaved | None = g.unsaved
    return kept


def name_for(path: str) -> str | None:
    """Return the ``name`` that was entered in the form of this path, if that form comes back."""
    kept = found()
    return kept.fields.get("name", "") if kept is not None and kept.path == path else None


def notice() -> tuple[Message, ...]:
    """Return the words above a form that came back."""
    kept = found()
    if kept is None:
        return ()
    first = CONFIRMED if sensitive_changes.given() >= Confirmation.FRESH_PROOF else CANCELLED
    return (first, FILE) if kept.had_file else (first,)


def answer(
    blank: Callable[[], Response],
    again: Callable[[Fields, Refusal | None], Response],
    save: Callable[[Fields], Response],
) -> Response:
    """Answer for the page of a form: ``blank`` to look at, ``again`` filled in, ``save`` for a form that was posted.

    Nothing is saved by a GET, so a form that came back is only shown.
    """
    if request.method != "POST":
        kept = found()
        return again(kept.fields, None) if kept is not None else blank()
    form = forms.fields()
    try:
        response = save(form)
    except Refusal as refusal:
        return again(form, refusal)
    _drop()
    return response


def status_of(refusal: Refusal | None) -> int:
    """Return the status of a form's page: 422 for input that is wrong, that of any other refusal, or 200."""
    if refusal is None:
        return 200
    return 422 if refusal.status == 400 else refusal.status


def _find() -> Unsaved | None:
    reference = request.args.get(REFERENCE, "")
    kept = stash.get(PURPOSE, reference, _author()) if reference and request.method == "GET" else None
    if kept is None or kept.get("to") != request.path:
        return None
    return Unsaved(kept.get("path", ""), kept.get("fields", []), kept.get("had_file", False))


def _drop() -> None:
    """Forget the saved form, so that the way back does not offer it once more."""
    addresses = (request.query_string.decode("latin-1"), ways_back.referrer().query)
    for name, reference in (pair for query in addresses for pair in parse_qsl(query)):
        if name == REFERENCE:
            stash.drop(reference)


def _typed() -> Fields:
    try:
        fields = forms.fields()
    except Refusal:
        return {}  # the view refuses it
    return {name: value for name, value in fields.items() if name not in LEFT_OUT}


def _author() -> str:
    """Return the id of the user who is signed in here, or was until the session expired; empty if unknown."""
    session = sessions.latest(request_context.visit().session) if request_context.visit().session else None
    return session.user_id if session is not None and session.started_at <= clock.now() else ""


def _without(path: str, *references: str) -> str:
    parts = urlsplit(path)
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in references]
    return f"{parts.path}?{urlencode(kept)}" if kept else parts.path
