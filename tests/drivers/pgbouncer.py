"""Run a PgBouncer in transaction mode before a test's PostgreSQL, on a socket in a folder of its own."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.drivers import postgres
from tests.drivers.machine import free_port, leave_out

HOW = "apt install pgbouncer"
CONFIG = """\
[databases]
* = host={server}
[pgbouncer]
unix_socket_dir = {folder}
listen_port = {port}
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 2
logfile = {folder}/log
pidfile = {folder}/pid
"""


@contextmanager
def bouncing(server: postgres.Server, name: str) -> Iterator[str]:
    """Give the address of the database ``name`` through a pooler with two connections to ``server``."""
    binary = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if binary is None:
        leave_out("PgBouncer", HOW)
    folder, port, user = Path(tempfile.mkdtemp(prefix="sleutel-pb-", dir="/tmp")), free_port(), postgres.as_user()
    (folder / "ini").write_text(CONFIG.format(server=server.folder, folder=folder, port=port))
    (folder / "users").write_text('"postgres" ""\n')
    if user:
        os.chown(folder, user["user"], user["group"])
    process = subprocess.Popen([binary, "-q", str(folder / "ini")], cwd="/", **user)
    try:
        url = f"postgresql://postgres@/{name}?host={folder}&port={port}"
        _wait(url, process)
        yield url
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + postgres.START_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("PgBouncer did not start") from error
            time.sleep(0.05)  # waits for an outside process, not for the product
        else:
            return
