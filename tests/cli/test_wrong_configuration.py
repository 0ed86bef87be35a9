"""For every command, a wrong configuration gives one line with key and form. The environment is read as the file is."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from idp import config
from idp.cli import main
from tests.conftest import SECRET

GOOD = f'issuer = "https://id.example.com"\nsecrets = ["{SECRET}"]\n'
COMMANDS = (
    ("doctor",), ("run",), ("worker",), ("migrate",), ("migrate", "--check"), ("apply", "FILE"), ("user", "list", "x"),
    ("keys", "list"), ("audit", "verify"), ("client", "list"), ("policy", "explain", "x", "y"), ("organisation", "list"),
)  # fmt: skip
WRONG = {
    '[server]\nbnid = "127.0.0.1:1"\n': "server.bnid: is not a known key",
    "[server]\nbind = 8000\n": "server.bind: must be text",
    '[server]\nbind = "8000"\n': "server.bind: must be HOST:PORT",
    '[server]\nworkers = "many"\n': "server.workers: Input should be a valid integer",
    '[server]\ntrusted_proxies = ["10.0.0.1/8"]\n': "server.trusted_proxies: '10.0.0.1/8' must be an address or a network",
    'server = "127.0.0.1"\n': "server: must be a table",
    '[database]\nurl = "mysql://x/y"\n': "database.url: must be sqlite:///FILE or postgresql://",
    '[database]\nurl = "sqlite://"\n': "database.url: must be sqlite:///FILE",
    '[database]\nurl = "sqlite:///a.db?timeout=1"\n': "database.url: takes no option for SQLite (timeout)",
    '[database]\nurl = "postgresql://u@h:port/n"\n': "database.url: must be",
    '[database]\nurl = "postgresql://u@h/n?shcema=x"\n': 'database.url: invalid connection option "shcema"',
    '[database]\nurl = "postgresql://u@h/n?prepare_threshold=x"\n': "database.url: prepare_threshold must be a number",
    '[database]\nurl = "postgresql://u@127.0.0.1:1/n"\n': "database: connection ",
    '[database]\nurl = "sqlite:////no/such/folder/x.db"\n': "database: unable to open database file",
    "[mail\n": "cannot be read as TOML: ",
    "[mail]\nsender = 5\n": "mail.sender: must be text",
    '[mail]\nsecurity = "ssl"\n': "mail.security: Input should be 'starttls', 'tls' or 'none'",
}  # fmt: skip


def one_line(file: Path, *command: str) -> str:
    """Return what a command prints on standard error before it exits with 1."""
    result = CliRunner().invoke(main, [*command, "--config", str(file)])
    assert result.exit_code == 1, (command, result.output)
    assert isinstance(result.exception, SystemExit), (command, result.exception)
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, (command, result.stderr)
    return lines[0]


@pytest.mark.parametrize("text", WRONG, ids=WRONG.values())
def test_every_command_reports_a_wrong_key_in_one_line(tmp_path: Path, text: str) -> None:
    """The line names key and form, without a traceback."""
    file, document = tmp_path / "wrong.toml", tmp_path / "shop.toml"
    file.write_text(GOOD + text if not text.startswith("server") else text + GOOD)
    file.chmod(0o600)
    document.write_text("")
    for command in COMMANDS:
        if command == ("doctor",) and WRONG[text].startswith("database: "):
            continue  # the doctor lists it among its findings, see below
        line = one_line(file, *(str(document) if part == "FILE" else part for part in command))
        assert WRONG[text] in line, (command, line)


@pytest.mark.parametrize("url", ["postgresql://u@127.0.0.1:1/n", "sqlite:////no/such/folder/x.db"])
def test_the_doctor_lists_a_database_that_cannot_be_opened(tmp_path: Path, url: str) -> None:
    """The finding names key and remedy. The other findings follow."""
    file = tmp_path / "wrong.toml"
    file.write_text(f'{GOOD}[database]\nurl = "{url}"\n')
    result = CliRunner().invoke(main, ["doctor", "--config", str(file)])
    assert isinstance(result.exception, SystemExit), result.exception
    assert "FAULT database" in result.output
    assert "check [database] url" in result.output
    assert "mail" in result.output


@pytest.mark.parametrize("host", ["no..host", "127.0.0.1", "xn--a", "[::1"])
def test_the_doctor_lists_an_unreachable_mail_server(tmp_path: Path, host: str) -> None:
    """This holds for any text in `host`."""
    file = tmp_path / "sleutel.toml"
    file.write_text(f'{GOOD}[mail]\nhost = "{host}"\nport = 1\n')
    file.chmod(0o600)
    result = CliRunner().invoke(main, ["doctor", "--config", str(file)])
    assert isinstance(result.exception, SystemExit), result.exception
    assert "FAULT mail" in result.output


def test_an_unreadable_configuration_file_gets_one_line(tmp_path: Path) -> None:
    """The path is a folder, or does not exist."""
    assert "cannot be read: Is a directory" in one_line(tmp_path, "doctor")
    assert "no such file" in one_line(tmp_path / "none.toml", "doctor")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("IDP_SERVR__BIND", "x", "IDP_SERVR__BIND: is not a known key"),
        ("IDP_SERVER__BNID", "x", "IDP_SERVER__BNID: is not a known key"),
        ("IDP_SERVER__WORKERS", "many", "IDP_SERVER__WORKERS: Input should be a valid integer"),
        ("IDP_SERVER__TRUSTED_PROXIES", "10.0.0.1,x", "IDP_SERVER__TRUSTED_PROXIES: 'x' must be an address or a network"),
        ("IDP_SERVER__TRUSTED_PROXIES", "[10.0.0.1]", "IDP_SERVER__TRUSTED_PROXIES: must be a list"),
        ("IDP_DATABASE__URL", "oracle://x", "IDP_DATABASE__URL: must be sqlite:///FILE"),
    ],
)
def test_a_wrong_variable_is_named_instead_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    """A misspelt variable is refused, and the message does not name the file."""
    file = tmp_path / "sleutel.toml"
    file.write_text(GOOD)
    monkeypatch.setenv(name, value)
    assert f"environment: {reason}" in one_line(file, "doctor")


@pytest.mark.parametrize("value", ["10.0.0.1,fd00::/8", " 10.0.0.1 , fd00::/8 ", '["10.0.0.1", "fd00::/8"]'])
def test_the_environment_accepts_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """`a,b` works, and so does JSON."""
    file = tmp_path / "sleutel.toml"
    file.write_text(GOOD)
    monkeypatch.setenv("IDP_SERVER__TRUSTED_PROXIES", value)
    monkeypatch.setenv("IDP_SECRETS", f"{SECRET},{config.new_ring_entry('old')}")
    found = config.read(file)
    assert found.server.trusted_proxies == ("10.0.0.1", "fd00::/8")
    assert len(found.secrets) == 2
