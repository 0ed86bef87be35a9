"""Sign-ins and open forms stored by any version can be read, also with unknown and missing members.

``stored_sign_ins.json`` has a frozen sample of each shape. The version before shapes had a number wrote it. Never change a
sample. Add one for each new shape.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from idp import crypto
from idp.signin.answers import Answers, Findings, LastCode
from idp.signin.prepared import NOTHING_PREPARED, Prepared
from idp.signin.requirements import Needs
from idp.signin.steps import SEQUENCE

SAMPLES: Mapping[str, Mapping[str, Any]] = json.loads(Path(__file__).with_name("stored_sign_ins.json").read_text("utf-8"))
NOON = "2026-11-23T12:00:05+00:00"
EVERY_ANSWER = Answers(
    restart_reason="elsewhere", account="suirinvqdhsgvqrk2qtck43iam", organisation="typed", leaked_password="later",
    factor_mode="app", add_passkey="not_now", passkey_added_at=NOON, set_up_kind="passkey", set_up_started="yes",
    apps_page="again", set_up="not_now", set_up_done_at=NOON, after_recovery_code="carry_on", new_password="changed",
    verify_email="sent", consent="allowed", consent_to=("email", "openid"), session_proofs=3,
)  # fmt: skip
ANSWERS = {
    "password": Answers(),
    "recovery_codes": Answers(leaked_password="change", set_up_started="yes", apps_page="seen"),
    "last_recovery_code": Answers(restart_reason="yes", factor_mode="recovery"),
    "consent": Answers(consent="allowed", consent_to=("openid", "profile"), session_proofs=2),
    "profile": Answers(set_up_started="yes"),
    "every_answer": EVERY_ANSWER,
}


@pytest.mark.parametrize("name", SAMPLES)
def test_answers_of_the_first_shape_are_read(name: str) -> None:
    """Each stored member is read into its field. This version and the former one can read what is written."""
    stored = SAMPLES[name]["answers"]
    read = Answers.from_json(stored)
    assert read == ANSWERS[name]
    assert read.as_json() == {"version": 1, **stored}
    assert Answers.from_json(json.loads(json.dumps(read.as_json()))) == read


def test_findings_of_the_first_shape_are_read() -> None:
    """Findings are the leaked password's source and the last recovery code. None means that there is no such finding."""
    read = {name: Findings.from_json(sample["findings"]) for name, sample in SAMPLES.items()}
    held = SAMPLES["last_recovery_code"]["findings"]["last_code"]
    assert read["recovery_codes"] == Findings(leaked="list")
    assert read["last_recovery_code"] == Findings(last_code=LastCode(held["set"], crypto.from_b64url(held["digest"])))
    assert read["last_recovery_code"].as_json() == {"version": 1, "last_code": held}
    assert read["every_answer"] == read["password"] == Findings()


@pytest.mark.parametrize("name", SAMPLES)
def test_prepared_secrets_of_the_first_shape_are_read(name: str) -> None:
    """An open page shows a secret, codes or a challenge. They still work after an upgrade."""
    stored = SAMPLES[name]["prepared"]
    read = Prepared.from_json(stored)
    assert read.as_json() == ({"version": 1, **stored} if stored else {})
    assert Prepared.from_json(json.loads(json.dumps(read.as_json()))) == read
    if name == "recovery_codes":
        assert read.set_up is not None
        assert read.set_up.codes == tuple(stored["codes"])
        assert read.set_up.confirmed_at == datetime(2026, 11, 23, 12, 0, 5, tzinfo=UTC)
    if name == "password":
        assert read.passkey is not None
        assert read.passkey.as_json() == stored["passkey"]


@pytest.mark.parametrize("name", SAMPLES)
def test_needs_of_the_first_shape_are_read(name: str) -> None:
    """Needs are what an app requested, or a task of the profile. The username sealed with them is read separately."""
    stored = dict(SAMPLES[name]["needs"])
    read = Needs.from_json(stored)
    del stored["username"]
    assert read.as_json() == {
        "version": 1,
        **({"app": ""} if "tasks" in stored else {}),  # joined later
        **{key: tuple(one) if isinstance(one, list) else one for key, one in stored.items()},
    }
    assert (read.tasks, read.purpose) == (("new_codes",), "Sign-in details") if "tasks" in stored else ((), "")


def test_members_of_a_later_version_are_kept() -> None:
    """Two versions may take turns in one sign-in. The older one keeps everything that the newer one wrote."""
    later = {"version": 2, "leaked": "later", "fingerprint": ["a"]}
    changed = replace(Answers.from_json(later), consent="denied").as_json()
    assert changed == {"version": 1, "leaked": "later", "fingerprint": ["a"], "consent": "denied"}
    assert Findings.from_json({"version": 2, "sms": 1, "leaked": None}).as_json() == {"version": 1, "sms": 1}
    stored = SAMPLES["recovery_codes"]["prepared"]
    assert Prepared.from_json({**stored, "sms": {"to": "6"}}).as_json() == {"version": 1, **stored, "sms": {"to": "6"}}
    challenge = {**SAMPLES["password"]["prepared"]["passkey"], "hints": ["hybrid"]}
    assert Prepared.from_json({"passkey": challenge}).passkey == Prepared.from_json(SAMPLES["password"]["prepared"]).passkey
    assert Needs.from_json({**SAMPLES["profile"]["needs"], "hints": ["hybrid"]}) == Needs.from_json(
        SAMPLES["profile"]["needs"]
    )


def test_missing_and_unknown_values_get_defaults() -> None:
    """A value of another version counts as no answer, so the user is asked again."""
    assert Answers.from_json({"consent": "partly", "consent_to": "openid", "admitted": "2", "enrol": None}) == Answers()
    assert Findings.from_json({"last_code": {"set": "s"}}) == Findings.from_json({"last_code": "x"}) == Findings()
    assert Needs.from_json({}) == Needs(return_to="/")
    stored = SAMPLES["recovery_codes"]["prepared"]
    for name in ("codes", "secret", "totp_id"):
        assert Prepared.from_json({key: one for key, one in stored.items() if key != name}) == NOTHING_PREPARED
    unconfirmed = Prepared.from_json({key: one for key, one in stored.items() if key not in ("confirmed_at", "file_name")})
    assert unconfirmed.set_up is not None
    assert (unconfirmed.set_up.confirmed_at, unconfirmed.set_up.file_name) == (None, "recovery-codes")
    assert (unconfirmed.set_up.number, unconfirmed.set_up.replaces, unconfirmed.set_up.name) == (0, "", "")
    assert Prepared.from_json({"passkey": {"kind": "get"}}) == Prepared.from_json(["x"]) == NOTHING_PREPARED


@pytest.mark.parametrize("number", [-1, 0, 3])
def test_a_further_app_is_stored_with_its_place(number: int) -> None:
    """The QR code is scanned before the app takes effect, which may be after an upgrade or a reload."""
    stored = {**SAMPLES["recovery_codes"]["prepared"], "number": number, "replaces": "t", "name": "Tablet"}
    read = Prepared.from_json(stored)
    assert read.set_up is not None
    assert (read.set_up.number, read.set_up.replaces, read.set_up.name) == (number, "t", "Tablet")
    assert Prepared.from_json(json.loads(json.dumps(read.as_json()))) == read


def test_forms_keep_the_names_of_their_steps() -> None:
    """House: a page may be open during an upgrade and is still understood after it. So ``form_name`` never changes."""
    assert {step.name: step.form_name for step in SEQUENCE if step.form_name != step.name} == {
        "choose_account": "account",
        "leaked_password": "leaked",
        "second_factor": "factor",
        "add_passkey": "passkey",
        "set_up_totp": "enrol",
        "show_recovery_codes": "enrol",
        "after_recovery_code": "recovered",
    }
