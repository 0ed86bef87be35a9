"""Install the Python libraries of relying apps beside our own. Each lock is installed once, into the cache."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.drivers.machine import leave_out
from tests.drivers.node import CACHE, put

INSTALL = ("install", "--quiet", "--disable-pip-version-check", "--no-compile", "--require-hashes")


def installed(folder: Path) -> Path:
    """Return a folder with the packages of ``folder``'s ``requirements.lock``. Skips the test without a registry."""
    lock = folder / "requirements.lock"
    version = f"{sys.version_info.major}.{sys.version_info.minor}".encode()
    place = CACHE / f"{folder.name}-{hashlib.sha256(lock.read_bytes() + version).hexdigest()[:16]}"
    if not place.exists():
        CACHE.mkdir(exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=CACHE))
        command = [sys.executable, "-m", "pip", *INSTALL, "-r", str(lock), "--target", str(made)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
        if ran.returncode != 0:
            shutil.rmtree(made)
            leave_out("a registry of Python packages", f"pip install failed in {folder.name}: {ran.stderr.strip()[-300:]}")
        put(made, place)
    return place


def environment(place: Path) -> dict[str, str]:
    """Return the environment of a process that imports the packages of ``place`` before ours."""
    return {**os.environ, "PYTHONPATH": str(place), "PYTHONWARNINGS": "ignore"}
