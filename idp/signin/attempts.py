"""Sign-ins in progress: opened, found by id and browser, changed, and closed once.

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
"""Why a sign-in starts again: its page was out of date, or this may not be the browser that began it."""


def key(attempt_id: str) -> bytes:
    """Return the digest that an attempt is found by."""
    return crypto.digest("attempt", attempt_id)


@dataclass(frozen=True)
class Entered:
    """The username and store URL that were entered or proved so far. They fill fields and prove nothing."""

    username: str = ""
    organisation: str = ""


NOTHING = Entered()


def open_attempt(
    settings: Settings, needs: Needs, visit: BrowserContext, entered: Entered = NOTHING, reason: RestartReason = ""
) -> str:
    """Begin a sign-in for this browser. Returns its id. ``reason``: why it replaces another one; the page says so (S60)."""
    attempt_id, now = crypto.new_secret(), clock.now()
    digest = key(attempt_id)
    with db.transaction():
        browser_id = note_browser(visit, now)
        store.add_attempt(
            Attempt(
                digest=digest,
                browser_id=browser_id,
                needs=sealed_needs(settings, digest, needs, entered.username[:254]),
                typed_username="",
                typed_organisation=entered.organisation[:254],
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


def none_yet(visit: BrowserContext) -> Attempt:
    """Return an attempt without a row, for requests that may succeed without a step. It holds no needs."""
    now = clock.now()
    return Attempt(
        digest=b"", browser_id=visit.browser_id, needs={}, proofs=[], findings={}, answers={},
        typed_organisation="", typed_username="", sealed="", version=0, created_at=now, expires_at=now,
    )  # fmt: skip


def load(attempt_id: str, visit: BrowserContext) -> Attempt | None:
    """Return this browser's attempt, if it is neither finished nor expired."""
    if not visit.browser_id or visit.new_browser:
        return None
    found = store.attempt_of(key(attempt_id), visit.browser_id, clock.now())
    return found if found is not None and found.finished_at is None else None


def load_any(attempt_id: str) -> Attempt | None:
    """Return an attempt that is still kept, even if finished, expired or another browser's. Use only its needs."""
    return store.any_attempt(key(attempt_id))


def needs_of(settings: Settings, attempt: Attempt) -> Needs:
    """Return what was asked for, as it was stored: of an app's request only what came.

    Raises ``NotFound`` if the key that sealed it is gone.
    """
    return Needs.from_json(_asked(settings, attempt))


def entered_username(settings: Settings, attempt: Attempt) -> str:
    """Return the username to fill in: the person's own, or the one entered before a stale sign-in was opened again."""
    if attempt.typed_username or Answers.from_json(attempt.answers).account:
        return attempt.typed_username
    return str(_asked(settings, attempt).get("username", ""))


def sealed_needs(settings: Settings, digest: bytes, needs: Needs, username: str) -> dict[str, Any]:
    """Seal the needs with the username that was entered, as the attempt's row keeps them."""
    asked = {**needs.as_json(), "username": username}
    return {"sealed": sealed.NEEDS.seal_json(settings.ring, digest, asked)}


def _asked(settings: Settings, attempt: Attempt) -> dict[str, Any]:
    held = attempt.needs.get("sealed")
    if held is None:  # a request that has no row, or a row from before this was sealed
        return dict(attempt.needs)
    try:
        return dict(sealed.NEEDS.open_json(settings.ring, attempt.digest, held))
    except Unreadable as error:
        raise NotFound(detail="the sign-in is sealed with a key that is gone") from error


def entered_organisation(attempt: Attempt) -> str:
    """Return the store URL that was entered; empty if another one is being asked for."""
    return "" if Answers.from_json(attempt.answers).organisation == "ask" else attempt.typed_organisation


def seal_request(settings: Settings, needs: Needs, entered: Entered) -> str:
    """Seal what every form of a sign-in carries, so that a stale one can open a new sign-in (S60)."""
    filled = {"username": entered.username, "store_url": entered.organisation}
    return settings.ring.seal_json({**needs.as_json(), **filled}, REQUEST)


def open_request(settings: Settings, sealed: str) -> tuple[Needs, Entered] | None:
    """Return what such a form carries; None if we did not seal it."""
    try:
        held = settings.ring.open_json(sealed, REQUEST)
        return Needs.from_json(held), Entered(str(held.get("username", "")), str(held.get("store_url", "")))
    except (Unreadable, TypeError, ValueError, KeyError):
        return None


def languages_asked(settings: Settings, sealed: str) -> tuple[str, ...]:
    """Return the languages that a posted form's app asked for, a picked one first; empty if the form carries none."""
    held = open_request(settings, sealed) if sealed else None
    return held[0].ui_locales if held else ()


def carry(settings: Settings, sealed: str, username: str) -> str:
    """Seal a form's needs again with the username entered in it, for the next request. Empty for a broken form."""
    held = open_request(settings, sealed)
    if held is None:
        return ""
    needs, entered = held
    return seal_request(settings, needs, replace(entered, username=username[:254] or entered.username))


def opened(settings: Settings, attempt: Attempt) -> Prepared:
    """Return what a step has prepared; nothing if the key it was sealed with is gone."""
    if not attempt.sealed:
        return NOTHING_PREPARED
    try:
        return Prepared.from_json(sealed.ATTEMPTS.open_json(settings.ring, attempt.digest, attempt.sealed))
    except Unreadable:
        return NOTHING_PREPARED


def note(settings: Settings, attempt: Attempt, result: StepResult) -> None:
    """Change the facts, within the transaction. Raises ``Stale`` if another request was first."""
    columns: dict[str, Any] = {}
    if result.proofs:
        columns["proofs"] = [*attempt.proofs, *assurance.as_json(result.proofs)]
    if result.answers is not None:
        columns["answers"] = result.answers.as_json()
    if result.findings is not None:
        columns["findings"] = result.findings.as_json()
    if result.prepared is not None:
        columns["sealed"] = _sealed(settings, attempt, result.prepared)
    if not store.change_attempt(attempt.digest, attempt.version, **columns | dict(result.columns)):
        raise Stale


def _sealed(settings: Settings, attempt: Attempt, prepared: Prepared) -> str:
    kept = prepared.as_json()
    return sealed.ATTEMPTS.seal_json(settings.ring, attempt.digest, kept) if kept else ""
