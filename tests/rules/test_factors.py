"""The table of second factors has the properties that other code relies on."""

from collections import Counter
from pathlib import Path

from idp.factor import Factor
from idp.factors import APP, COUNTERS, FACTORS, METHODS, TRUST, mail_sentence
from idp.store.rate_limits import AuthFailures

TEMPLATES = Path(__file__).parents[2] / "templates" / "mail"


def _twice(named: list[str]) -> list[str]:
    return [name for name, count in Counter(named).items() if count > 1]


def test_factors_share_no_name() -> None:
    """With a shared name, the lockout, event or method of one factor would count for another."""

    def all_of(factor: Factor) -> list[str]:
        methods = [f"method {method.name}" for method in factor.methods]
        notices = [f"notice {template}" for template in factor.notices]
        return [factor.name, *methods, *notices, *factor.events, *(f"counter {counter}" for counter in factor.counters)]

    assert not _twice([name for factor in (*FACTORS, TRUST) for name in all_of(factor)])
    assert len(METHODS) == 1 + sum(len(factor.methods) for factor in (*FACTORS, TRUST))


def test_every_notice_of_a_factor_has_a_template() -> None:
    """The notice of a first factor is one of the factor's notices."""
    for factor in FACTORS:
        assert {*factor.notices} <= {template.stem for template in TEMPLATES.glob("*.mail")}
        assert not factor.first_notice or factor.first_notice in factor.notices


def test_counter_names_have_room_in_their_column() -> None:
    """PostgreSQL refuses a name that is longer than the column."""
    longest = AuthFailures.__table__.c.authenticator.type.length
    assert all(len(counter) <= longest for factor in FACTORS for counter in factor.counters)


def test_every_factor_has_a_counter() -> None:
    """A lockout needs a counter to close a factor. A remembered device has none, because nobody can guess its secret."""
    assert all(factor.counters and factor.signed_in for factor in FACTORS)
    assert not TRUST.counters


def test_the_mail_about_a_lockout_names_the_factor() -> None:
    """Each counter has a sentence of its own. A stored mail without a counter is about the authenticator app."""
    names = {"username": "ann", "organisation": "Shoes", "when": "today"}
    sentences = [mail_sentence("unlock", {"authenticator": counter}) for counter in COUNTERS]
    texts = {sentence.key % names for sentence in sentences if sentence}
    assert len(texts) == len(COUNTERS)
    assert mail_sentence("unlock", {}) == COUNTERS["totp"].blocked
    assert mail_sentence("unlock", {"authenticator": "gone"}) == COUNTERS["totp"].blocked


def test_the_mail_about_a_set_up_names_the_factor() -> None:
    """A stored mail without a factor is about the authenticator app. Other mails have no such sentence."""
    assert mail_sentence("factor_set_up", {}) == APP.set_up
    assert mail_sentence("factor_set_up", {"factor": APP.name}) == APP.set_up
    assert mail_sentence("factor_removed", {}) is None
