"""Sign-ins in progress: opened, found again by id and browser, added to, and closed once.

An attempt holds facts only. Its id is 256 random bits and is stored as a digest; another browser's cookie does not find it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from idp import clock, crypto, db
from idp.config import Settings
from idp.errors import NotFound, Unreadable
from idp.identity import assurance
from idp.signin.answers import Answers, Findings
from idp.signin.prepared import NOTHING_PREPARED, Prepared
from idp.signin.requirements import Needs
from idp.signin.state import BrowserContext
from idp.signin.step import Stale, StepResult
from idp.store import attempts as store
from idp.store import browsers, sealed
from idp.store.attempts import Attempt

REQUEST = "attempts:request"
RestartReason = Literal["", "yes", "elsewhere"]
OUT_OF_DATE: Final = "yes"
ELSEWHERE: Final = "elsewhere"
"""Why a sign-in starts again: its page was old, or the browser is not known to be the one that began it."""


def key(attempt_id: str) -> bytes:
    """The digest an attempt is found by."""
    return crypto.digest("attempt", attempt_id)


@dataclass(frozen=True)
class Typed:
    """Who it is by now, as far as that was typed or proved: it fills fields, and proves nothing."""

    username: str = ""
    organisation: str = ""


NOTHING = Typed()


def open_attempt(
    settings: Settings, needs: Needs, visit: BrowserContext, typed: Typed = NOTHING, reason: RestartReason = ""
) -> str:
    """Begin a sign-in for this browser; its id. ``reason``: why it replaces another one, which the page says (S60)."""
    attempt_id, now = crypto.new_secret(), clock.now()
    digest = key(attempt_id)
    with db.transaction():
        browser_id = note_browser(visit, now)
        store.add_attempt(
            Attempt(
                digest=digest,
                browser_id=browser_id,
                needs=sealed_needs(settings, digest, needs, typed.username[:254]),
                typed_username="",
                typed_organisation=typed.organisation[:254],
                proofs=[],
                findings=Findings().as_json(),
                answers=Answers(restart_reason=reason).as_json(),
                version=0,
                created_at=now,
                expires_at=now + timedelta(minutes=settings.lifetimes.attempt_minutes),
            )
        )
    return attempt_id


def note_browser(visit: BrowserContext, now: datetime) -> str:
    """Keep the browser's row at least as long as a sign-in that was begun there (``sweeps``). Returns the row's id."""
    if not visit.new_browser:
        browsers.note_visit(visit.browser_id, now, unless_since=now - timedelta(days=1))
        return visit.browser_id
    return browsers.add_new_browser(visit.browser_id, visit.new_browser, now)


def none_yet(needs: Needs, visit: BrowserContext) -> Attempt:
    """An attempt that is no row: for requests that may be met without asking anything."""
    now = clock.now()
    return Attempt(
        digest=b"", browser_id=visit.browser_id, needs=needs.as_json(), proofs=[], findings={}, answers={},
        typed_organisation="", typed_username="", sealed="", version=0, created_at=now, expires_at=now,
    )  # fmt: skip


def load(attempt_id: str, visit: BrowserContext) -> Attempt | None:
    """This browser's attempt, if it is neither over nor expired."""
    if not visit.browser_id or visit.new_browser:
        return None
    found = store.attempt_of(key(attempt_id), visit.browser_id, clock.now())
    return found if found is not None and found.finished_at is None else None


def load_any(attempt_id: str) -> Attempt | None:
    """An attempt as long as it is kept: over, expired or another browser's too. Only what was asked may be read of it."""
    return store.any_attempt(key(attempt_id))


def needs_of(settings: Settings, attempt: Attempt) -> Needs:
    """Return what was asked for, as it was stored: of an app's request only what came.

    Raises ``NotFound`` if the key that sealed it is gone.
    """
    return Needs.from_json(_asked(settings, attempt))


def typed_username(settings: Settings, attempt: Attempt) -> str:
    """Return the username to fill in: the person's own, or what was typed before a stale sign-in was opened again."""
    if attempt.typed_username or Answers.from_json(attempt.answers).account:
        return attempt.typed_username
    return str(_asked(settings, attempt).get("username", ""))


def sealed_needs(settings: Settings, digest: bytes, needs: Needs, typed: str) -> dict[str, Any]:
    """Seal what is asked for with the username that was typed, as the attempt's row keeps it."""
    asked = {**needs.as_json(), "username": typed}
    return {"sealed": sealed.NEEDS.seal_json(settings.ring, digest, asked)}


def _asked(settings: Settings, attempt: Attempt) -> dict[str, Any]:
    held = attempt.needs.get("sealed")
    if held is None:  # a request that has no row, or a row from before this was sealed
        return dict(attempt.needs)
    try:
        return dict(sealed.NEEDS.open_json(settings.ring, attempt.digest, held))
    except Unreadable as error:
        raise NotFound(detail="the sign-in is sealed with a key that is gone") from error


def organisation_typed(attempt: Attempt) -> str:
    """The store URL that was typed; empty where another one is about to be."""
    return "" if Answers.from_json(attempt.answers).organisation == "ask" else attempt.typed_organisation


def seal_request(settings: Settings, needs: Needs, typed: Typed) -> str:
    """What every form of a sign-in carries, so that a stale one can begin anew (S60)."""
    told = {"username": typed.username, "store_url": typed.organisation}
    return settings.ring.seal_json({**needs.as_json(), **told}, REQUEST)


def open_request(settings: Settings, sealed: str) -> tuple[Needs, Typed] | None:
    """What such a form carries; None where it carries nothing that we have sealed."""
    try:
        held = settings.ring.open_json(sealed, REQUEST)
        return Needs.from_json(held), Typed(str(held.get("username", "")), str(held.get("store_url", "")))
    except (Unreadable, TypeError, ValueError, KeyError):
        return None


def languages_asked(settings: Settings, sealed: str) -> tuple[str, ...]:
    """The languages that the app of a posted form asked for, a picked one first; empty where the form carries none."""
    held = open_request(settings, sealed) if sealed else None
    return held[0].ui_locales if held else ()


def carry(settings: Settings, sealed: str, username: str) -> str:
    """Seal the same needs with the username that was typed, for a request that follows. Empty for a broken form."""
    held = open_request(settings, sealed)
    if held is None:
        return ""
    needs, typed = held
    return seal_request(settings, needs, replace(typed, username=username[:254] or typed.username))


def opened(settings: Settings, attempt: Attempt) -> Prepared:
    """Return what a step has prepared; nothing if the key it was sealed with is gone."""
    if not attempt.sealed:
        return NOTHING_PREPARED
    try:
        return Prepared.from_json(sealed.ATTEMPTS.open_json(settings.ring, attempt.digest, attempt.sealed))
    except Unreadable:
        return NOTHING_PREPARED


def note(settings: Settings, attempt: Attempt, noted: StepResult) -> None:
    """Add to the facts, within the transaction; raises ``Stale`` where another request was first."""
    columns: dict[str, Any] = {}
    if noted.proofs:
        columns["proofs"] = [*attempt.proofs, *assurance.as_json(noted.proofs)]
    if noted.answers is not None:
        columns["answers"] = noted.answers.as_json()
    if noted.findings is not None:
        columns["findings"] = noted.findings.as_json()
    if noted.prepared is not None:
        columns["sealed"] = _sealed(settings, attempt, noted.prepared)
    if not store.change_attempt(attempt.digest, attempt.version, **columns | dict(noted.columns)):
        raise Stale


def _sealed(settings: Settings, attempt: Attempt, prepared: Prepared) -> str:
    kept = prepared.as_json()
    return sealed.ATTEMPTS.seal_json(settings.ring, attempt.digest, kept) if kept else ""
