"""``idp init``: the first configuration."""

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from idp import config
from idp.cli import main


def init(file: Path, *options: str) -> Result:
    """Run ``idp init`` on a file."""
    return CliRunner().invoke(main, ["init", str(file), *options])


def test_init_writes_a_configuration_that_is_read_back(tmp_path: Path) -> None:
    """Issue: `init FILE --issuer URL [--database URL] [--bind HOST:PORT]` writes a configuration with fresh secrets."""
    file = tmp_path / "s.toml"
    result = init(
        file, "--issuer", "https://id.example.com", "--database", "postgresql://idp@db/idp", "--bind", "[::1]:9000"
    )
    assert result.exit_code == 0, result.output
    settings = config.read(file)
    assert settings.issuer == "https://id.example.com"
    assert settings.database.url == "postgresql://idp@db/idp"
    assert settings.server.address == ("::1", 9000)


def test_two_configurations_share_no_secret(tmp_path: Path) -> None:
    """Each installation seals with keys of its own."""
    for name in ("one", "two"):
        init(tmp_path / name, "--issuer", "https://id.example.com")
    assert config.read(tmp_path / "one").secrets != config.read(tmp_path / "two").secrets


def test_the_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    """It holds the sealing keys."""
    init(tmp_path / "s.toml", "--issuer", "https://id.example.com")
    assert stat.S_IMODE((tmp_path / "s.toml").stat().st_mode) == 0o600


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    """The keys in it open what is in a database."""
    file = tmp_path / "s.toml"
    file.write_text("mine")
    result = init(file, "--issuer", "https://id.example.com")
    assert result.exit_code == 1
    assert "exists already" in result.output
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "place", "remedy"),
    [
        (["--issuer", "http://id.example.com"], "--issuer", "must be https"),
        (["--issuer", "id.example.com"], "--issuer", "must be an address like https://"),
        (["--issuer", "https://id.example.com/"], "--issuer", "final slash"),
        (["--issuer", "https://id.example.com/?a=b"], "--issuer", "without query"),
        (["--issuer", "https://id.example.com", "--bind", "8000"], "--bind", "must be HOST:PORT"),
        (["--issuer", "https://id.example.com", "--bind", "localhost:99999"], "--bind", "must be HOST:PORT"),
        (["--issuer", "https://id.example.com", "--database", "mysql://x"], "--database", "must be sqlite:///FILE"),
    ],
)
def test_wrong_options_are_refused_with_place_and_remedy(
    tmp_path: Path, options: list[str], place: str, remedy: str
) -> None:
    """Issue: `init` names place and remedy; plain http is for loopback alone. Nothing is written."""
    result = init(tmp_path / "s.toml", *options)
    assert result.exit_code == 1
    assert f"{place}: " in result.output
    assert remedy in result.output
    assert not (tmp_path / "s.toml").exists()


@pytest.mark.parametrize("issuer", ["http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000"])
def test_plain_http_is_taken_for_loopback(tmp_path: Path, issuer: str) -> None:
    """Issue: plain http is accepted for loopback issuers only."""
    assert init(tmp_path / "s.toml", "--issuer", issuer).exit_code == 0
    assert not config.read(tmp_path / "s.toml").is_secure


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    """No traceback for a user's error."""
    result = init(tmp_path / "no" / "s.toml", "--issuer", "https://id.example.com")
    assert result.exit_code == 1
    assert "cannot be written" in result.output


def test_calling_it_wrongly_is_exit_code_2(tmp_path: Path) -> None:
    """0 done, 1 refused, 2 wrongly called."""
    assert init(tmp_path / "s.toml").exit_code == 2


def test_the_first_command_on_a_new_database_makes_its_tables(tmp_path: Path) -> None:
    """The newcomer's order: init, apply, run. Nothing is lost by migrating a database that has no table."""
    file = tmp_path / "sleutel.toml"
    runner = CliRunner()
    assert runner.invoke(main, ["init", str(file), "--issuer", "http://localhost:8000"]).exit_code == 0
    listed = runner.invoke(main, ["organisation", "list", "--config", str(file)])
    assert listed.exit_code == 0
    assert "tables were created" in listed.output
    assert "tables were created" not in runner.invoke(main, ["organisation", "list", "--config", str(file)]).output
