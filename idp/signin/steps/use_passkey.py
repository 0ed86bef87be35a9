"""Signing in with a passkey: on the first pages instead of username and password, later as the second factor.

No step: ``organisation``, ``password`` and ``second_factor`` accept it beside what they ask for. Their ``prepare`` makes the
challenge, for that step only, and any answer spends it.
"""

from dataclasses import dataclass, replace

from idp import db
from idp.audit import Event
from idp.errors import say
from idp.identity import access
from idp.identity.assurance import as_json
from idp.identity.credentials import passkeys
from idp.identity.credentials.webauthn import Ceremony
from idp.identity.organisations.settings import normal_store_url
from idp.signin.prepared import Prepared
from idp.signin.requirements import serves
from idp.signin.state import Case
from idp.signin.step import Outcome, StepContext, StepResult, Wrong
from idp.signin.steps import rate_limit
from idp.store import organisations, users
from idp.store.passkeys import Passkey
from idp.store.users import User

RENEW = 120
"""Seconds for which a challenge must still be valid when a page is shown; otherwise a new one is made."""
NOT_ACCEPTED = say("That passkey was not accepted. Try again, or sign in another way.")
AUTHENTICATOR = "passkey"


@dataclass(frozen=True)
class PasskeyAsk:
    """What the script asks of the browser: ``kind`` ``get`` or ``create``, ``options`` as JSON, valid for ``seconds``."""

    kind: str
    options: str
    seconds: int


def ceremony_of(case: Case, place: str) -> Ceremony | None:
    """Return the challenge that was prepared for this step, if any."""
    held = case.prepared.passkey
    return held if held is not None and held.place == place else None


def ask_of(case: Case, place: str) -> PasskeyAsk | None:
    """Return the challenge for a page; None if there is none or it has expired."""
    ceremony = ceremony_of(case, place)
    left = int(ceremony.until - case.now.timestamp()) if ceremony else 0
    return PasskeyAsk(ceremony.kind, ceremony.options, left) if ceremony and left > 0 else None


def is_held(case: Case, place: str) -> bool:
    """Check if there is a challenge for this step that is valid long enough to be shown."""
    ask = ask_of(case, place)
    return ask is not None and ask.seconds > RENEW


def holding(case: Case, ceremony: Ceremony) -> Prepared:
    """Return what is prepared, with this challenge."""
    return replace(case.prepared, passkey=ceremony)


def spent(case: Case) -> Prepared:
    """Return what is prepared, without the challenge: each is tried once."""
    return replace(case.prepared, passkey=None)


def prepared(work: StepContext, place: str, user: User | None = None) -> Prepared | None:
    """Make a challenge for this step; None if it has one. ``user``: the person, once the password was right."""
    if is_held(work.case, place):
        return None
    return holding(work.case, passkeys.ask(work.settings, place, work.case.now, user))


def sign_in(work: StepContext, place: str, text: str) -> Outcome:
    """Take a passkey instead of username and password; it names its owner (WebAuthn Level 3 §7.2 step 6)."""
    return _taken(work, place, text, alone=True)


def second_factor(work: StepContext, place: str, text: str) -> Outcome:
    """Take a passkey or security key of the person whose password was right."""
    return _taken(work, place, text, alone=False)


def _taken(work: StepContext, place: str, text: str, *, alone: bool) -> Outcome:
    """Count one guess, then check it. All wrong answers look alike, so that passkeys cannot be probed."""
    now, ceremony = work.case.now, ceremony_of(work.case, place)
    answer, passkey = passkeys.read_shown(text)
    owner = users.user(passkey.organisation_id, passkey.user_id) if passkey else None
    db.release()
    typed = f"passkey\0{text if answer is None else answer.credential_id.hex()}"
    guess = rate_limit.admit(work, owner, AUTHENTICATOR, typed=typed, after_password=not alone)
    if ceremony is None or answer is None or passkey is None or owner is None or not _may_enter(work, owner, alone=alone):
        return _wrong(work, owner)
    shown = passkeys.verify(work.settings, ceremony, answer, passkey, now, alone=alone)
    if shown is None:
        return _wrong(work, owner)
    if passkeys.is_behind(passkey, shown):
        return _behind(work, owner, passkey)
    organisation = organisations.organisation(owner.organisation_id)
    told = access.refusal(organisation, owner) if organisation else None
    if told is not None:
        with db.transaction():
            guess.succeeded()
        return Wrong((told,), prepared=spent(work.case))

    def effect() -> Wrong | None:
        if not passkeys.accept(passkey, shown, now, alone=alone):
            return Wrong((NOT_ACCEPTED,))
        guess.succeeded()
        return None

    proofs = (passkeys.proof_of(passkey, shown, now),)
    columns: dict[str, object] = {}
    if alone:
        columns = {"user_id": owner.id, "organisation_id": owner.organisation_id, "typed_username": owner.username}
        if work.attempt.user_id not in (None, owner.id):
            # Proofs of another person in this attempt must never count for this one.
            columns["proofs"] = as_json(proofs)
    return StepResult(proofs=proofs, columns=columns, prepared=spent(work.case), effect=effect)


def _wrong(work: StepContext, owner: User | None) -> Wrong:
    with db.transaction():
        work.record(Event.PASSKEY_WRONG, outcome="failure", user=owner)
    return Wrong((NOT_ACCEPTED,), prepared=spent(work.case))


def _behind(work: StepContext, owner: User, passkey: Passkey) -> Wrong:
    """Refuse a key whose counter is behind, which may be a copy. Only the owner is told, by mail."""
    with db.transaction():
        work.record(Event.PASSKEY_BEHIND, outcome="failure", user=owner, passkey=passkey.id)
        passkeys.tell_of_copy(work.settings, owner, passkey)
    return Wrong((NOT_ACCEPTED,), prepared=spent(work.case))


def _may_enter(work: StepContext, owner: User, *, alone: bool) -> bool:
    """Check if the owner of a passkey is the person signing in, or may become that person."""
    if work.known_user is not None or not alone:
        return work.known_user is not None and work.known_user.id == owner.id
    needs = work.case.needs
    organisation = organisations.organisation(owner.organisation_id)
    if organisation is None or owner.disabled_at is not None or needs.subject not in ("", owner.id):
        return False
    wanted = normal_store_url(needs.organisation)
    return serves(needs.client, organisation) and wanted in ("", organisation.store_url)
