"""The commands of the README run, and ``shops.example.toml`` is refused or applied as the README says."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from tests.cli.conftest import SHOP, Idp

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENT = (ROOT / "shops.example.toml").read_text("utf-8")
BASE32 = "ANNAANNAANNAANNAANNAANNAANNAANNA"


def filled(document: str) -> str:
    """Return the document with a value in every gap."""
    secret = '"' + "0123456789abcdef" * 2 + '"'
    for gap, value in (
        ('totp_secret = "…"', f'totp_secret = "{BASE32}"'),
        ('client_secret = "…"', f"client_secret = {secret}"),
    ):
        document = document.replace(gap, value)
    return document.replace('password = "…"', 'password = "klompen staan buiten"')


def without(document: str, *keys: str) -> str:
    """Return the document without the lines of these keys."""
    return "\n".join(line for line in document.splitlines() if line.partition(" = ")[0] not in keys)


def test_a_gap_in_the_document_is_refused_and_named(idp: Idp) -> None:
    """Otherwise the owner's password would be the three dots. Each gap is named with its remedy."""
    faults = idp.faults(DOCUMENT)
    gaps = {key for key in ("password", "totp_secret", "client_secret") if f'{key} = "…"' in DOCUMENT}
    assert {fault.split(": ")[2] for fault in faults} == gaps
    assert {fault.split(": ")[2] for fault in faults if fault.endswith("or leave the key out")} == gaps - {"client_secret"}
    assert {fault.split(": ")[2] for fault in faults if fault.endswith("in client_secret_env")} == {"client_secret"}


def test_gaps_but_the_secrets_of_apps_may_be_left_out(idp: Idp) -> None:
    """The first lines of the document say so."""
    idp.apply(filled(without(DOCUMENT, "password", "totp_secret")))
    assert idp.json("user", "show", "example-shoes", "owner")["role"] == "owner"
    faults = idp.faults(without(filled(DOCUMENT).replace('"pos"', '"new"'), "client_secret"))
    assert {fault.split(": ")[2] for fault in faults} == {"client_secret"}


def test_the_document_is_applied_once_its_gaps_are_filled(idp: Idp) -> None:
    """`idp apply` accepts what the example shows, and a second run changes nothing."""
    idp.apply(filled(DOCUMENT))
    wanted = tomllib.loads(DOCUMENT)
    assert [found["username"] for found in wanted["users"]] == ["owner"]
    assert idp.json("user", "show", "example-shoes", "owner")["role"] == "owner"
    assert "0 created, 0 changed, 0 removed" in idp.apply(filled(DOCUMENT)).stdout


def test_the_doctor_finds_no_fault_where_the_readme_calls_it(tmp_path: Path, idp: Idp) -> None:
    """After `idp init` and `idp apply` there are no signing keys yet. That is no fault."""
    at = tmp_path / "new" / "sleutel.toml"
    at.parent.mkdir()
    line = next(line for line in README.splitlines() if line.startswith("idp init "))
    words = shlex.split(line, comments=True)[1:]
    idp(*[str(at) if word == "sleutel.toml" else word for word in words])
    env = {"IDP_CONFIG": str(at)}
    idp.apply(filled(DOCUMENT), env=env)
    output = idp("doctor", env=env).stdout
    assert "All is well." in output
    assert "none yet; the first `idp run` makes them" in output


def test_the_first_app_and_operator_are_made_as_the_readme_says(idp: Idp) -> None:
    """These are the lines under "Connect an app" and about operators."""
    metadata = re.search(r"echo '(.+)' \| idp client create -", README)
    assert metadata
    assert idp.json("client", "create", "-", stdin=metadata[1])["client_secret"]
    operator = next(line for line in README.splitlines() if line.startswith("idp operator add "))
    idp(*shlex.split(operator, comments=True)[1:], stdin="klompen staan buiten\n")
    assert idp("operator", "list").stdout.count("@") == 1


@pytest.mark.parametrize(
    ("password", "remedy"),
    [("short", "at least 12"), ("example shoes 1", "not contain your name"), ("password1234", "leaked")],
)
def test_provisioned_passwords_follow_the_rules_of_the_pages(idp: Idp, password: str, remedy: str) -> None:
    """S33, V6.2.1, V6.2.4, V6.2.11: a dry run refuses them too, and no user is made."""
    document = SHOP.replace("klompen staan buiten", password)
    for options in ((), ("--dry-run",)):
        (fault,) = idp.faults(document, *options)
        assert "[[users]] example-shoes/olga: password: " in fault
        assert remedy in fault
    assert idp("organisation", "list").stdout == ""


def test_a_given_second_factor_allows_a_shorter_password(idp: Idp) -> None:
    """The pages have the same rule: 8 characters are enough beside a second factor."""
    document = SHOP.replace("klompen staan buiten", "rj4kd8wq")
    assert "at least 12" in idp.faults(document)[0]
    idp.apply(document + f'totp_secret = "{BASE32}"\n')


def test_credentials_that_are_set_again_follow_the_same_rules(idp: Idp) -> None:
    """`--set-credentials` considers the second factor that the user has then."""
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
    """`idp apply` does so too. Otherwise a typing error would silently drop a rule."""
    given = {"client_name": "Kassa", "redirect_uris": ["https://pos.example.com/callback"], member: value}
    output = idp("client", "create", "-", stdin=json.dumps(given), code=1).stderr
    assert f"standard input: {member}: " in output
    assert hint in output
    assert idp("client", "list").stdout == ""


def test_a_registered_member_without_effect_is_reported(idp: Idp) -> None:
    """RFC 7591 §2 permits the server to ignore it. The command says so."""
    given = {"client_name": "Kassa", "redirect_uris": ["https://pos.example.com/callback"], "software_id": "kassa"}
    assert "software_id: is not supported yet" in idp("client", "create", "-", stdin=json.dumps(given)).stderr


def test_what_the_commands_write_into_the_source_is_never_committed() -> None:
    """The README's section begins in the folder of the source: sealing keys and passwords must not be added with it."""
    names = re.findall(r"^idp (?:init|apply) (\S+)", README, re.MULTILINE)
    assert names == ["sleutel.toml", "shops.toml"]
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert {*(f"/{name}" for name in names), "/mail/", "*.sqlite3*", "*.keys"} <= set(ignored)
