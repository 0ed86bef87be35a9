"""Commands about users, policies, keys, leaked passwords and operators, and the doctor."""

import hashlib
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
    """Make a shop with an owner and Anna, who has a second factor."""
    idp.apply(SHOP + ANNA + POS)
    return idp


def test_every_command_has_a_help_text(idp: Idp) -> None:
    """Issue: `--help` teaches, and -h prints the same."""
    from idp.cli import main

    for name in main.places:
        output = idp(name, "-h").stdout
        assert "Usage: " in output
        assert "--config" in output


@pytest.mark.parametrize(
    "command", ["show", "reset-factor", "disable", "one-time-code", "unlock", "set-password", "end-sessions"]
)
def test_an_unknown_user_gets_one_clear_line(shop: Idp, command: str) -> None:
    """An error of the user shows no traceback, and says where to look."""
    output = shop("user", command, "example-shoes", "nobody", stdin="x\n", code=1).stderr
    assert "has no user 'nobody'; `idp user list example-shoes`" in output
    assert "there is no organisation 'elsewhere'" in shop("user", command, "elsewhere", "x", stdin="x\n", code=1).stderr


def test_reset_removes_the_factor_and_requires_a_new_one(shop: Idp) -> None:
    """S47: the user must set up a factor at the next sign-in."""
    shop("user", "reset-factor", "EXAMPLE-SHOES", "Anna")
    factor = shop.json("user", "show", "example-shoes", "anna")["second_factor"]
    assert (factor["since"], factor["must_set_up"], factor["recovery_codes_left"]) == (None, True, 0)


def test_remove_deletes_the_factor_and_requires_no_new_one(shop: Idp) -> None:
    """S47, S28: the recovery codes are deleted too. A second run says that there is no factor."""
    shop("user", "remove-factor", "example-shoes", "anna")
    factor = shop.json("user", "show", "example-shoes", "anna")["second_factor"]
    assert (factor["since"], factor["must_set_up"], factor["recovery_codes_left"]) == (None, False, 0)
    assert "had none" in shop("user", "remove-factor", "example-shoes", "anna").stdout


def test_a_reset_sends_a_mail(shop: Idp, inside: Callable[[], Any]) -> None:
    """S53: a reset of the second factor sends a mail to the user."""
    shop("user", "reset-factor", "example-shoes", "anna")
    with inside():
        assert [(mail.template, mail.recipient) for mail in outbox.mails()] == [("factor_reset", "anna@shoes.example")]


def test_a_disabled_user_can_be_enabled_again(shop: Idp) -> None:
    """A second disable says so, and enable permits sign-in again."""
    assert (
        "is disabled and signed out everywhere: 0 sessions ended." in shop("user", "disable", "example-shoes", "anna").stdout
    )
    assert "already" in shop("user", "disable", "example-shoes", "anna").stdout
    assert "disabled" in shop("user", "list", "example-shoes").stdout
    shop("user", "enable", "example-shoes", "anna")
    assert shop.json("user", "show", "example-shoes", "anna")["disabled_since"] is None


def test_the_last_owner_cannot_be_disabled(shop: Idp) -> None:
    """The command line follows the rule of the console."""
    assert "needs an owner" in shop("user", "disable", "example-shoes", "olga", code=1).stderr


def test_a_password_is_read_from_standard_input(shop: Idp, anna: Callable[[], Any]) -> None:
    """Issue: set-password. A password is never an argument, as other users could read it."""
    shop("user", "set-password", "example-shoes", "anna", "--must-change", stdin="forty green umbrellas\n")
    assert passwords.verify(shop.settings, anna(), "forty green umbrellas")
    assert anna().must_change_password
    assert shop("user", "set-password", "example-shoes", "anna", "secret", code=2)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", "at least"),
        ("password1234", "leaked"),
        ("anna anna anna", "not contain"),
        ("a sturdy kettle sings", "current"),
    ],
)
def test_an_unsafe_password_is_refused(shop: Idp, anna: Callable[[], Any], password: str, why: str) -> None:
    """S33: the command line refuses a leaked password too."""
    before = anna().password_hash
    assert why in shop("user", "set-password", "example-shoes", "anna", stdin=f"{password}\n", code=1).stderr
    assert anna().password_hash == before


def test_an_empty_standard_input_sets_no_password(shop: Idp) -> None:
    """An empty pipe must not set an empty password."""
    shop("user", "set-password", "example-shoes", "anna", stdin="", code=2)


def test_unlock_and_end_sessions_report_what_they_did(shop: Idp) -> None:
    """Both may have nothing to do."""
    assert "was not blocked" in shop("user", "unlock", "example-shoes", "anna").stdout
    assert "0 sessions ended" in shop("user", "end-sessions", "example-shoes", "anna").stdout


def test_an_operator_is_added_outside_every_organisation(idp: Idp) -> None:
    """Issue: `operator add` makes the installation's own organisation with the first operator."""
    idp("operator", "add", "ines", "--email", "ines@example.com", stdin="seven grey pigeons\n")
    assert "ines@example.com" in idp("operator", "list").stdout
    factor = idp.json("user", "show", "installation", "ines")["second_factor"]
    assert factor["compulsory_because"], "S10: an operator must have a second factor"
    assert "taken" in idp("operator", "add", "INES", "--email", "i@example.com", stdin="seven grey pigeons\n", code=1).stderr
    assert "leaked" in idp("operator", "add", "otto", "--email", "o@example.com", stdin="password1234\n", code=1).stderr


def test_explain_names_every_source_of_rules(shop: Idp) -> None:
    """S11: `explain` gives the reasons why a requirement applies to a user, or not."""
    shop.apply(FUTURE)
    now = shop("policy", "explain", "example-shoes", "anna", "--client", "pos").stdout
    assert "The policy all-staff starts on 2100-01-01." in now
    assert "The app Kassa does not require it." in now
    then = shop("policy", "explain", "example-shoes", "anna", "--on", "2100-01-01").stdout
    assert "Required by the policy all-staff since 2100-01-01." in then
    assert "no client 'x'" in shop("policy", "explain", "example-shoes", "anna", "--client", "x", code=1).stderr


def test_a_dry_run_lists_the_users_affected_on_a_day(shop: Idp) -> None:
    """S11: a dry run lists users on a date. For a file, it uses rules that are not stored."""
    shop.apply(ANNA.replace('"anna"', '"bert"').split("totp_secret")[0])
    file = shop.folder / "rules.toml"
    file.write_text(FUTURE)
    output = shop("policy", "dry-run", str(file), "--on", "2100-06-01").stdout
    assert "bert" in output
    assert "has none yet" in output
    assert "olga" not in output
    assert "0 of 3 people" in shop("policy", "dry-run", str(file), "--on", "2099-12-31").stdout
    assert "0 of 3 people" in shop("policy", "dry-run", "--on", "2100-06-01").stdout, "a dry run must store no rule"
    shop.apply(FUTURE)
    assert "bert" in shop("policy", "dry-run", "all-staff", "--on", "2100-06-01").stdout
    assert "neither an existing rule" in shop("policy", "dry-run", "nothing", "--on", "2100-06-01", code=1).stderr
    shop("policy", "dry-run", "--on", "tomorrow", code=2)


def test_keys_are_listed_and_rotated(idp: Idp, inside: Callable[[], Any]) -> None:
    """Issue: `keys list|rotate`. A key signs only after its publication (ASVS 11.2)."""
    assert idp("keys", "list").stdout.count("active") == 2
    with time_machine.travel(clock.now() + timedelta(minutes=5)):
        output = idp("keys", "rotate").stdout
        assert output.count("signs from now on") == 2
        assert idp("keys", "rotate").stdout.count("must wait a minute") == 2
    with inside():
        assert {keys.state_of(row) for row in signing_keys.all_keys()} == {"retired", "active", "next"}


def test_the_offline_list_is_imported_and_used(idp: Idp) -> None:
    """S31: `idp leaked import` builds the offline file from lines SHA1:COUNT."""
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
    """Five digits name each file, which has the other digits. Rows with count 0 are padding."""
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


def test_a_wrong_list_is_refused_with_its_line(idp: Idp) -> None:
    """A half-built file is deleted."""
    source = idp.folder / "list.txt"
    source.write_text("hello\n")
    assert "line 1: " in idp("leaked", "import", str(source), str(idp.folder / "x.bin"), code=1).stderr
    assert not (idp.folder / "x.bin").exists()
    source.write_text("A" * 40 + ":1\n")
    assert "No such file" in idp("leaked", "import", str(source), str(idp.folder / "no" / "x.bin"), code=1).stderr


def test_the_doctor_finds_no_fault_in_a_good_installation(idp: Idp) -> None:
    """Issue: `doctor` checks configuration, database, keys, mail and clock."""
    output = idp("doctor").stdout
    assert "FAULT" not in output
    for subject in ("configuration", "database", "keys", "clock", "mail", "leaked list"):
        assert subject in output


def test_the_doctor_asks_the_mail_server(idp: Idp, mailbox: Mailbox) -> None:
    """A server that answers is fine. Another one is a fault with a remedy."""
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
def test_the_doctor_names_the_remedy_of_each_fault(idp: Idp, spoil: Callable[[Idp], object], remedy: str) -> None:
    """Issue: a fault gives exit code 1."""
    spoil(idp)
    assert remedy in idp("doctor", code=1).stdout


def test_migrate_says_whether_migrations_were_due(idp: Idp, tmp_path: Path) -> None:
    """`migrate --check` changes nothing and answers by its exit code."""
    assert "is up to date" in idp("migrate").stdout
    idp.point_at("fresh.sqlite3")
    assert "run `idp migrate`" in idp("migrate", "--check", code=1).stderr
    assert "was brought up to date" in idp("migrate").stdout
    assert "is up to date" in idp("migrate", "--check").stdout


def test_a_last_day_is_set_shown_and_removed(shop: Idp) -> None:
    """S63: `idp user valid-until`. `idp apply` sets it as a date, and clears it by an empty text."""
    assert "ends after 2999-12-31" in shop("user", "valid-until", "example-shoes", "anna", "2999-12-31").stdout
    assert "until 2999-12-31" in shop("user", "list", "example-shoes").stdout
    assert '"valid_until": "2999-12-31"' in shop("user", "show", "example-shoes", "anna").stdout
    assert "has no last day" in shop("user", "valid-until", "example-shoes", "anna", "never").stdout
    assert '"valid_until": null' in shop("user", "show", "example-shoes", "anna").stdout
    assert "must be a date" in shop("user", "valid-until", "example-shoes", "anna", "soon", code=1).stderr
    shop.apply(SHOP + ANNA + "valid_until = 2020-01-31\n" + POS)
    assert "ended 2020-01-31" in shop("user", "list", "example-shoes").stdout
    shop.apply(SHOP + ANNA + 'valid_until = ""\n' + POS)
    assert "2020-01-31" not in shop("user", "list", "example-shoes").stdout
