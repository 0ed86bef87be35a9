"""The table of second factors, as the rest of the program relies on it."""

from collections import Counter
from pathlib import Path

from idp.factor import Factor
from idp.factors import APP, COUNTERS, FACTORS, METHODS, TRUST, mail_sentence
from idp.store.rate_limits import AuthFailures

TEMPLATES = Path(__file__).parents[2] / "templates" / "mail"


def _twice(named: list[str]) -> list[str]:
    return [name for name, count in Counter(named).items() if count > 1]


def test_no_two_factors_share_anything() -> None:
    """A shared name would let one factor's lockout, event or method count for the other one."""

    def all_of(factor: Factor) -> list[str]:
        methods = [f"method {method.name}" for method in factor.methods]
        notices = [f"notice {template}" for template in factor.notices]
        return [factor.name, *methods, *notices, *factor.events, *(f"counter {counter}" for counter in factor.counters)]

    assert not _twice([name for factor in (*FACTORS, TRUST) for name in all_of(factor)])
    assert len(METHODS) == 1 + sum(len(factor.methods) for factor in (*FACTORS, TRUST))


def test_every_notice_of_a_factor_has_its_template() -> None:
    """The mail about the first one is one of its notices."""
    for factor in FACTORS:
        assert {*factor.notices} <= {template.stem for template in TEMPLATES.glob("*.mail")}
        assert not factor.first_notice or factor.first_notice in factor.notices


def test_what_counts_guesses_can_be_stored() -> None:
    """PostgreSQL refuses a longer name than the column takes."""
    longest = AuthFailures.__table__.c.authenticator.type.length
    assert all(len(counter) <= longest for factor in FACTORS for counter in factor.counters)


def test_every_factor_has_a_counter() -> None:
    """A lockout can close each of them. Trust in a device is never guessed."""
    assert all(factor.counters and factor.signed_in for factor in FACTORS)
    assert not TRUST.counters


def test_the_mail_about_a_lockout_names_the_way_of_signing_in() -> None:
    """A sentence for each counter. A stored mail that names none is about the authenticator app."""
    names = {"username": "ann", "organisation": "Shoes", "when": "today"}
    sentences = [mail_sentence("unlock", {"authenticator": counter}) for counter in COUNTERS]
    texts = {sentence.key % names for sentence in sentences if sentence}
    assert len(texts) == len(COUNTERS)
    assert mail_sentence("unlock", {}) == COUNTERS["totp"].blocked
    assert mail_sentence("unlock", {"authenticator": "gone"}) == COUNTERS["totp"].blocked


def test_the_mail_about_a_set_up_names_the_factor() -> None:
    """A stored mail that names none is about the authenticator app; other mails have no such sentence."""
    assert mail_sentence("factor_set_up", {}) == APP.set_up
    assert mail_sentence("factor_set_up", {"factor": APP.name}) == APP.set_up
    assert mail_sentence("factor_removed", {}) is None
