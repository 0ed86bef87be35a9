"""Decide what a signed-in person has confirmed for a sensitive change, from the proofs of the session. Pure."""

from dataclasses import replace
from datetime import timedelta

from idp.config import Settings
from idp.identity import assurance
from idp.identity.sensitive_changes import Confirmation
from idp.signin.flow import next_step
from idp.signin.required_level import JUST_NOW
from idp.signin.requirements import Needs
from idp.signin.state import Case
from idp.store.sessions import UserSession


def fresh(settings: Settings, needs: Needs) -> Needs:
    """Return the same needs for a sensitive change: the person's highest level, at most ``profile_minutes`` old."""
    return replace(needs, highest=True, max_age=settings.lifetimes.profile_minutes * 60)


def confirmed(settings: Settings, case: Case, session: UserSession) -> Confirmation:
    """Return what the person confirmed, by the decision that a reauthentication would make.

    The password of a reauthentication confirms for ``confirmation_seconds``: its pages named the change. The password of
    the sign-in itself confirms nothing: it was entered before the change was asked for.
    """
    if case.needs.client is not None:
        return Confirmation.NOTHING  # an app changes nothing here
    plain = replace(case.needs, prompt=(), tasks=())
    if next_step(replace(case, needs=fresh(settings, plain))) is not None:
        return Confirmation.NOTHING
    later = [proof for proof in assurance.from_json(session.proofs) if proof.at > session.started_at]
    ended = max((proof.at for proof in later), default=session.started_at)
    typed = any(proof.method == "password" and proof.at >= ended - JUST_NOW for proof in later)
    is_now = case.now < ended + timedelta(seconds=settings.lifetimes.confirmation_seconds)
    return Confirmation.FRESH_PROOF_AND_PASSWORD if typed and is_now else Confirmation.FRESH_PROOF
