"""The nouns: users, clients, policies, keys, leaked passwords, operators, and the doctor."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from idp import clock, keys
from idp.identity.credentials import passwords
from idp.store import outbox, signing_keys
from tests.cli.conftest import ANNA, POS, SHOP, Idp
from tests.drivers.smtp import Mailbox

GROUP = '\n[[groups]]\norganisation = "example-shoes"\nname = "2FA"\nrequires_mfa = true\n'
FUTURE = '[[policies]]\nname = "all-staff"\nstarts = 2100-01-01\nroles = ["employee"]\n'


@pytest.fixture
def shop(idp: Idp) -> Idp:
    """A shop with an owner and Anna, who has a second factor."""
    idp.apply(SHOP + ANNA + POS)
    return idp


def test_every_command_teaches(idp: Idp) -> None:
    """Issue: `--help` that teaches; -h is the same."""
    from idp.cli import main

    for name in main.places:
        said = idp(name, "-h").stdout
        assert "Usage: " in said
        assert "--config" in said


@pytest.mark.parametrize("command", ["show", "reset-factor", "disable", "unlock", "set-password", "end-sessions"])
def test_someone_unknown_is_one_clear_line(shop: Idp, command: str) -> None:
    """No traceback for a user's error: it says where to look."""
    said = shop("user", command, "example-shoes", "nobody", stdin="x\n", code=1).stderr
    assert "has no user 'nobody'; `idp user list example-shoes`" in said
    assert "there is no organisation 'elsewhere'" in shop("user", command, "elsewhere", "x", stdin="x\n", code=1).stderr


def test_reset_takes_the_factor_and_makes_a_set_up_compulsory(shop: Idp) -> None:
    """S47: reset means that it must be set up at the next sign-in."""
    shop("user", "reset-factor", "EXAMPLE-SHOES", "Anna")
    factor = shop.json("user", "show", "example-shoes", "anna")["second_factor"]
    assert (factor["since"], factor["must_set_up"], factor["recovery_codes_left"]) == (None, True, 0)


def test_remove_takes_the_factor_and_asks_for_none(shop: Idp) -> None:
    """S47, S28: removed means gone with its recovery codes; twice says so."""
    shop("user", "remove-factor", "example-shoes", "anna")
    factor = shop.json("user", "show", "example-shoes", "anna")["second_factor"]
    assert (factor["since"], factor["must_set_up"], factor["recovery_codes_left"]) == (None, False, 0)
    assert "had none" in shop("user", "remove-factor", "example-shoes", "anna").stdout


def test_a_reset_is_told_by_mail(shop: Idp, inside: Callable[[], Any]) -> None:
    """S53: mail when a second factor was reset."""
    shop("user", "reset-factor", "example-shoes", "anna")
    with inside():
        assert [(mail.template, mail.recipient) for mail in outbox.mails()] == [("factor_reset", "anna@shoes.example")]


def test_disable_and_enable(shop: Idp) -> None:
    """Disabling twice is said, and enabling lets the person in again."""
    assert "is disabled." in shop("user", "disable", "example-shoes", "anna").stdout
    assert "already" in shop("user", "disable", "example-shoes", "anna").stdout
    assert "disabled" in shop("user", "list", "example-shoes").stdout
    shop("user", "enable", "example-shoes", "anna")
    assert shop.json("user", "show", "example-shoes", "anna")["disabled_since"] is None


def test_the_last_owner_cannot_be_disabled(shop: Idp) -> None:
    """The rule is that of the console: no skin has its own."""
    assert "must keep an owner" in shop("user", "disable", "example-shoes", "olga", code=1).stderr


def test_a_password_is_read_from_standard_input(shop: Idp, anna: Callable[[], Any]) -> None:
    """Issue: set-password; a password is never an argument, where others could read it."""
    shop("user", "set-password", "example-shoes", "anna", "--must-change", stdin="forty green umbrellas\n")
    assert passwords.verify(shop.settings, anna(), "forty green umbrellas")
    assert anna().must_change_password
    assert shop("user", "set-password", "example-shoes", "anna", "secret", code=2)


@pytest.mark.parametrize(
    ("password", "why"),
    [("short", "at least"), ("password1234", "leaked"), ("anna anna anna", "made of"), ("a sturdy kettle sings", "present")],
)
def test_an_unsafe_password_is_refused(shop: Idp, anna: Callable[[], Any], password: str, why: str) -> None:
    """S33: a new password that is leaked is refused, at the command line too."""
    before = anna().password_hash
    assert why in shop("user", "set-password", "example-shoes", "anna", stdin=f"{password}\n", code=1).stderr
    assert anna().password_hash == before


def test_no_password_on_standard_input_is_wrong_use(shop: Idp) -> None:
    """An empty pipe must not set an empty password."""
    shop("user", "set-password", "example-shoes", "anna", stdin="", code=2)


def test_unlock_and_end_sessions_say_what_they_found(shop: Idp) -> None:
    """Both may find nothing to do."""
    assert "was not locked" in shop("user", "unlock", "example-shoes", "anna").stdout
    assert "0 session(s)" in shop("user", "end-sessions", "example-shoes", "anna").stdout


def test_an_operator_is_added_outside_every_organisation(idp: Idp) -> None:
    """Issue: `operator add`; the installation's own organisation is made with the first."""
    idp("operator", "add", "ines", "--email", "ines@example.com", stdin="seven grey pigeons\n")
    assert "ines@example.com" in idp("operator", "list").stdout
    factor = idp.json("user", "show", "installation", "ines")["second_factor"]
    assert factor["compulsory_because"], "S10: an operator must have a second factor"
    assert "taken" in idp("operator", "add", "INES", "--email", "i@example.com", stdin="seven grey pigeons\n", code=1).stderr
    assert "leaked" in idp("operator", "add", "otto", "--email", "o@example.com", stdin="password1234\n", code=1).stderr


def test_a_client_is_made_of_json_and_its_secret_shown_once(shop: Idp) -> None:
    """Issue: `client create -`: metadata as JSON in, the stored client with its id and secret as JSON out."""
    given = {"client_name": "Stock", "redirect_uris": ["https://stock.example.com/cb"], "organisations": ["example-shoes"]}
    made = shop.json("client", "create", "-", stdin=json.dumps(given))
    assert len(made["client_secret"]) >= 43
    assert made["token_endpoint_auth_method"] == "client_secret_basic"
    shown = shop.json("client", "show", made["client_id"])
    assert "client_secret" not in shown
    assert shown == {key: value for key, value in made.items() if key != "client_secret"}
    assert shown["organisations"] == ["example-shoes"]


def test_a_public_client_gets_no_secret(idp: Idp) -> None:
    """RFC 7591 §3.2.1: only a confidential client gets a client_secret."""
    given = {"redirect_uris": ["https://a.example.com/cb"], "token_endpoint_auth_method": "none"}
    assert "client_secret" not in idp.json("client", "create", "-", stdin=json.dumps(given))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "must be one object"),
        ("[" * 100_000, "standard input"),
        ("{}", "redirect_uris: At least one address"),
        ('{"redirect_uris": ["http://shop.example/"]}', "redirect_uris: "),
        ('{"redirect_uris": ["https://a.example/"], "first_party": "yes"}', "first_party: "),
        ('{"redirect_uris": ["https://a.example/"], "organisations": ["none"]}', "There is no organisation none"),
        ('{"redirect_uris": ["https://a.example/"], "organisations": "none"}', "organisations: "),
        ('{"redirect_uris": ["https://a.example/"], "minimum_acr": 3}', "minimum_acr: "),
        ('{"redirect_uris": ["https://a.example/"], "client_secret": "short"}', "client_secret: "),
        ('{"redirect_uris": ["https://a.example/"], "client_id": 3}', "client_id: must be text"),
    ],
)
def test_wrong_metadata_is_refused_by_member(idp: Idp, text: str, said: str) -> None:
    """Issue: errors name the place; nothing is made."""
    assert said in idp("client", "create", "-", stdin=text, code=1).stderr
    assert idp("client", "list").stdout == ""


def test_a_client_that_is_not_there_is_one_clear_line(idp: Idp) -> None:
    """For show and for delete."""
    assert "there is no client 'x'" in idp("client", "show", "x", code=1).stderr
    assert "There is no client" in idp("client", "delete", "x", code=1).stderr


def test_explain_names_every_source_of_rules(shop: Idp) -> None:
    """S11: `explain` says for a user why, or why not."""
    shop.apply(FUTURE)
    now = shop("policy", "explain", "example-shoes", "anna", "--client", "pos").stdout
    assert "The policy all-staff starts on 2100-01-01." in now
    assert "The app Kassa does not require it." in now
    then = shop("policy", "explain", "example-shoes", "anna", "--on", "2100-01-01").stdout
    assert "Required by the policy all-staff since 2100-01-01." in then
    assert "no client 'x'" in shop("policy", "explain", "example-shoes", "anna", "--client", "x", code=1).stderr


def test_a_dry_run_lists_the_people_affected_on_a_day(shop: Idp) -> None:
    """S11: a dry run says who would be affected on a date; of a file it looks at rules that are not stored."""
    shop.apply(ANNA.replace('"anna"', '"bert"').split("totp_secret")[0])
    file = shop.folder / "rules.toml"
    file.write_text(FUTURE)
    said = shop("policy", "dry-run", str(file), "--on", "2100-06-01").stdout
    assert "bert" in said
    assert "has none yet" in said
    assert "olga" not in said
    assert "0 of 3 people" in shop("policy", "dry-run", str(file), "--on", "2099-12-31").stdout
    assert "0 of 3 people" in shop("policy", "dry-run", "--on", "2100-06-01").stdout, "nothing stands"
    shop.apply(FUTURE)
    assert "bert" in shop("policy", "dry-run", "all-staff", "--on", "2100-06-01").stdout
    assert "neither an existing rule" in shop("policy", "dry-run", "nothing", "--on", "2100-06-01", code=1).stderr
    shop("policy", "dry-run", "--on", "tomorrow", code=2)


def test_keys_are_listed_and_rotated(idp: Idp, inside: Callable[[], Any]) -> None:
    """Issue: `keys list|rotate`; a key signs only after it was published (ASVS 11.2)."""
    assert idp("keys", "list").stdout.count("active") == 2
    with time_machine.travel(clock.now() + timedelta(minutes=5)):
        said = idp("keys", "rotate").stdout
        assert said.count("signs from now on") == 2
        assert idp("keys", "rotate").stdout.count("must wait a minute") == 2
    with inside():
        assert {keys.state_of(row) for row in signing_keys.all_keys()} == {"retired", "active", "next"}


def test_the_offline_list_is_built_and_asked(idp: Idp) -> None:
    """S31: the offline file built by `idp leaked import` from the SHA1:COUNT form."""
    leaked = [hashlib.sha1(word.encode()).hexdigest().upper() for word in ("grey pigeons everywhere", "another one")]
    source, target = idp.folder / "list.txt", idp.folder / "leaked.bin"
    source.write_text("".join(f"{digest}:3\r\n" for digest in sorted(leaked)))
    assert "2 leaked passwords" in idp("leaked", "import", str(source), str(target)).stdout
    idp.config.write_text(idp.config.read_text() + '[leaked]\nfile = "leaked.bin"\n')
    assert "offline list" in idp("leaked", "check", stdin="grey pigeons everywhere\n", code=1).stderr
    assert "built-in list" in idp("leaked", "check", stdin="password\n", code=1).stderr
    assert "on no list" in idp("leaked", "check", stdin="quite unheard of, this\n").stdout
    piped = idp("leaked", "import", "-", str(target), stdin=source.read_text())
    assert "2 leaked passwords" in piped.stdout


def test_the_offline_list_is_built_from_a_folder_of_range_files(idp: Idp) -> None:
    """Issue 3: each file is named by five digits and holds the others; rows with count 0 are padding."""
    digest, target = hashlib.sha1(b"grey pigeons everywhere").hexdigest(), idp.folder / "leaked.bin"
    folder = idp.folder / "ranges"
    folder.mkdir()
    (folder / f"{digest[:5]}.txt").write_text(f"{digest[5:]}:3\r\n{'0' * 34}1:0\r\n{'0' * 34}2:9\r\n")
    assert "2 leaked passwords" in idp("leaked", "import", str(folder), str(target)).stdout
    idp.config.write_text(idp.config.read_text() + '[leaked]\nfile = "leaked.bin"\n')
    assert "offline list" in idp("leaked", "check", stdin="grey pigeons everywhere\n", code=1).stderr
    (folder / "notes.txt").write_text("not a range")
    refused = idp("leaked", "import", str(folder), str(target), code=1)
    assert "notes.txt" in refused.stderr
    assert "five digits" in refused.stderr


def test_a_wrong_list_names_the_line(idp: Idp) -> None:
    """Errors name the place, and a half-built file is not left behind."""
    source = idp.folder / "list.txt"
    source.write_text("hello\n")
    assert "line 1: " in idp("leaked", "import", str(source), str(idp.folder / "x.bin"), code=1).stderr
    assert not (idp.folder / "x.bin").exists()
    source.write_text("A" * 40 + ":1\n")
    assert "No such file" in idp("leaked", "import", str(source), str(idp.folder / "no" / "x.bin"), code=1).stderr


def test_the_doctor_finds_all_well(idp: Idp) -> None:
    """Issue: `doctor` checks configuration, database, keys, mail and clock."""
    said = idp("doctor").stdout
    assert "FAULT" not in said
    for subject in ("configuration", "database", "keys", "clock", "mail", "leaked list"):
        assert subject in said


def test_the_doctor_asks_the_mail_server(idp: Idp, mailbox: Mailbox) -> None:
    """A server that answers is well, one that does not is a fault with a remedy."""
    before = idp.config.read_text()
    idp.config.write_text(f'{before}[mail]\nhost = "127.0.0.1"\nport = {mailbox.port}\nsecurity = "none"\n')
    assert f"127.0.0.1:{mailbox.port} answers" in idp("doctor").stdout
    mailbox.refusals["MAIL"] = "550 5.7.1 that sender is not yours"
    assert "550 5.7.1 that sender is not yours" in idp("doctor", code=1).stdout
    idp.config.write_text(f'{before}[mail]\nhost = "127.0.0.1"\nport = 1\nsecurity = "none"\n')
    assert "check [mail] host" in idp("doctor", code=1).stdout


FAULTS: list[tuple[Callable[[Idp], object], str]] = [
    (lambda idp: idp.config.chmod(0o644), "chmod 600"),
    (lambda idp: idp.point_at("fresh.sqlite3"), "idp migrate"),
    (lambda idp: idp.point_at("no/such/folder.sqlite3"), "check [database] url"),
    (lambda idp: _replace(idp, "test:", "test:AAAA", cut=4), "put the sealing key they were made with back"),
    (lambda idp: idp.config.write_text(idp.config.read_text() + '[leaked]\nfile = "none.bin"\n'), "idp leaked import"),
    (lambda idp: idp.config.write_text(idp.config.read_text() + '[mail]\nfolder = "/dev/null/x"\n'), "name a [mail] host"),
]


def _replace(idp: Idp, old: str, new: str, cut: int = 0) -> None:
    text = idp.config.read_text()
    at = text.index(old)
    idp.config.write_text(text[:at] + new + text[at + len(old) + cut :])


@pytest.mark.parametrize(("spoil", "remedy"), FAULTS)
def test_the_doctor_says_what_to_do(idp: Idp, spoil: Callable[[Idp], object], remedy: str) -> None:
    """Issue: and says what to do; a fault is exit code 1."""
    spoil(idp)
    assert remedy in idp("doctor", code=1).stdout


def test_migrate_says_whether_there_was_anything(idp: Idp, tmp_path: Path) -> None:
    """`migrate --check` changes nothing and answers by its exit code."""
    assert "is up to date" in idp("migrate").stdout
    idp.point_at("fresh.sqlite3")
    assert "run `idp migrate`" in idp("migrate", "--check", code=1).stderr
    assert "was brought up to date" in idp("migrate").stdout
    assert "is up to date" in idp("migrate", "--check").stdout
