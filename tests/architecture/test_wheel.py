"""The installed wheel is complete: templates, migrations and catalogues are in the package."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the unpacked wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.mark.parametrize("top", ["templates", "migrations"])
def test_a_folder_of_the_checkout_is_in_the_package(installed: Path, top: str) -> None:
    """Every file of it is where the installed code looks."""
    wanted = {
        path.relative_to(ROOT) for path in (ROOT / top).rglob("*") if path.is_file() and "__pycache__" not in str(path)
    }
    assert wanted
    assert {path for path in wanted if not (installed / "idp" / path).is_file()} == set()


def test_compiled_catalogues_and_static_files_are_in_the_package(installed: Path) -> None:
    """S62: files that git or the build ignores would be missing only for people who install the wheel."""
    for pattern in ("translations/*/LC_MESSAGES/*.mo", "web/static/**/*.css", "oauth/guides/*.guide"):
        there = {path.relative_to(ROOT / "idp") for path in (ROOT / "idp").glob(pattern)}
        assert there
        assert all((installed / "idp" / path).is_file() for path in there)


def test_the_installed_code_finds_its_own_folders(installed: Path) -> None:
    """Outside the checkout, the code uses the installed folders."""
    code = "from idp.resources import folder; print(folder('templates')); print(folder('migrations'))"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=installed,
        env={"PYTHONPATH": str(installed)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert ran.stdout.split() == [str(installed / "idp" / "templates"), str(installed / "idp" / "migrations")]
