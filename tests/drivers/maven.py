"""Resolve the libraries of a Maven project, once for each version of its ``pom.xml``, and compile Java against them."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.drivers.machine import leave_out
from tests.drivers.node import CACHE, put

HOW = "apt install maven default-jdk-headless (Java 17 or newer)"
LISTED = "classpath.txt"
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
"""Options of Java: a process that lives for seconds is not worth optimising."""


def classpath(folder: Path) -> str:
    """Return the class path of ``folder``'s project. Skips the test without Java, Maven or a repository."""
    maven = shutil.which("mvn")
    if maven is None or shutil.which("javac") is None:
        leave_out("Java with Maven", HOW)
    place = CACHE / f"{folder.name}-{hashlib.sha256((folder / 'pom.xml').read_bytes()).hexdigest()[:16]}"
    if not place.exists():
        CACHE.mkdir(exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=CACHE))
        shutil.copy(folder / "pom.xml", made)
        command = [maven, "-q", "-B", "dependency:build-classpath", f"-Dmdep.outputFile={LISTED}"]
        ran = subprocess.run(command, cwd=made, capture_output=True, text=True, check=False, timeout=400)
        if ran.returncode != 0:
            shutil.rmtree(made)
            leave_out("a Maven repository", f"Maven failed in {folder.name}: {ran.stdout.strip()[-300:]}")
        put(made, place)
    return (place / LISTED).read_text().strip()


def compile_java(folder: Path, path: str) -> None:
    """Compile the Java files of a folder in place."""
    sources = [str(file) for file in folder.glob("*.java")]
    ran = subprocess.run(
        ["javac", "-cp", path, "-d", str(folder), *sources], capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
