"""Build a Go program with the modules that a folder of the tests locks."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.drivers.machine import leave_out

HOW = "install Go 1.26 or newer"
VERSION = re.compile(r"go1\.(\d+)")


def build(folder: Path, lock: Path) -> Path:
    """Build a program with the ``go.mod`` and ``go.sum`` of ``lock``. Skips the test without Go or its modules."""
    found = shutil.which("go") and VERSION.search(_run(folder, "version").stdout)
    if not found or int(found[1]) < 26:
        leave_out("Go", HOW)
    for name in ("go.mod", "go.sum"):
        shutil.copy(lock / name, folder)
    ran = _run(folder, "mod", "download")
    if ran.returncode != 0:
        leave_out("a proxy of Go modules", f"go mod download failed: {ran.stderr.strip()[-300:]}")
    ran = _run(folder, "build", "-o", "app", ".")
    assert ran.returncode == 0, ran.stderr
    return folder / "app"


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``go`` without C, so that fewer packages are compiled."""
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"}
    return subprocess.run(
        ["go", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=400
    )
