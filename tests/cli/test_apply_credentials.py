"""``idp apply`` sets credentials when it creates a user. Later it sets them only with an option."""

from collections.abc import Callable
from typing import Any

from idp.db import transaction
from idp.identity.credentials import passwords
from idp.store import outbox, totp
from tests.cli.conftest import ANNA, POS, SECRET, SHOP, Idp, outcomes
from tests.factories import BY_TESTS


def test_credentials_are_set_on_creation_only(idp: Idp, anna: Callable[[], Any], inside: Callable[[], Any]) -> None:
    """Issue: a second run does not change a password that the user may have changed."""
    idp.apply(SHOP + ANNA)
    first = anna()
    changed = ANNA.replace("kettle", "saucepan").replace("ANNAANNA", "BERTBERT")
    outcome_of = outcomes(idp.apply(SHOP + changed).stdout)
    assert outcome_of["user example-shoes/anna"] == "unchanged"
    assert anna().password_hash == first.password_hash
    with inside():
        assert outbox.mails() == []


def test_set_credentials_sets_them_again_and_sends_mail(
    idp: Idp, anna: Callable[[], Any], inside: Callable[[], Any]
) -> None:
    """Issue: `--set-credentials`; S51, S53: later changes send mail, creation sends none."""
    idp.apply(SHOP + ANNA)
    with inside():
        assert outbox.mails() == []
    first = anna()
    outcome_of = outcomes(idp.apply(SHOP + ANNA, "--set-credentials").stdout)
    assert outcome_of["user example-shoes/anna"] == "changed: password, recovery_codes, totp_secret"
    assert anna().password_hash != first.password_hash
    with inside():
        to_anna = {mail.template for mail in outbox.mails() if mail.recipient == "anna@shoes.example"}
    assert to_anna == {"password_changed", "factor_set_up_again"}


def test_a_password_that_was_found_leaked_is_refused_in_a_file(
    idp: Idp, anna: Callable[[], Any], inside: Callable[[], Any]
) -> None:
    """``--set-credentials`` refuses it as every page does, even if the leak service does not know it."""
    idp.apply(SHOP + ANNA)
    with inside(), transaction():
        passwords.close(anna(), "address_restored", BY_TESTS)
    refused = idp.apply(SHOP + ANNA, "--set-credentials", code=1)
    assert "You cannot use this password any more." in refused.stdout + refused.stderr
    assert anna().password_hash is None
    idp.apply(SHOP + ANNA.replace("kettle", "saucepan"), "--set-credentials")
    assert anna().password_hash


def test_a_dry_run_of_new_credentials_changes_none(idp: Idp, anna: Callable[[], Any]) -> None:
    """Issue: a dry run with `--set-credentials` changes nothing either."""
    idp.apply(SHOP + ANNA)
    first = anna()
    outcome_of = outcomes(idp.apply(SHOP + ANNA, "--set-credentials", "--dry-run").stdout)
    assert outcome_of["user example-shoes/anna"].startswith("changed: password")
    assert anna().password_hash == first.password_hash


def test_a_hash_from_another_system_signs_in(idp: Idp, anna: Callable[[], Any]) -> None:
    """Issue: `password_hash` moves users over without their passwords."""
    brought = idp.settings.hasher.hash("from the old system")
    idp.apply(SHOP + ANNA.replace('password = "a sturdy kettle sings"', f'password_hash = "{brought}"'))
    assert anna().password_hash == brought


def test_a_given_totp_secret_is_an_active_factor(idp: Idp, anna: Callable[[], Any], inside: Callable[[], Any]) -> None:
    """Issue: `totp_secret` makes the factor active."""
    idp.apply(SHOP + ANNA)
    with inside():
        row = next(iter(totp.active_totps(anna().organisation_id, anna().id)), None)
    assert row is not None
    assert b"ANNA" not in row.sealed_secret


def test_a_secret_comes_from_the_environment(idp: Idp, inside: Callable[[], Any]) -> None:
    """Issue: `client_secret_env = "NAME"` is read only when the secret is set."""
    text = POS.replace(f'client_secret = "{SECRET}"', 'client_secret_env = "POS_SECRET"')
    assert "POS_SECRET" in idp.faults(text)[0]
    idp.apply(text, env={"POS_SECRET": SECRET})
    assert outcomes(idp.apply(text).stdout) == {"client pos": "unchanged"}


def test_a_public_client_needs_no_secret(idp: Idp) -> None:
    """Issue: a client with token_endpoint_auth_method = "none" has none."""
    text = '[[clients]]\nclient_id = "app"\ntoken_endpoint_auth_method = "none"\napplication_type = "native"\n'
    idp.apply(text + 'redirect_uris = ["com.example.app:/callback"]\n')
    shown = idp.json("client", "show", "app")
    assert shown["remember_device"] is False, "S39: native clients do not offer remembered devices by default"
