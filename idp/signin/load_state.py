"""Make a ``Case`` from rows: everything that a decision needs is read here, once."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from idp import clock
from idp.config import Settings
from idp.identity import access, assurance
from idp.identity.assurance import Proof
from idp.identity.credentials import passwords, remembered_devices
from idp.identity.organisations.settings import OrganisationSettings, normal_store_url, settings_of
from idp.identity.policy.rules import ClientRule, Person
from idp.identity.sessions import sessions
from idp.identity.users import email_address, lookup
from idp.signin import attempts
from idp.signin.answers import Answers, Findings, LastCode
from idp.signin.prepared import NOTHING_PREPARED, Prepared
from idp.signin.requirements import ClientTerms, Needs, serves
from idp.signin.state import BrowserContext, Case, KnownPerson, OrganisationFacts
from idp.signin.step import StepContext
from idp.store import attempts as attempt_rows
from idp.store import browsers, consents, organisations, recovery_codes, users
from idp.store.attempts import Attempt
from idp.store.organisations import Organisation
from idp.store.sessions import UserSession
from idp.store.users import User

RECENTLY = timedelta(days=7)


def gather(
    settings: Settings,
    needs: Needs,
    visit: BrowserContext,
    attempt: Attempt | None,
    attempt_id: str = "",
    now: datetime | None = None,
) -> StepContext:
    """Return the case with the rows behind it, as of ``now``, by default the present moment."""
    now, attempt = now or clock.now(), attempt or attempts.none_yet(visit)
    answers = Answers.from_json(attempt.answers)
    live = sessions.current(visit.session, now) if visit.session else None
    session = live if live is not None and _is_eligible(live, needs, attempt.user_id or answers.account) else None
    organisation, is_named = _organisation(needs, visit, attempt, answers, session)
    terms = settings_of(settings, organisation) if organisation else None
    user = _user(organisation, attempt, session)
    session = session if session is not None and user is not None and session.user_id == user.id else None
    rows = _Rows(attempt, organisation, terms, user, session)
    findings, prepared = _unfinished(settings, attempt, user, organisation)
    case = Case(
        now=now,
        asked_at=attempt.created_at if attempt.digest else now,
        needs=needs,
        acr_levels=settings.acr.names,
        attempt_id=attempt_id,
        organisation=_facts(organisation, terms, is_named=is_named),
        entered_organisation=_entered_organisation(needs, attempt, answers),
        entered_username=attempts.entered_username(settings, attempt),
        former_organisation=attempt.typed_organisation,
        session_id=session.id if session else "",
        session_user_id=live.user_id if live else "",
        session_is_hinted=live is not None and _is_hinted(live, needs),
        known=_known(needs, visit, live),
        findings=findings,
        answers=answers,
        prepared=prepared,
        attests=bool(settings.attestation_roots),
        **_facts_of_person(settings, needs, visit, rows, now),
    )
    return StepContext(settings, visit, case, *rows)


def gather_again(work: StepContext) -> StepContext:
    """Return the work after the attempt was changed, at the same moment."""
    attempt = attempt_rows.attempt_of(work.attempt.digest, work.visit.browser_id, work.case.now)
    return gather(work.settings, work.case.needs, work.visit, attempt, work.case.attempt_id, work.case.now)


class _Rows(NamedTuple):
    """The rows that a case is made of, as ``StepContext`` holds them."""

    attempt: Attempt
    organisation: Organisation | None
    terms: OrganisationSettings | None
    user: User | None
    session: UserSession | None


def _facts_of_person(settings: Settings, needs: Needs, visit: BrowserContext, rows: _Rows, now: datetime) -> dict[str, Any]:
    """Return the fields of a case about its person; nothing where nobody is known yet."""
    attempt, organisation, terms, user, session = rows
    if organisation is None or terms is None or user is None:
        return {}
    client, person = needs.client, lookup.person_of(settings, organisation, user)
    made = (one for one in assurance.from_json(attempt.proofs) if _is_later(one.at, organisation))
    own = tuple(one for one in made if _is_theirs(one, user))
    rule = ClientRule(client.client_id, client.minimum_level, client.name) if client else None
    return {
        "person": person,
        "rules": lookup.rules_of(settings, organisation, person, now, rule),
        "own_proofs": own,
        "proofs": _proofs(session, visit.device, user, own, now),
        "locale": user.locale,
        "unverified_address": str(user.email) if email_address.needs_verifying(user) else "",
        "console_closes_at": email_address.closes_at(user),
        "leaked_found": user.leaked_found_at is not None,
        "leaked_notice_due": _notice_is_due(now, terms, person, user),
        "offer_declined": user.offer_declined_at is not None,
        "consented_scopes": _consented(client, user),
        "factor_changed_recently": user.factor_changed_at is not None and user.factor_changed_at > now - RECENTLY,
        "password_is_spent": user.password_expires_at is not None and user.password_expires_at <= now,
        "password_min_length": passwords.least_length(settings, terms, person.has_factor),
    }


def _unfinished(
    settings: Settings, attempt: Attempt, user: User | None, organisation: Organisation | None
) -> tuple[Findings, Prepared]:
    """Return what the attempt has found and prepared, without a last recovery code (S44) that was spent or replaced
    elsewhere or entered before the organisation was disabled, and without its set-up.

    The person is then asked for a factor as usual: a set-up that depends on such a code could never be finished.
    """
    findings = Findings.from_json(attempt.findings)
    held = findings.last_code
    if held is None or user is None or organisation is None or _counts(held, user, organisation):
        return findings, attempts.opened(settings, attempt)
    return replace(findings, last_code=None), NOTHING_PREPARED


def _counts(held: LastCode, user: User, organisation: Organisation) -> bool:
    """Check if the last recovery code may still be spent by a set-up. A row of an earlier version has no time."""
    if organisation.enabled_at is not None and not (held.at and _is_later(datetime.fromisoformat(held.at), organisation)):
        return False
    return recovery_codes.known_recovery_code(user.organisation_id, held.set_id, held.digest)


def _is_theirs(proof: Proof, user: User) -> bool:
    """Check if a proof is this user's. Proofs other than passwords are wiped when an attempt's person changes."""
    return proof.method != "password" or proof.credential == user.id


def _is_later(moment: datetime, organisation: Organisation) -> bool:
    """Check if a proof of this moment was made since the organisation was enabled again: a sign-in begins again then."""
    return organisation.enabled_at is None or moment >= organisation.enabled_at


def _is_eligible(session: UserSession, needs: Needs, chosen: str) -> bool:
    """Check if the browser's live session may be the one of the person this request is about."""
    # OpenID Connect Core §3.1.2.2: no token for another person than the hint names, whatever was chosen since.
    if needs.subject and needs.subject != session.user_id:
        return False
    if chosen or needs.subject:
        return (chosen or needs.subject) == session.user_id
    organisation = organisations.organisation(session.organisation_id)
    if organisation is None or not serves(needs.client, organisation):
        return False
    if needs.organisation and normal_store_url(needs.organisation) != organisation.store_url:
        return False
    return not needs.login_hint or _is_hinted(session, needs)


def _is_hinted(session: UserSession, needs: Needs) -> bool:
    """Check if a hint of the request names the user of this session, by id, username or verified address."""
    if needs.subject or not needs.login_hint:
        return needs.subject == session.user_id
    user = lookup.find_to_sign_in(session.organisation_id, needs.login_hint)
    return user is not None and user.id == session.user_id


def _organisation(
    needs: Needs, visit: BrowserContext, attempt: Attempt, answers: Answers, session: UserSession | None
) -> tuple[Organisation | None, bool]:
    """Return the organisation, and whether client or device named it (S29): by request, client, device, installation."""
    device = _device_organisation(needs, visit)
    single = needs.client.organisations[0] if needs.client and len(needs.client.organisations) == 1 else ""
    found: Organisation | None = None
    if attempt.organisation_id:
        found = organisations.organisation(attempt.organisation_id)
    elif answers.organisation == "ask":
        return None, False
    elif attempt.typed_organisation or (needs.organisation and session is None):
        found = organisations.organisation_at(attempt.typed_organisation or normal_store_url(needs.organisation))
    elif session is not None:
        found = organisations.organisation(session.organisation_id)
    elif single:
        found = organisations.organisation(single)
    elif device is not None:
        found = device
    else:
        only = organisations.only_organisation()
        return (only, True) if only is None or serves(needs.client, only) else (None, False)
    if found is None or not serves(needs.client, found):
        return None, False
    # The attempt's own organisation was picked in this device's chooser, or its person has proved who they are.
    is_named = bool(attempt.organisation_id) or session is not None or found.id == single
    return found, is_named or (device is not None and found.id == device.id)


def _device_organisation(needs: Needs, visit: BrowserContext) -> Organisation | None:
    """Return the organisation that this device remembers, if the client serves it: apps never serve the operators' own."""
    found = organisations.organisation(visit.organisation_id) if visit.organisation_id else None
    return found if found is not None and serves(needs.client, found) else None


def _entered_organisation(needs: Needs, attempt: Attempt, answers: Answers) -> str:
    if answers.organisation == "ask":
        return ""
    return attempt.typed_organisation or normal_store_url(needs.organisation)


def _user(organisation: Organisation | None, attempt: Attempt, session: UserSession | None) -> User | None:
    """Return the person: proved in this attempt, or by the live session."""
    if organisation is None:
        return None
    user_id = attempt.user_id or (session.user_id if session and session.organisation_id == organisation.id else None)
    user = users.user(organisation.id, user_id) if user_id and organisation.disabled_at is None else None
    return user if user is not None and not access.is_over(user, organisation.zone) else None


def _facts(
    organisation: Organisation | None, terms: OrganisationSettings | None, *, is_named: bool
) -> OrganisationFacts | None:
    if organisation is None or terms is None:
        return None
    return OrganisationFacts(
        id=organisation.id,
        store_url=organisation.store_url,
        name=organisation.name,
        is_named=is_named,
        offer_set_up=terms.offer_set_up,
        remember_device_days=terms.remember_device_days,
        stay_signed_in_days=terms.stay_signed_in_days,
    )


def _proofs(
    session: UserSession | None, device: str, user: User, own: tuple[Proof, ...], now: datetime
) -> tuple[Proof, ...]:
    """Return the session's proofs, this attempt's, and present trust in the device, which is never stored."""
    earlier = tuple(proof for proof in assurance.from_json(session.proofs) if proof not in own) if session else ()
    trust = remembered_devices.trust(user.organisation_id, user.id, device, now) if device else None
    trusted = (Proof("remembered", at=trust.since, credential=trust.id),) if trust else ()
    return (*earlier, *own, *trusted)


def _known(needs: Needs, visit: BrowserContext, live: UserSession | None) -> tuple[KnownPerson, ...]:
    """Return the people of the account chooser; read only if it may be shown."""
    shared = needs.client is not None and needs.client.shared_device
    if not (shared or "select_account" in needs.prompt) or visit.new_browser or not visit.browser_id:
        return ()
    known = []
    for row in browsers.people_on(visit.browser_id):
        if needs.subject not in ("", row.user_id):
            continue
        organisation = organisations.organisation(row.organisation_id)
        user = users.user(row.organisation_id, row.user_id)
        if organisation is None or user is None or not serves(needs.client, organisation):
            continue
        if organisation.disabled_at is not None or access.is_over(user, organisation.zone):
            continue
        if needs.organisation and normal_store_url(needs.organisation) != organisation.store_url:
            continue
        signed_in = live is not None and live.user_id == user.id
        known.append(KnownPerson(organisation.id, user.id, user.username, organisation.name, signed_in, user.name))
    return tuple(known)


def _notice_is_due(now: datetime, terms: OrganisationSettings, person: Person, user: User) -> bool:
    """Check if the leaked-password notice is due, again after some days: fewer for administrators (S33)."""
    days = terms.leaked_notice_days_for(person.is_administrator)
    return user.leaked_notice_at is None or user.leaked_notice_at <= now - timedelta(days=days)


def _consented(client: ClientTerms | None, user: User) -> frozenset[str]:
    if client is None or client.first_party:
        return frozenset()
    consent = consents.consent_of(user.organisation_id, user.id, client.client_id)
    return frozenset(consent.scopes) if consent else frozenset()
