"""The README is followed to the letter: its commands run, and its document is refused or taken with no surprise."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from tests.cli.conftest import SHOP, Idp

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
DOCUMENT = README.partition("```toml\n")[2].partition("```")[0]
BASE32 = "ANNAANNAANNAANNAANNAANNAANNAANNA"


def filled(document: str) -> str:
    """The README's document with a value in every gap."""
    secret = '"' + "0123456789abcdef" * 2 + '"'
    for gap, value in (
        ('totp_secret = "…"', f'totp_secret = "{BASE32}"'),
        ('client_secret = "…"', f"client_secret = {secret}"),
    ):
        document = document.replace(gap, value)
    return document.replace('password = "…"', 'password = "klompen staan buiten"')


def test_a_gap_in_the_document_is_refused_and_named(idp: Idp) -> None:
    """As printed, the owner's password would be the three dots; every gap is named with what to do."""
    faults = idp.faults(DOCUMENT)
    gaps = {key for key in ("password", "totp_secret", "client_secret") if f'{key} = "…"' in DOCUMENT}
    assert {fault.split(": ")[2] for fault in faults} == gaps
    assert all(fault.endswith("put the real value here, or leave the key out") for fault in faults)


def test_the_document_is_taken_once_its_gaps_are_filled(idp: Idp) -> None:
    """What the README shows is what `idp apply` takes, and a second run changes nothing."""
    idp.apply(filled(DOCUMENT))
    wanted = tomllib.loads(DOCUMENT)
    assert [found["username"] for found in wanted["users"]] == ["owner"]
    assert idp.json("user", "show", "example-shoes", "owner")["role"] == "owner"
    assert "0 created, 0 changed, 0 removed" in idp.apply(filled(DOCUMENT)).stdout


def test_the_doctor_is_content_where_the_readme_calls_it(tmp_path: Path, idp: Idp) -> None:
    """`idp init`, `idp apply`, `idp doctor`: before the first `idp run` there are no signing keys, and nothing is wrong."""
    at = tmp_path / "new" / "sleutel.toml"
    at.parent.mkdir()
    line = next(line for line in README.splitlines() if line.startswith("idp init "))
    words = shlex.split(line, comments=True)[1:]
    idp(*[str(at) if word == "sleutel.toml" else word for word in words])
    env = {"IDP_CONFIG": str(at)}
    idp.apply(filled(DOCUMENT), env=env)
    said = idp("doctor", env=env).stdout
    assert "All is well." in said
    assert "none yet; the first `idp run` makes them" in said


def test_the_first_app_and_the_first_operator_are_made_as_told(idp: Idp) -> None:
    """The lines under "Connect an app" and about operators."""
    metadata = re.search(r"echo '(.+)' \| idp client create -", README)
    assert metadata
    assert idp.json("client", "create", "-", stdin=metadata[1])["client_secret"]
    operator = next(line for line in README.splitlines() if line.startswith("idp operator add "))
    idp(*shlex.split(operator, comments=True)[1:], stdin="klompen staan buiten\n")
    assert idp("operator", "list").stdout.count("@") == 1


@pytest.mark.parametrize(
    ("password", "remedy"),
    [("short", "at least 12"), ("example shoes 1", "made of your name"), ("password1234", "leaked")],
)
def test_provisioning_holds_passwords_to_the_rules_of_the_pages(idp: Idp, password: str, remedy: str) -> None:
    """S33, V6.2.1, V6.2.4, V6.2.11: also in a dry run, and nothing is made."""
    document = SHOP.replace("klompen staan buiten", password)
    for options in ((), ("--dry-run",)):
        (fault,) = idp.faults(document, *options)
        assert "[[users]] example-shoes/olga: password: " in fault
        assert remedy in fault
    assert idp("organisation", "list").stdout == ""


def test_a_second_factor_that_is_brought_along_allows_a_shorter_password(idp: Idp) -> None:
    """The rule of the pages in full: 8 characters are enough beside a second factor."""
    document = SHOP.replace("klompen staan buiten", "rj4kd8wq")
    assert "at least 12" in idp.faults(document)[0]
    idp.apply(document + f'totp_secret = "{BASE32}"\n')


def test_credentials_that_are_set_again_follow_the_same_rules(idp: Idp) -> None:
    """`--set-credentials` judges by the second factor that the person has by then."""
    idp.apply(SHOP + f'totp_secret = "{BASE32}"\n')
    short = SHOP.replace("klompen staan buiten", "rj4kd8wq")
    idp.apply(short, "--set-credentials")
    (fault,) = idp.faults(SHOP.replace("klompen staan buiten", "rj4"), "--set-credentials")
    assert "at least 8" in fault


@pytest.mark.parametrize(
    ("member", "value", "hint"),
    [
        ("redirect_uri", ["https://a.example/cb"], "did you mean redirect_uris?"),
        ("minimum_acl", "mfa", "did you mean minimum_acr?"),
        ("client_name", "…", "is a placeholder"),
        ("colour", "red", "known are client_id"),
    ],
)
def test_an_unknown_member_of_a_client_is_refused_with_a_hint(idp: Idp, member: str, value: object, hint: str) -> None:
    """As `idp apply` does: a slip would else be ignored, and with it a rule that somebody relies on."""
    given = {"client_name": "Kassa", "redirect_uris": ["https://pos.example.com/callback"], member: value}
    said = idp("client", "create", "-", stdin=json.dumps(given), code=1).stderr
    assert f"standard input: {member}: " in said
    assert hint in said
    assert idp("client", "list").stdout == ""


def test_a_registered_member_without_effect_is_told(idp: Idp) -> None:
    """RFC 7591 §2 lets it be ignored; the command says that it is."""
    given = {"client_name": "Kassa", "redirect_uris": ["https://pos.example.com/callback"], "jwks_uri": "https://a.example"}
    assert "jwks_uri: is not supported yet" in idp("client", "create", "-", stdin=json.dumps(given)).stderr
