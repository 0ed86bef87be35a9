"""``idp init`` writes the first configuration."""

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from idp import config
from idp.cli import main


def init(file: Path, *options: str) -> Result:
    """Run ``idp init`` on a file."""
    return CliRunner().invoke(main, ["init", str(file), *options])


def test_init_writes_a_configuration_that_can_be_read(tmp_path: Path) -> None:
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
    """Each installation has its own sealing keys."""
    for name in ("one", "two"):
        init(tmp_path / name, "--issuer", "https://id.example.com")
    assert config.read(tmp_path / "one").secrets != config.read(tmp_path / "two").secrets


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    """The file contains the sealing keys."""
    init(tmp_path / "s.toml", "--issuer", "https://id.example.com")
    assert stat.S_IMODE((tmp_path / "s.toml").stat().st_mode) == 0o600


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    """Without its keys, the sealed values in a database are lost."""
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
    """Issue: `init` names place and remedy and writes no file. Only loopback may use plain http."""
    result = init(tmp_path / "s.toml", *options)
    assert result.exit_code == 1
    assert f"{place}: " in result.output
    assert remedy in result.output
    assert not (tmp_path / "s.toml").exists()


@pytest.mark.parametrize("issuer", ["http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000"])
def test_plain_http_is_accepted_for_loopback(tmp_path: Path, issuer: str) -> None:
    """Issue: plain http is accepted for loopback issuers only."""
    assert init(tmp_path / "s.toml", "--issuer", issuer).exit_code == 0
    assert not config.read(tmp_path / "s.toml").is_secure


def test_a_missing_folder_gets_one_clear_line(tmp_path: Path) -> None:
    """An error of the user shows no traceback."""
    result = init(tmp_path / "no" / "s.toml", "--issuer", "https://id.example.com")
    assert result.exit_code == 1
    assert "cannot be written" in result.output


def test_a_wrong_call_gives_exit_code_2(tmp_path: Path) -> None:
    """The exit code is 0 for done, 1 for refused and 2 for a wrong call."""
    assert init(tmp_path / "s.toml").exit_code == 2


def test_the_first_command_on_a_new_database_makes_its_tables(tmp_path: Path) -> None:
    """The newcomer's order is init, apply, run. A migration of a database without tables loses no data."""
    file = tmp_path / "sleutel.toml"
    runner = CliRunner()
    assert runner.invoke(main, ["init", str(file), "--issuer", "http://localhost:8000"]).exit_code == 0
    listed = runner.invoke(main, ["organisation", "list", "--config", str(file)])
    assert listed.exit_code == 0
    assert "tables were created" in listed.output
    assert "tables were created" not in runner.invoke(main, ["organisation", "list", "--config", str(file)]).output
