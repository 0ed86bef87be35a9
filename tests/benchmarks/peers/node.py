"""Run node oidc-provider with everything in memory. The packages that its folder locks are installed once into the cache."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.target import CALLBACK, SECRET, Target, started
from tests.drivers import node
from tests.drivers.machine import free_port

HERE = Path(__file__).parent / "node_oidc_provider"


@contextmanager
def running(name: str, folder: Path, algorithm: str) -> Iterator[Target]:
    """Run it with ID tokens signed by ``algorithm``."""
    place, port = node.installed(HERE), free_port()
    folder.mkdir()
    shutil.copy(HERE / "server.mjs", place)  # a module only finds packages beside itself
    command = ["node", str(place / "server.mjs"), str(port), algorithm, SECRET, CALLBACK]
    with started(name, command, port, folder, {"NODE_ENV": "production"}) as target:
        yield target


def version() -> str:
    """Return the locked version."""
    lock = json.loads((HERE / "package-lock.json").read_text())
    return str(lock["packages"]["node_modules/oidc-provider"]["version"])
