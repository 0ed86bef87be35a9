"""Run Node.js with the npm packages that a folder of the tests locks. Each lock is installed once into the cache."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.drivers.machine import leave_out

CACHE = Path(__file__).parents[2] / ".cache"
HOW = "apt install nodejs npm (Node.js 20 or newer)"
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def installed(folder: Path) -> Path:
    """Return a folder with ``node_modules`` as in ``folder``'s lock. Skips the test without Node.js, npm or a registry."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        leave_out("Node.js with npm", HOW)
    lock = (folder / "package-lock.json").read_bytes() + (folder / "package.json").read_bytes()
    place = CACHE / f"{folder.name}-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not place.exists():
        CACHE.mkdir(exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=CACHE))
        for name in ("package.json", "package-lock.json"):
            shutil.copy(folder / name, made)
        ran = subprocess.run([npm, *INSTALL], cwd=made, capture_output=True, text=True, check=False, timeout=240)
        if ran.returncode != 0:
            shutil.rmtree(made)
            leave_out("a registry of npm packages", f"npm ci failed in {folder.name}: {ran.stderr.strip()[-300:]}")
        put(made, place)
    return place


def put(made: Path, place: Path) -> None:
    """Move the folder into place whole or not at all: another process may install the same at this moment."""
    try:
        made.rename(place)
    except OSError:
        shutil.rmtree(made)


def start(place: Path, script: Path) -> subprocess.Popen[str]:
    """Run a script with the packages of ``place``. A copy of it runs there, because a module finds packages only beside
    itself.
    """
    copied = place / script.name
    mine = copied.with_suffix(f".{os.getpid()}")
    shutil.copy(script, mine)
    mine.replace(copied)
    return subprocess.Popen(
        ["node", copied.name], cwd=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
